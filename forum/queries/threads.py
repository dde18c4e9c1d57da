"""One thread: as a row to act on, and as a page to read. A page takes three statements, however long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.live import hears
from core.viewer import STAFF, Viewer
from forum import policy
from forum.addresses import PER_PAGE, page_of, plain_path
from forum.models import Category, Draft, Escalation, Flag, Follow, Post, PostVote, Reading, Thread
from forum.visibility import Statement, may_read_post, visible_posts, visible_threads
from people.queries import PersonCard, cards

_NOBODY: Final = PersonCard(0, "", "", "removed", "", 0, 0, False)


def thread(viewer: Viewer, thread_id: int) -> Thread:
    """The thread to act on. Raises NotFound when it does not exist or the viewer may not know of it."""
    statement = sa.select(Thread).where(Thread.id == thread_id, visible_threads(viewer))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


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


@dataclass(slots=True)
class PostView:
    """A post as a page shows it. `html` is safe, and empty where the viewer may not read it."""

    id: int
    position: int
    kind: str
    author_id: int
    author: PersonCard
    html: str
    score: int
    my_vote: int
    created_at: Any
    edited_at: Any
    edit_count: int
    deleted_at: Any
    deleted_by_id: int | None
    deleted_reason: str
    deleted_by_name: str
    reply_position: int | None
    reply_id: int | None
    reply_name: str
    is_reply_here: bool
    is_readable: bool
    is_askers: bool
    may_vote: bool
    may_edit: bool
    may_delete: bool
    may_delete_thread: bool
    may_restore: bool
    open_flags: int = 0
    case: Any = None


@dataclass(slots=True)
class ThreadPage:
    """One page of a thread for one viewer."""

    thread: Any
    posts: list[PostView]
    accepted: PostView | None
    page: int
    pages: int
    people: Mapping[int, PersonCard]
    first_new: int = 0
    is_desk: bool = False

    @property
    def path(self) -> str:
        """Where the thread lives in the forum."""
        return plain_path(self.thread.id, self.thread.slug)

    @property
    def last_position(self) -> int:
        """The furthest position this page shows."""
        return min(self.page * PER_PAGE, int(self.thread.post_count))

    @property
    def author(self) -> PersonCard:
        """Who started it."""
        return self.people.get(self.thread.author_id, _NOBODY)


@lru_cache(maxsize=16)
def _head_statement(clearance: int, moderates: bool) -> Statement:
    """Built once for each kind of viewer: building costs more than running."""
    me, wanted = sa.bindparam("me", type_=sa.BigInteger), sa.bindparam("thread_id", type_=sa.BigInteger)
    columns = [c for c in Thread.__table__.c if not c.name.startswith("origin_key")]
    return (
        sa.select(
            *columns,
            Category.name.label("category_name"),
            Category.slug.label("category_slug"),
            Category.colour.label("category_colour"),
            Follow.at.label("followed_at"),
            Follow.muted_at,
            Reading.position.label("read_position"),
            Draft.fields.label("draft"),
        )
        .select_from(Thread)
        .join(Category, Category.id == Thread.category_id)
        .outerjoin(Follow, sa.and_(Follow.thread_id == Thread.id, Follow.person_id == me))
        .outerjoin(Reading, sa.and_(Reading.thread_id == Thread.id, Reading.person_id == me))
        .outerjoin(Draft, sa.and_(Draft.person_id == me, Draft.key == sa.bindparam("draft_key")))
        .where(Thread.id == wanted, visible_threads(_stand_in(clearance, moderates)))
    )


def _stand_in(clearance: int, moderates: bool) -> Viewer:
    """Any viewer of this kind, for the rule of visibility to look at."""
    roles = {"moderator"} if moderates else {"agent"} if clearance == STAFF else set()
    return Viewer(id=0 if clearance else None, roles=frozenset(roles))


@lru_cache(maxsize=4)
def _posts_statement() -> Statement:
    parent = sa.orm.aliased(Post)
    me = sa.bindparam("me", type_=sa.BigInteger)
    return (
        sa.select(
            Post.id,
            Post.position,
            Post.kind,
            Post.author_id,
            Post.html,
            Post.score,
            Post.created_at,
            Post.edited_at,
            Post.edit_count,
            Post.deleted_at,
            Post.deleted_by_id,
            Post.deleted_reason,
            PostVote.value.label("my_vote"),
            parent.id.label("reply_id"),
            parent.position.label("reply_position"),
            parent.author_id.label("reply_author_id"),
        )
        .outerjoin(PostVote, sa.and_(PostVote.post_id == Post.id, PostVote.person_id == me))
        .outerjoin(parent, parent.id == Post.reply_to_id)
    )


@lru_cache(maxsize=4)
def _page_statement() -> Statement:
    return (
        _posts_statement()
        .where(Post.thread_id == sa.bindparam("thread_id"))
        .where(Post.position.between(sa.bindparam("first"), sa.bindparam("last")))
        .order_by(Post.position)
    )


@lru_cache(maxsize=4)
def _one_statement() -> Statement:
    return _posts_statement().where(Post.id == sa.bindparam("post_id"))


def thread_head(viewer: Viewer, thread_id: int) -> Any:
    """The thread's row with its category and the viewer's follow, reading mark and draft. Raises NotFound."""
    statement = _head_statement(viewer.clearance, viewer.has("moderator"))
    values = {"me": viewer.id or 0, "thread_id": thread_id, "draft_key": f"reply:{thread_id}"}
    head = db.session.execute(statement, values).one_or_none()
    if head is None:
        raise NotFound
    return head


def thread_page(viewer: Viewer, thread: Any, page: int = 1) -> ThreadPage:
    """The posts on `page` (by position) of a thread: its id or `thread_head`'s row. Raises NotFound."""
    head = thread_head(viewer, thread) if isinstance(thread, int) else _as_head(viewer, thread)
    pages = page_of(head.post_count)
    if not 1 <= page <= pages:
        raise NotFound
    rows = list(_rows_of_page(viewer, head.id, page))
    extra = _accepted_row(viewer, head, page, rows)
    people = cards(_people_in(head, [*rows, *extra]))
    posts = [_post_view(viewer, head, row, people, page) for row in rows]
    accepted = _post_view(viewer, head, extra[0], people, page) if extra else None
    found = ThreadPage(head, posts, accepted, page, pages, people)
    found.first_new = _first_new(head, found.last_position)
    if policy.may_work_on(viewer, head):
        _add_desk(found)
    return found


