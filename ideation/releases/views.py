"""Routes of releases: what shipped, for whom, and how it came to be."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.pages import keep_for_visitors
from core.sign_in import member, viewer
from forum import addresses
from forum import queries as forum
from forum.models import RELEASE
from ideation import policy
from ideation import queries as ideation
from ideation.releases import actions, forms, queries
from ideation.releases.models import Release

blueprint = Blueprint("releases", __name__)
LIST_STAMP = "SELECT max(id) FROM event"


def _path_of_thread(thread_id: int) -> str:
    found = queries.release_of_thread(thread_id)
    return f"/releases/{found.id}/{found.slug}" if found else addresses.plain_path(thread_id, "")


addresses.register(RELEASE, _path_of_thread)


@blueprint.get("/releases")
def releases() -> ResponseReturnValue:
    """The latest releases; drafts first for those who make them."""
    keep_for_visitors(LIST_STAMP)
    asker = viewer()
    found = queries.releases(asker)
    chains = {r.id: queries.chain(asker, r.id) for r in found}
    return render_template(
        "releases/releases.html", releases=found, chains=chains, may_release=policy.may_release(asker)
    )


@blueprint.get("/releases/new")
def new_release() -> ResponseReturnValue:
    """The form."""
    require(policy.may_release(member()))
    return render_template("releases/edit.html", release=None, typed={}, errors={})


@blueprint.post("/releases")
def draft_release() -> ResponseReturnValue:
    """Begin a draft."""
    actor = member()
    require(policy.may_release(actor))
    try:
        form = parse(forms.ReleaseForm, request.form)
    except Refused as refused:
        page = render_template(
            "releases/edit.html", release=None, typed=request.form, errors=errors_of(refused)
        )
        return page, refused.status
    made = actions.draft_release(actor, title=form.title, version=form.version, notes=form.rendered)
    return redirect(url_for("releases.release", release_id=made.id, slug=made.slug), 303)


@blueprint.get("/releases/<int:release_id>")
@blueprint.get("/releases/<int:release_id>/<slug>")
def release(release_id: int, slug: str = "") -> ResponseReturnValue:
    """What shipped, with its provenance: you asked, we shipped."""
    asker = viewer()
    found = queries.release(asker, release_id)
    if slug != found.slug:
        return redirect(url_for("releases.release", release_id=found.id, slug=found.slug))
    return render_template("releases/release.html", **_release_page(found))


def _release_page(release: Release) -> dict[str, Any]:
    asker = viewer()
    ids = [idea.id for idea in queries.ideas_in(release.id)]
    thread = forum.thread(asker, release.thread_id) if release.thread_id else None
    return {
        "release": release,
        "chain": queries.chain(asker, release.id),
        "asker_count": queries.asker_count(ids),
        "thread": thread,
        "discussion": forum.thread_page(asker, thread, 1) if thread else None,
        "may_release": policy.may_release(asker),
        "candidates": ideation.shippable(asker) if policy.may_release(asker) else [],
    }


@blueprint.get("/releases/<int:release_id>/edit")
def edit_form(release_id: int) -> ResponseReturnValue:
    """The form with what stands."""
    actor = member()
    require(policy.may_release(actor))
    found = queries.release(actor, release_id)
    typed = {"title": found.title, "version": found.version, "body": found.notes_source}
    return render_template("releases/edit.html", release=found, typed=typed, errors={})


@blueprint.post("/releases/<int:release_id>")
def edit_release(release_id: int) -> ResponseReturnValue:
    """Save it."""
    actor = member()
    require(policy.may_release(actor))
    try:
        form = parse(forms.ReleaseForm, request.form)
    except Refused as refused:
        found = queries.release(actor, release_id)
        page = render_template(
            "releases/edit.html", release=found, typed=request.form, errors=errors_of(refused)
        )
        return page, refused.status
    found = queries.release(actor, release_id)
    actions.edit_release(actor, found, title=form.title, version=form.version, notes=form.rendered)
    return redirect(url_for("releases.release", release_id=found.id, slug=found.slug), 303)


@blueprint.post("/releases/<int:release_id>/ideas")
def ship_in(release_id: int) -> ResponseReturnValue:
    """Put an idea into the release (`idea_id`)."""
    actor = member()
    require(policy.may_release(actor))
    found = queries.release(actor, release_id)
    actions.ship_in(actor, found, ideation.idea(actor, _idea_id()))
    return redirect(url_for("releases.release", release_id=found.id, slug=found.slug), 303)


@blueprint.post("/ideas/<int:idea_id>/shipping")
def ship_idea(idea_id: int) -> ResponseReturnValue:
    """The same from the idea's page: `release_id` names the release, or `title` a new one."""
    actor = member()
    require(policy.may_release(actor))
    idea = ideation.idea(actor, idea_id)
    chosen = request.form.get("release_id", "")
    if chosen.isdecimal():
        found = queries.release(actor, int(chosen))
    else:
        form = parse(forms.ReleaseForm, request.form)
        found = actions.draft_release(actor, title=form.title, version=form.version, notes=form.rendered)
    actions.ship_in(actor, found, idea)
    flash(
        _("It ships in “%(title)s”. Everybody who asked is told once you publish it.", title=found.title),
        "success",
    )
    return redirect(url_for("releases.release", release_id=found.id, slug=found.slug), 303)


@blueprint.post("/releases/<int:release_id>/ideas/<int:idea_id>/removal")
def take_out(release_id: int, idea_id: int) -> ResponseReturnValue:
    """Not in this release after all."""
    actor = member()
    require(policy.may_release(actor))
    found = queries.release(actor, release_id)
    actions.take_out(actor, found, ideation.idea(actor, idea_id))
    return redirect(url_for("releases.release", release_id=found.id, slug=found.slug), 303)


def _idea_id() -> int:
    text = request.form.get("idea_id", "")
    if not text.isdecimal():
        raise Refused(_("Choose an idea first."))
    return int(text)


@blueprint.post("/releases/<int:release_id>/publication")
def publish(release_id: int) -> ResponseReturnValue:
    """Announce it; everybody who asked is told."""
    actor = member()
    require(policy.may_release(actor))
    found = queries.release(actor, release_id)
    actions.publish(actor, found)
    flash(_("Published. Everybody who asked is being told now, each once."), "success")
    return redirect(url_for("releases.release", release_id=found.id, slug=found.slug), 303)
