"""What a viewer may see, as SQL predicates: every query of the forum and of the features above uses these."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from core.viewer import STAFF, Viewer
from forum.models import Category, Post, Thread

Predicate = ColumnElement[bool]
Statement = sa.Select[*tuple[Any, ...]]  # one that gives rows, whatever their columns


def sees_deleted(viewer: Viewer) -> bool:
    """Moderators see what was deleted, to judge it and to bring it back."""
    return viewer.has("moderator")


def visible_threads(viewer: Viewer) -> Predicate:
    """Threads the viewer may open. Goes with `Thread` in the FROM."""
    allowed = Thread.access <= viewer.clearance
    return allowed if sees_deleted(viewer) else sa.and_(allowed, Thread.deleted_at.is_(None))


def listed_threads(viewer: Viewer) -> Predicate:
    """Threads that lists, counts, feeds and search show: nothing deleted, not even to moderators."""
    return sa.and_(Thread.deleted_at.is_(None), Thread.access <= viewer.clearance)


def visible_posts(viewer: Viewer) -> Predicate:
    """Posts whose text the viewer may read. Goes with `Post` joined to `Thread`.

    Whoever deleted an own post still sees it, and may take that back.
    """
    if sees_deleted(viewer):
        return visible_threads(viewer)
    return sa.and_(visible_threads(viewer), sa.or_(Post.deleted_at.is_(None), withdrawn_by(viewer.id)))


def listed_posts(viewer: Viewer) -> Predicate:
    """Posts that lists, counts, feeds and search show. Goes with `Post` joined to `Thread`."""
    return sa.and_(listed_threads(viewer), Post.deleted_at.is_(None))


def visible_categories(viewer: Viewer) -> Predicate:
    """Categories whose name the viewer may know."""
    return Category.access <= viewer.clearance


def withdrawn_by(person_id: int | None) -> Predicate:
    """Posts this person wrote and deleted without anybody else's doing."""
    if person_id is None:
        return sa.false()
    return sa.and_(Post.author_id == person_id, Post.deleted_by_id == person_id)


def stand_in(clearance: int, *, moderates: bool = False) -> Viewer:
    """Any viewer of this kind, for statements that are built once and used for all of them."""
    roles = {"moderator"} if moderates else {"agent"} if clearance == STAFF else set()
    return Viewer(id=0 if clearance else None, roles=frozenset(roles))


def may_read_post(viewer: Viewer, post: Any) -> bool:
    """The same rule as `visible_posts` for a row of a thread that is known to be visible."""
    if post.deleted_at is None or sees_deleted(viewer):
        return True
    return viewer.id is not None and post.author_id == viewer.id == post.deleted_by_id
