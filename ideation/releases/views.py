"""Routes of releases: what shipped, for whom, and how it came to be."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.pages import keep_for_visitors
from core.sign_in import member, viewer
from core.viewer import Viewer
from forum import actions as forum_actions
from forum import queries as forum
from forum.models import RELEASE
from forum.queries import feeds
from forum.views.base import ID, LIST_STAMP, count_view, note_reading, page_number
from forum.views.search import atom
from ideation import policy
from ideation import queries as ideation
from ideation.releases import actions, forms, queries
from ideation.releases.models import Release
from ideation.views import idea_page

blueprint = Blueprint("releases", __name__)


def _maker() -> Viewer:
    """Who asks, if they make releases."""
    actor = member()
    require(policy.may_release(actor))
    return actor


def _to_release(release: Release) -> ResponseReturnValue:
    return redirect(queries.path_of(release.id, release.slug), 303)


@blueprint.record_once
def _give_templates(state: Any) -> None:
    state.app.jinja_env.globals.update(release_path=queries.path_of)


@blueprint.get("/feeds/releases.atom")
def feed() -> ResponseReturnValue:
    """The latest public releases, for feed readers."""
    keep_for_visitors(LIST_STAMP)
    return atom(_("Releases"), url_for("releases.releases"), feeds.newest(kind=RELEASE))


@blueprint.get("/releases")
def releases() -> ResponseReturnValue:
    """The latest releases; drafts first for those who make them."""
    keep_for_visitors(LIST_STAMP)
    asker = viewer()
    found = queries.release_list(asker, page_number())
    return render_template("releases/releases.html", releases=found, may_release=policy.may_release(asker))


@blueprint.get("/releases/new")
def new_release() -> ResponseReturnValue:
    """The form, with what was not sent last time."""
    return _form(forum.draft(_maker(), forms.DRAFT), {})


def _form(
    typed: Mapping[str, Any],
    errors: Mapping[str, str],
    release: Release | None = None,
) -> str:
    return render_template("releases/edit.html", release=release, typed=typed, errors=errors)


@blueprint.post("/releases")
def draft_release() -> ResponseReturnValue:
    """Begin a draft."""
    actor = _maker()
    try:
        form = parse(forms.ReleaseForm, request.form)
        notes = form.rendered()
    except Refused as refused:
        return _form(request.form, errors_of(refused)), refused.status
    made = actions.draft_release(actor, title=form.title, version=form.version, notes=notes)
    forum_actions.discard_draft(actor, forms.DRAFT)
    return _to_release(made)


@blueprint.get(f"/releases/<{ID}:release_id>")
@blueprint.get(f"/releases/<{ID}:release_id>/<slug>")
def release(release_id: int, slug: str = "") -> ResponseReturnValue:
    """What shipped, with its provenance: you asked, we shipped."""
    keep_for_visitors(LIST_STAMP)
    found = queries.release(viewer(), release_id)
    if slug != found.slug:
        query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
        return redirect(queries.path_of(found.id, found.slug) + query)
    return _release_page(found)


def _release_page(release: Release, errors: Mapping[str, str] | None = None) -> str:
    """What it says, where it came from, and its discussion; drafts with what is left to do."""
    asker = viewer()
    chain = queries.chain(asker, release.id)
    is_maker = policy.may_release(asker)
    values: dict[str, Any] = {
        "release": release,
        "chain": chain,
        "asker_count": queries.asker_count([link.idea.id for link in chain]),
        "may_release": is_maker,
        "candidates": queries.candidates(asker) if is_maker else [],
        "errors": errors or {},
    }
    if release.published_at is None:
        values["told_count"] = queries.told_count([link.idea.id for link in chain])
    else:
        values |= _discussion(asker, int(release.thread_id or 0))
    return render_template("releases/release.html", **values)


def _discussion(asker: Viewer, thread_id: int) -> dict[str, Any]:
    """The thread without its opening post: the page shows the notes once."""
    page = forum.thread_page(asker, thread_id, page_number())
    if request.method == "GET":
        note_reading(asker, page.thread, page.last_position)
        count_view(thread_id)
    page.is_opening_apart = page.page == 1
    return {"thread": page.thread, "discussion": page}


@blueprint.get(f"/releases/<{ID}:release_id>/edit")
def edit_form(release_id: int) -> ResponseReturnValue:
    """The form with what stands."""
    found = queries.release(_maker(), release_id)
    typed = {"title": found.title, "version": found.version, "body": found.notes_source}
    return _form(typed, {}, found)


@blueprint.post(f"/releases/<{ID}:release_id>")
def edit_release(release_id: int) -> ResponseReturnValue:
    """Save it."""
    actor = _maker()
    try:
        form = parse(forms.ReleaseForm, request.form)
        notes = form.rendered()
    except Refused as refused:
        page = _form(request.form, errors_of(refused), queries.release(actor, release_id))
        return page, refused.status
    found = queries.release(actor, release_id)
    actions.edit_release(actor, found, title=form.title, version=form.version, notes=notes)
    return _to_release(found)


@blueprint.post(f"/releases/<{ID}:release_id>/ideas")
def ship_in(release_id: int) -> ResponseReturnValue:
    """Put an idea into the release (`idea_id`)."""
    actor = _maker()
    found = queries.release(actor, release_id)
    try:
        form = parse(forms.ShippingForm, request.form)
        actions.ship_in(actor, found, ideation.idea(actor, form.idea_id))
    except Refused as refused:
        return _release_page(found, errors_of(refused)), refused.status
    return _to_release(found)


@blueprint.post(f"/ideas/<{ID}:idea_id>/shipping")
def ship_idea(idea_id: int) -> ResponseReturnValue:
    """The same from the idea's page: `release_id` names the release, or `title` a new one."""
    actor = _maker()
    idea = ideation.idea(actor, idea_id)
    try:
        found = _chosen_release(actor)
        actions.ship_in(actor, found, idea)
    except Refused as refused:
        row = ideation.one_row(actor, idea_id)
        return idea_page(row, wrong="ship", errors=errors_of(refused)), refused.status
    flash(_shipping_words(found), "success")
    return _to_release(found)


def _chosen_release(actor: Viewer) -> Release:
    chosen = parse(forms.ChoiceForm, request.form).release_id
    if chosen is not None:
        return queries.release(actor, chosen)
    form = parse(forms.ReleaseForm, request.form)
    return actions.draft_release(actor, title=form.title, version=form.version, notes=form.rendered())


def _shipping_words(release: Release) -> str:
    if release.published_at is not None:
        return _("It shipped in “%(title)s”. Everybody who asked is being told now.", title=release.title)
    return _("It ships in “%(title)s”. Everybody who asked is told once you publish it.", title=release.title)


@blueprint.post(f"/releases/<{ID}:release_id>/ideas/<{ID}:idea_id>/removal")
def take_out(release_id: int, idea_id: int) -> ResponseReturnValue:
    """Not in this release after all."""
    actor = _maker()
    found = queries.release(actor, release_id)
    actions.take_out(actor, found, ideation.idea(actor, idea_id))
    return _to_release(found)


@blueprint.post(f"/releases/<{ID}:release_id>/publication")
def publish(release_id: int) -> ResponseReturnValue:
    """Announce it; everybody who asked is told."""
    actor = _maker()
    found = queries.release(actor, release_id)
    try:
        actions.publish(actor, found)
    except Refused as refused:
        return _release_page(found, errors_of(refused)), refused.status
    flash(_("Published. Everybody who asked is being told now, each once."), "success")
    return _to_release(found)
