"""One thread as a row: to act on, and as the head of its page."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db, glance
from core.errors import Gone, NotFound
from core.live import hears
from core.prepared import Prepared
from core.viewer import Viewer
from forum.addresses import PER_PAGE
from forum.models import Category, Draft, Follow, Post, PostVote, Reading, Thread
from forum.visibility import sees_deleted, stand_in, visible_posts, visible_threads
from people.queries import faces_stamp

_T: Final = Thread.__table__.c


def thread(viewer: Viewer, thread_id: int) -> Thread:
    """The thread to act on. Raises NotFound when it does not exist or the viewer may not know of it."""
    statement = _thread_statement(viewer.clearance, sees_deleted(viewer))
    found = db.session.execute(statement, {"thread_id": thread_id}).scalar_one_or_none()
    if found is None:
        raise missing(viewer, thread_id)
    return found


def missing(viewer: Viewer, thread_id: int) -> NotFound:
    """Why a thread is not to be had: its author learns that and why it was deleted, nobody else that it ever was."""
    told = sa.select(_T.deleted_by_id, _T.deleted_reason).where(
        *(_T.id == thread_id, _T.author_id == viewer.id, _T.access <= viewer.clearance),
        _T.deleted_at.is_not(None),
    )
    found = db.session.execute(told).one_or_none() if viewer.is_member else None
    if found is None:
        return NotFound()
    if found.deleted_by_id == viewer.id:
        return Gone(_("You deleted this."))
    reason = found.deleted_reason or _("No reason was given.")
    return Gone(_("The team deleted what you wrote here. The reason: %(reason)s", reason=reason))


@lru_cache(maxsize=6)
def _thread_statement(clearance: int, moderates: bool) -> sa.Select[Thread]:
    """Built once for each kind of viewer: every change of a thread or in it begins with it."""
    wanted = sa.bindparam("thread_id", type_=sa.BigInteger)
    return sa.select(Thread).where(
        Thread.id == wanted, visible_threads(stand_in(clearance, moderates=moderates))
    )


def post(viewer: Viewer, post_id: int) -> Post:
    """The post to act on, with its thread in the session beside it. Raises NotFound."""
    statement = (
        sa.select(Post, Thread)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.id == post_id, visible_posts(viewer))
    )
    found = db.session.execute(statement).one_or_none()
    if found is None:
        raise NotFound
    row: Post = found.Post
    return row


def thread_of(found: Post) -> Thread:
    """The thread of a post that `post` gave."""
    return db.session.get_one(Thread, found.thread_id)


def opening_post(thread_id: int) -> Post:
    """The first post of a thread that is known to be visible."""
    statement = sa.select(Post).where(Post.thread_id == thread_id, Post.position == 1)
    return db.session.execute(statement).scalar_one()


_beside: dict[str, sa.ColumnElement[Any]] = {}


def ask_beside(name: str, column: sa.ColumnElement[Any]) -> None:
    """Have a value read with the head of a thread's page, as `beside_NAME`: `column` goes with `Thread`."""
    _beside[name] = column
    _head_statement.cache_clear()


def _votes_on_page(me: Any) -> sa.ScalarSelect[Any]:
    """The viewer's votes on the posts of a page as `id:value,id:value`: one more statement would cost more."""
    post, vote = Post.__table__.c, PostVote.__table__.c
    one = sa.cast(vote.post_id, sa.String) + ":" + sa.cast(vote.value, sa.String)
    return (
        sa.select(sa.func.aggregate_strings(one, ","))
        .select_from(Post.__table__.join(PostVote.__table__, vote.post_id == post.id))
        .where(post.thread_id == _T.id, vote.person_id == me)
        .where(post.position.between(sa.bindparam("first"), sa.bindparam("last")))
        .scalar_subquery()
    )


@lru_cache(maxsize=16)
def _head_statement(clearance: int, moderates: bool, has_page: bool) -> Prepared:
    """Built once for each kind of viewer, on plain tables: building costs more than running, objects more than rows."""
    me, wanted = sa.bindparam("me", type_=sa.BigInteger), sa.bindparam("thread_id", type_=sa.BigInteger)
    category, follow, reading = Category.__table__, Follow.__table__, Reading.__table__
    draft = Draft.__table__
    on_page = [column.label(f"beside_{name}") for name, column in _beside.items()]
    on_page.append(_votes_on_page(me).label("votes"))
    return Prepared(
        sa.select(
            *(column for column in _T if column.name != "origin_key"),
            category.c.name.label("category_name"),
            category.c.slug.label("category_slug"),
            category.c.colour.label("category_colour"),
            follow.c.at.label("followed_at"),
            follow.c.muted_at,
            reading.c.position.label("read_position"),
            draft.c.fields.label("draft"),
            faces_stamp().label("faces_stamp"),
            *(on_page if has_page else ()),
        )
        .select_from(Thread.__table__)
        .join(category, category.c.id == _T.category_id)
        .outerjoin(follow, sa.and_(follow.c.thread_id == _T.id, follow.c.person_id == me))
        .outerjoin(reading, sa.and_(reading.c.thread_id == _T.id, reading.c.person_id == me))
        .outerjoin(draft, sa.and_(draft.c.person_id == me, draft.c.key == sa.bindparam("draft_key")))
        .where(_T.id == wanted, visible_threads(stand_in(clearance, moderates=moderates)))
    )


def thread_head(viewer: Viewer, thread_id: int, page: int | None = None) -> Any:
    """The thread's row with its category and the viewer's follow, reading mark and draft. Raises NotFound.

    `faces_stamp` changes when somebody's name, picture or roles do. For a `page` the row knows the viewer's votes
    there (`votes_of`) and what was to be asked beside it.
    """
    statement = _head_statement(viewer.clearance, sees_deleted(viewer), page is not None)
    values = {"me": viewer.id or 0, "thread_id": thread_id, "draft_key": f"reply:{thread_id}"}
    found = glance(statement, values if page is None else values | span(page))
    if not found:
        raise missing(viewer, thread_id)
    return found[0]


def span(page: int) -> dict[str, int]:
    """The positions on a page."""
    return {"first": (page - 1) * PER_PAGE + 1, "last": page * PER_PAGE}


def votes_of(head: Any) -> tuple[tuple[int, int], ...]:
    """The viewer's votes on the posts of the page that the head was read for: post, and 1 or -1."""
    votes = (one.split(":") for one in head.votes.split(",")) if head.votes else ()
    return tuple(sorted((int(post_id), int(value)) for post_id, value in votes))


def first_unread(head: Any) -> int:
    """Position of the first post that the viewer of `thread_head` has not read, else of the last one."""
    read = head.read_position or 0
    return int(min(read + 1, head.post_count))


def post_at(thread_id: int, position: int) -> Any:
    """Id and position of the post at `position`. Raises NotFound."""
    statement = sa.select(Post.id, Post.position).where(
        Post.thread_id == thread_id, Post.position == position
    )
    found = db.session.execute(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


@hears("thread")
def may_listen(viewer: Viewer, thread_id: int | None) -> bool:
    """Whether the viewer may hear the live channel `thread:ID`."""
    if thread_id is None:
        return False
    statement = sa.select(Thread.id).where(Thread.id == thread_id, visible_threads(viewer))
    return db.session.execute(statement).first() is not None