def _first_new(head: Any, last_position: int) -> int:
    """Position of the first post since the viewer was here, 0 when nothing on the page is new or all of it is."""
    read = head.read_position or 0
    return read + 1 if 0 < read < last_position else 0


def _as_head(viewer: Viewer, thread: Any) -> Any:
    return thread_head(viewer, thread.id) if isinstance(thread, Thread) else thread


def _rows_of_page(viewer: Viewer, thread_id: int, page: int) -> Sequence[Any]:
    first = (page - 1) * PER_PAGE + 1
    values = {"me": viewer.id or 0, "thread_id": thread_id, "first": first, "last": first + PER_PAGE - 1}
    return db.session.execute(_page_statement(), values).all()


def _accepted_row(viewer: Viewer, head: Any, page: int, rows: Sequence[Any]) -> list[Any]:
    """The accepted answer for the top of page 1, fetched only when it stands on another page."""
    if head.accepted_post_id is None or page != 1:
        return []
    here = [row for row in rows if row.id == head.accepted_post_id]
    if here:
        return here
    values = {"me": viewer.id or 0, "post_id": head.accepted_post_id}
    return list(db.session.execute(_one_statement(), values).all())


def _people_in(head: Any, rows: Sequence[Any]) -> set[int | None]:
    ids: set[int | None] = {head.author_id, head.accepted_by_id, head.closed_by_id, head.deleted_by_id}
    for row in rows:
        ids.update((row.author_id, row.reply_author_id, row.deleted_by_id))
    return ids


def _post_view(viewer: Viewer, head: Any, row: Any, people: Mapping[int, PersonCard], page: int) -> PostView:
    is_readable = may_read_post(viewer, row)
    is_opening = row.position == 1
    return PostView(
        id=row.id,
        position=row.position,
        kind=row.kind,
        author_id=row.author_id,
        author=people.get(row.author_id, _NOBODY),
        html=row.html if is_readable else "",
        score=row.score,
        my_vote=row.my_vote or 0,
        created_at=row.created_at,
        edited_at=row.edited_at if is_readable else None,
        edit_count=row.edit_count,
        deleted_at=row.deleted_at,
        deleted_by_id=row.deleted_by_id,
        deleted_reason=row.deleted_reason if is_readable else "",
        deleted_by_name=people[row.deleted_by_id].name if is_readable and row.deleted_by_id in people else "",
        reply_position=row.reply_position,
        reply_id=row.reply_id,
        reply_name=people[row.reply_author_id].name if row.reply_author_id in people else "",
        is_reply_here=page_of(row.reply_position or 0) == page,
        is_readable=is_readable,
        is_askers=row.author_id == head.author_id and not is_opening,
        may_vote=policy.may_vote(viewer, row),
        may_edit=policy.may_edit_post(viewer, row, head),
        may_delete=policy.may_delete_post(viewer, row, head),
        may_delete_thread=is_opening and policy.may_delete_thread(viewer, head),
        may_restore=policy.may_restore_post(viewer, row, head),
    )


def _add_desk(page: ThreadPage) -> None:
    """Open flags and cases, for the desk."""
    page.is_desk = True
    ids = [p.id for p in page.posts]
    flags = (
        sa.select(Flag.post_id, sa.func.count().label("number"), sa.null().label("case_id"))
        .where(Flag.post_id.in_(ids), Flag.settled_at.is_(None))
        .group_by(Flag.post_id)
    )
    cases = sa.select(Escalation.post_id, sa.literal(0), Escalation.id).where(
        Escalation.thread_id == page.thread.id, Escalation.closed_at.is_(None)
    )
    found: Sequence[Any] = db.session.execute(sa.union_all(flags, cases)).all()
    by_id = {p.id: p for p in page.posts}
    for row in found:
        if row.case_id is None:
            by_id[row.post_id].open_flags = row.number
    wanted = [row.case_id for row in found if row.case_id is not None]
    if wanted:
        open_cases = db.session.execute(sa.select(Escalation).where(Escalation.id.in_(wanted))).scalars()
        for case in open_cases:
            if case.post_id in by_id:
                by_id[case.post_id].case = case


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
