"""Every write on releases. Publishing makes its ideas shipped and records one fact; notices do the telling."""

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Conflict, Refused, require
from core.outbox import record
from core.text import Rendered, render
from core.viewer import Viewer
from forum import actions as forum
from forum.addresses import slug_of
from forum.models import RELEASE
from ideation import actions as ideation
from ideation import policy
from ideation.models import DECLINED, SHIPPED, Idea
from ideation.queries import default_category_id
from ideation.releases import queries
from ideation.releases.events import IdeaShippedLate, ReleasePublished
from ideation.releases.models import Release, Shipping


def draft_release(actor: Viewer, *, title: str, version: str = "", notes: Rendered | None = None) -> Release:
    """Begin a release; nobody outside of triage sees it yet."""
    require(policy.may_release(actor))
    words = notes or render("")
    release = Release(
        title=title,
        version=version,
        slug=slug_of(title),
        notes_source=words.source,
        notes_html=words.html,
        notes_version=words.version,
        created_at=clock.now(),
        created_by_id=actor.id,
    )
    db.session.add(release)
    db.session.flush()
    return release


def edit_release(actor: Viewer, release: Release, *, title: str, version: str, notes: Rendered) -> None:
    """Change what a release says, before or after it is published."""
    require(policy.may_release(actor))
    release.title, release.version, release.slug = title, version, slug_of(title)
    release.notes_source, release.notes_html, release.notes_version = notes.source, notes.html, notes.version


def ship_in(actor: Viewer, release: Release, idea: Idea) -> None:
    """This idea ships in this release; in a published one it is shipped, and its askers told, at once."""
    require(policy.may_release(actor))
    standing = db.session.get(Shipping, idea.id)
    if standing is not None:
        if standing.release_id == release.id:
            return
        raise Conflict(_("This idea is already part of another release."))
    if idea.status == DECLINED:
        raise Refused(_("This idea was declined. Change its status first."))
    row = Shipping(idea_id=idea.id, release_id=release.id, added_at=clock.now(), added_by_id=actor.id)
    db.session.add(row)
    db.session.flush()
    if release.published_at is not None:
        _mark_shipped(actor, release, [idea])
        record(IdeaShippedLate(release.id, int(release.thread_id or 0), idea.id), actor=actor)


def take_out(actor: Viewer, release: Release, idea: Idea) -> None:
    """Not in this release after all; only before it is published."""
    require(policy.may_release(actor))
    if release.published_at is not None:
        raise Refused(_("This release is published: people have been told."))
    db.session.execute(
        sa.delete(Shipping).where(Shipping.idea_id == idea.id, Shipping.release_id == release.id)
    )


def publish(actor: Viewer, release: Release) -> None:
    """Announce it: its ideas become shipped, its discussion opens, and everyone who asked will be told. Once."""
    require(policy.may_release(actor))
    moment = clock.now()
    claimed = db.session.execute(
        sa.update(Release)
        .where(Release.id == release.id, Release.published_at.is_(None))
        .values(published_at=moment, published_by_id=actor.id)
        .returning(Release.id)
    ).first()
    if claimed is None:
        raise Conflict(_("This release is published already."))
    db.session.refresh(release)
    thread = forum.start_thread(
        actor,
        category_id=queries.category_id() or default_category_id(),
        title=_headline(release),
        body=Rendered(release.notes_source, release.notes_html, release.notes_version, "markdown"),
        kind=RELEASE,
    )
    release.thread_id = thread.id
    ideas = queries.ideas_in(release.id)
    _mark_shipped(actor, release, ideas)
    record(ReleasePublished(release.id, thread.id, tuple(i.id for i in ideas)), actor=actor)


def _headline(release: Release) -> str:
    return f"{release.title} {release.version}".strip()[:200]


def _mark_shipped(actor: Viewer, release: Release, ideas: list[Idea]) -> None:
    for idea in ideas:
        if idea.status != SHIPPED:
            ideation.set_status(
                actor, idea, SHIPPED, _("Shipped in %(release)s.", release=_headline(release))
            )
