"""Every write on releases. Publishing makes its ideas shipped and records one fact; notices do the telling."""

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Conflict, NotFound, Refused, require
from core.outbox import record
from core.text import Rendered, render
from core.viewer import Viewer
from forum import actions as forum
from forum import queries as forum_queries
from forum.addresses import slug_of
from forum.models import RELEASE, Thread
from ideation import actions as ideation
from ideation import policy
from ideation.actions.locking import lock, touch
from ideation.models import DECLINED, SHIPPED, Idea
from ideation.queries import room_for, title_of
from ideation.releases import queries
from ideation.releases.events import (
    IdeaPutIn,
    IdeaShippedLate,
    IdeaTakenOut,
    ReleaseDrafted,
    ReleaseEdited,
    ReleasePublished,
)
from ideation.releases.models import Release, Shipping


def draft_release(actor: Viewer, *, title: str, version: str = "", notes: Rendered | None = None) -> Release:
    """Begin a release; nobody outside of triage sees it yet."""
    require(policy.may_release(actor))
    release = Release(created_at=clock.now(), created_by_id=actor.id)
    _write(release, title, version, notes or render(""))
    db.session.add(release)
    db.session.flush()
    record(ReleaseDrafted(release.id), actor=actor)
    return release


def _write(release: Release, title: str, version: str, notes: Rendered) -> None:
    release.title, release.version, release.slug = title, version, slug_of(title)
    release.notes_source, release.notes_html, release.notes_version = notes.source, notes.html, notes.version


def edit_release(actor: Viewer, release: Release, *, title: str, version: str, notes: Rendered) -> None:
    """Change what a release says; once published, its discussion begins with the new words too."""
    require(policy.may_release(actor))
    release = _lock(release.id)
    _write(release, title, version, notes)
    db.session.flush()
    record(ReleaseEdited(release.id), actor=actor)
    if release.thread_id is not None:
        opening = forum_queries.opening_post(release.thread_id)
        # In the product's own name: whoever may release need not moderate, and the publisher may be somebody else.
        forum.edit_post(Viewer.system(), opening, notes, title=_headline(release))
    ideas = queries.ideas_in(release.id)
    touch(*(idea.thread_id for idea in ideas))  # their pages name the release


def _lock(release_id: int) -> Release:
    """The release as it stands now, held until the transaction ends."""
    statement = (
        sa.update(Release).where(Release.id == release_id).values(slug=Release.slug).returning(Release)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    found = db.session.execute(statement, execution_options=options).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def ship_in(actor: Viewer, release: Release, idea: Idea) -> None:
    """This idea ships in this release; in a published one it is shipped, and its askers told, at once.

    Raises Conflict when another release has it, Refused when it was declined or merged.
    """
    require(policy.may_release(actor))
    release = _lock(release.id)
    idea = lock(idea.id)
    if not _put_in(actor, release, idea):
        return
    if release.published_at is None:
        record(IdeaPutIn(release.id, idea.id), actor=actor)
        return
    _mark_shipped(actor, [idea])
    touch(int(release.thread_id or 0))
    record(IdeaShippedLate(release.id, int(release.thread_id or 0), idea.id), actor=actor)


def _put_in(actor: Viewer, release: Release, idea: Idea) -> bool:
    """The row; False when it stood there already. The primary key lets an idea ship only once."""
    standing = db.session.get(Shipping, idea.id, populate_existing=True)
    if standing is not None:
        if standing.release_id == release.id:
            return False
        raise Conflict(_("This idea is already part of another release."))
    if idea.status == DECLINED or idea.merged_into_id is not None:
        raise Refused(_("This idea was declined or merged into another one. Change that first."))
    moment = clock.now()
    db.session.add(Shipping(idea_id=idea.id, release_id=release.id, added_at=moment, added_by_id=actor.id))
    db.session.flush()
    return True


def take_out(actor: Viewer, release: Release, idea: Idea) -> None:
    """Not in this release after all; only before it is published, later it raises Refused."""
    require(policy.may_release(actor))
    release = _lock(release.id)
    if release.published_at is not None:
        raise Refused(_("This release is published: people have been told."))
    row = sa.and_(Shipping.idea_id == idea.id, Shipping.release_id == release.id)
    if db.session.execute(sa.delete(Shipping).where(row).returning(Shipping.idea_id)).first():
        record(IdeaTakenOut(release.id, idea.id), actor=actor)


def publish(actor: Viewer, release: Release) -> None:
    """Announce it: its ideas become shipped, its discussion opens, and everyone who asked will be told. Once.

    Raises Conflict when it is published already, Refused while it says nothing or holds a declined idea.
    """
    require(policy.may_release(actor))
    release = _lock(release.id)
    if release.published_at is not None:
        raise Conflict(_("This release is published already."))
    ideas = [lock(idea.id) for idea in queries.ideas_in(release.id)]
    _refuse_unready(release, ideas)
    release.published_at, release.published_by_id = clock.now(), actor.id
    _mark_shipped(actor, ideas)
    release.thread_id = _open_discussion(actor, release).id
    db.session.flush()
    record(ReleasePublished(release.id, release.thread_id, tuple(i.id for i in ideas)), actor=actor)


def _refuse_unready(release: Release, ideas: Sequence[Idea]) -> None:
    if not ideas and not release.notes_source.strip():
        raise Refused(_("Say what is new, or put an idea into it first."))
    for idea in ideas:
        if idea.status == DECLINED:
            title = title_of(idea.id)
            raise Refused(_("“%(title)s” was declined meanwhile. Take it out first.", title=title))


def _open_discussion(actor: Viewer, release: Release) -> Thread:
    thread = forum.start_thread(
        actor,
        category_id=room_for(actor, RELEASE),
        title=_headline(release),
        body=Rendered(release.notes_source, release.notes_html, release.notes_version, "markdown"),
        kind=RELEASE,
    )
    if queries.release_of_thread(thread.id) is not None:
        raise Refused(_("A release of this title was published a minute ago. Give this one another title."))
    return thread


def _headline(release: Release) -> str:
    return f"{release.title} {release.version}".strip()[:200]


def _mark_shipped(actor: Viewer, ideas: Sequence[Idea]) -> None:
    for idea in ideas:
        if idea.status != SHIPPED:
            ideation.set_status(actor, idea, SHIPPED)
