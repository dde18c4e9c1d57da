"""Routes of the desk and the administration."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from admin import actions, forms, policy, queries
from core import clock, files, mail, outbox, search
from core.errors import NotFound, Refused, require
from core.forms import errors_of, parse
from core.sign_in import member, viewer
from core.site import Site, site
from core.viewer import Viewer
from forum import actions as forum_actions
from forum import queries as forum
from listening import queries as listening
from people import actions as people_actions
from people import queries as people

blueprint = Blueprint("admin", __name__)
PERIODS = (30, 90, 365, 0)


@blueprint.app_context_processor
def _staff_counts() -> dict[str, Any]:
    """What waits, on the staff's own bar."""
    asker = viewer()
    if not asker.is_staff or request.method != "GET" or request.headers.get("HX-Request"):
        return {}
    waiting = forum.waiting(asker)
    return {
        "staff_counts": {"inbox": listening.new_count(asker), "desk": waiting["flags"] + waiting["cases"]}
    }


@blueprint.get("/desk")
def desk() -> ResponseReturnValue:
    """Cases by deadline, then flagged posts by how long they wait."""
    asker = member()
    require(policy.may_see_desk(asker))
    tab = request.args.get("show", "open")
    return render_template(
        "admin/desk.html",
        tab=tab,
        waiting=forum.waiting(asker),
        cases=forum.escalation_queue(asker, closed=tab == "closed") if tab != "flags" else [],
        flags=forum.flag_queue(asker) if tab in ("open", "flags") else [],
    )


@blueprint.get("/circle")
def circle() -> ResponseReturnValue:
    """The circle in numbers."""
    asker = member()
    require(policy.may_see_circle(asker))
    asked = request.args.get("days", "90")
    days = int(asked) if asked.isdecimal() and int(asked) in PERIODS else 90
    return render_template(
        "admin/circle.html", circle=queries.circle(asker, days), days=days, periods=PERIODS
    )


def _administrator() -> Viewer:
    asker = member()
    require(policy.may_administer(asker))
    return asker


@blueprint.get("/admin")
def start() -> ResponseReturnValue:
    """Where things are, and whether anything is wrong."""
    asker = member()
    require(asker.is_staff)
    return render_template(
        "admin/start.html", backlog=outbox.backlog(), is_owner=policy.may_administer(asker), health=_health()
    )


def _health() -> dict[str, bool]:
    return {"search": search.index().healthy()}


@blueprint.get("/admin/site")
def site_form() -> ResponseReturnValue:
    """Name and brand."""
    _administrator()
    return render_template("admin/site.html", typed=site(), errors={})


@blueprint.post("/admin/site")
def name_site() -> ResponseReturnValue:
    """Save name and brand."""
    actor = _administrator()
    try:
        form = parse(forms.SiteForm, request.form)
        uploaded = request.files.get("logo")
        data = uploaded.read() if uploaded and uploaded.filename else b""
        picture = files.accept_picture(data) if data else None
    except Refused as refused:
        return render_template(
            "admin/site.html", typed=request.form, errors=errors_of(refused)
        ), refused.status
    actions.name_site(
        actor, name=form.name, tagline=form.tagline, brand_hue=form.brand_hue, brand_chroma=form.brand_chroma
    )
    if picture:
        actions.set_logo(actor, picture)
    flash(_("Saved. Every page shows it within seconds."), "success")
    return redirect(url_for("admin.site_form"), 303)


@blueprint.get("/site/brand-<int:hue>-<chroma>.css")
def brand(hue: int, chroma: str) -> ResponseReturnValue:
    """The brand's tokens; the address changes with the values, so it is kept for good."""
    stands: Site = site()
    if (str(hue), chroma) != (stands.brand_hue, stands.brand_chroma):
        raise NotFound
    css = f":root{{--brand-hue:{hue};--brand-chroma:{chroma}}}\n"
    return Response(
        css,
        content_type="text/css; charset=utf-8",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@blueprint.get("/site/logo/<key>")
def logo(key: str) -> ResponseReturnValue:
    """The logo's picture."""
    if key != site().logo_key:
        raise NotFound
    return files.answer(key, filename="logo", cache="public, max-age=86400")


@blueprint.get("/admin/people")
def people_list() -> ResponseReturnValue:
    """Who has which role, and who is invited."""
    asker = _administrator()
    words = request.args.get("q", "").strip()[:60]
    found = people.directory(asker, words, request.args.get("after", ""))
    team = people.cards(people.staff_ids())
    return render_template(
        "admin/people.html",
        found=found,
        words=words,
        team=[(card, sorted(people.roles_of(card.id))) for card in team.values()],
        invitations=people.open_invitations(),
        roles=_role_options(),
    )


def _role_options() -> list[tuple[str, str]]:
    return [
        ("customer", _("Customer")),
        ("agent", _("Agent")),
        ("moderator", _("Moderator")),
        ("product_manager", _("Product manager")),
        ("supervisor", _("Supervisor")),
        ("owner", _("Owner")),
    ]


@blueprint.post("/admin/people/roles")
def grant_role() -> ResponseReturnValue:
    """Give a role."""
    actor = _administrator()
    form = parse(forms.RoleForm, request.form)
    person = people.by_handle(form.handle)
    people_actions.grant_role(actor, person, form.role)
    flash(_("%(name)s has a new role.", name=person.name), "success")
    return redirect(url_for("admin.people_list"), 303)


@blueprint.post("/admin/people/roles/withdrawal")
def withdraw_role() -> ResponseReturnValue:
    """Take a role back."""
    actor = _administrator()
    form = parse(forms.RoleForm, request.form)
    person = people.by_handle(form.handle)
    people_actions.withdraw_role(actor, person, form.role)
    flash(_("%(name)s has one role less.", name=person.name), "success")
    return redirect(url_for("admin.people_list"), 303)


@blueprint.get("/admin/categories")
def categories() -> ResponseReturnValue:
    """The rooms of the forum."""
    asker = member()
    require(policy.may_manage_categories(asker))
    return render_template("admin/categories.html", categories=forum.categories(asker), typed={}, errors={})


@blueprint.post("/admin/categories")
def create_category() -> ResponseReturnValue:
    """A new room."""
    actor = member()
    require(policy.may_manage_categories(actor))
    try:
        form = parse(forms.CategoryForm, request.form)
        forum_actions.create_category(actor, **form.model_dump())
    except Refused as refused:
        page = render_template(
            "admin/categories.html",
            categories=forum.categories(actor),
            typed=request.form,
            errors=errors_of(refused),
        )
        return page, refused.status
    return redirect(url_for("admin.categories"), 303)


@blueprint.get("/admin/mail")
def mail_outbox() -> ResponseReturnValue:
    """The letters kept at home."""
    _administrator()
    letters = mail.outbox(50, request.args.get("before") or None)
    return render_template("admin/mail.html", letters=letters)


@blueprint.get("/admin/mail/<key>")
def one_letter(key: str) -> ResponseReturnValue:
    """One letter as its reader has it: the text, and the HTML in a frame that can do nothing."""
    _administrator()
    found = mail.read(key)
    if found is None:
        raise NotFound
    return render_template("admin/letter.html", letter=found)


@blueprint.get("/admin/jobs")
def jobs() -> ResponseReturnValue:
    """What the outbox has to do, and what it gave up."""
    _administrator()
    return render_template("admin/jobs.html", backlog=outbox.backlog(), letters=outbox.dead_letters())


@blueprint.post("/admin/jobs/replay")
def replay() -> ResponseReturnValue:
    """Try dead letters again: one (`id`) or all."""
    actor = _administrator()
    wanted = [int(i) for i in request.form.getlist("id") if i.isdecimal()] or [
        row.id for row in outbox.dead_letters()
    ]
    done = actions.replay_letters(actor, wanted)
    flash(
        ngettext("%(num)s letter will be tried again.", "%(num)s letters will be tried again.", done),
        "success",
    )
    return redirect(url_for("admin.jobs"), 303)


@blueprint.get("/admin/log")
def log() -> ResponseReturnValue:
    """Who of the team did what."""
    asker = member()
    require(policy.may_see_log(asker))
    before = request.args.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) < 19 else None
    kind = request.args.get("kind", "")
    lines = queries.log(51, before_id, kind)
    return render_template(
        "admin/log.html", lines=lines[:50], has_more=len(lines) > 50, kinds=queries.LOGGED, kind=kind
    )


@blueprint.get("/admin/parts")
def parts() -> ResponseReturnValue:
    """Every part of the face with plain values."""
    require(member().is_staff)
    return render_template("parts_gallery.html", moment=clock.now())
