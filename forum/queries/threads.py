"""One thread: as a row to act on, and as a page to read. A page takes three statements, however long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.live import hears
from core.viewer import Viewer
from forum import policy
from forum.addresses import PER_PAGE, page_of, plain_path
from forum.models import Category, Draft, Escalation, Flag, Follow, Post, PostVote, Reading, Thread
from forum.visibility import Statement, may_read_post, stand_in, visible_posts, visible_threads
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


@dataclass(frozen=True, slots=True)
class CaseView:
    """An open case on a post, for the desk."""

    id: int
    reason: str
    due_at: Any
    owner_name: str
    may_close: bool


@dataclass(frozen=True, slots=True)
class PostView:
    """A post as a page shows it to one viewer. `html` is safe, and empty where the viewer may not read it."""

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
    is_accepted: bool
    may_vote: bool
    may_edit: bool
    may_delete: bool
    may_delete_thread: bool
    may_restore: bool
    open_flags: int
    case: CaseView | None


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


_T: Final = Thread.__table__.c
_P: Final = Post.__table__.c


@lru_cache(maxsize=16)
def _head_statement(clearance: int, moderates: bool) -> Statement:
    """Built once for each kind of viewer, on plain tables: building costs more than running, objects more than rows."""
    me, wanted = sa.bindparam("me", type_=sa.BigInteger), sa.bindparam("thread_id", type_=sa.BigInteger)
    category, follow, reading = Category.__table__, Follow.__table__, Reading.__table__
    draft = Draft.__table__
    return (
        sa.select(
            *(column for column in _T if column.name != "origin_key"),
            category.c.name.label("category_name"),
            category.c.slug.label("category_slug"),
            category.c.colour.label("category_colour"),
            follow.c.at.label("followed_at"),
            follow.c.muted_at,
            reading.c.position.label("read_position"),
            draft.c.fields.label("draft"),
        )
        .select_from(Thread.__table__)
        .join(category, category.c.id == _T.category_id)
        .outerjoin(follow, sa.and_(follow.c.thread_id == _T.id, follow.c.person_id == me))
        .outerjoin(reading, sa.and_(reading.c.thread_id == _T.id, reading.c.person_id == me))
        .outerjoin(draft, sa.and_(draft.c.person_id == me, draft.c.key == sa.bindparam("draft_key")))
        .where(_T.id == wanted, visible_threads(stand_in(clearance, moderates=moderates)))
    )


def _posts_statement() -> Statement:
    parent = Post.__table__.alias("parent")
    vote, me = PostVote.__table__, sa.bindparam("me", type_=sa.BigInteger)
    return (
        sa.select(
            _P.id,
            _P.position,
            _P.kind,
            _P.author_id,
            _P.html,
            _P.score,
            _P.created_at,
            _P.edited_at,
            _P.edit_count,
            _P.deleted_at,
            _P.deleted_by_id,
            _P.deleted_reason,
            vote.c.value.label("my_vote"),
            parent.c.id.label("reply_id"),
            parent.c.position.label("reply_position"),
            parent.c.author_id.label("reply_author_id"),
        )
        .select_from(Post.__table__)
        .outerjoin(vote, sa.and_(vote.c.post_id == _P.id, vote.c.person_id == me))
        .outerjoin(parent, parent.c.id == _P.reply_to_id)
    )


_PAGE: Final = (
    _posts_statement()
    .where(_P.thread_id == sa.bindparam("thread_id"))
    .where(_P.position.between(sa.bindparam("first"), sa.bindparam("last")))
    .order_by(_P.position)
)
_ONE: Final = _posts_statement().where(_P.id == sa.bindparam("post_id"))


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
    is_desk = policy.may_work_on(viewer, head)
    desk = _desk(head.id, [row.id for row in rows]) if is_desk else _Desk({}, {})
    people = cards(_people_in(head, [*rows, *extra], desk))
    reader = _Reader(viewer, head, page, people, desk)
    posts = [reader.view(row) for row in rows]
    accepted = reader.view(extra[0]) if extra else None
    first_new = _first_new(head, min(page * PER_PAGE, head.post_count))
    return ThreadPage(head, posts, accepted, page, pages, people, first_new, is_desk)


def _first_new(head: Any, last_position: int) -> int:
    """Position of the first post since the viewer was here, 0 when nothing on the page is new or all of it is."""
    read = head.read_position or 0
    return read + 1 if 0 < read < last_position else 0


def _as_head(viewer: Viewer, thread: Any) -> Any:
    return thread_head(viewer, thread.id) if isinstance(thread, Thread) else thread


def _rows_of_page(viewer: Viewer, thread_id: int, page: int) -> Sequence[Any]:
    first = (page - 1) * PER_PAGE + 1
    values = {"me": viewer.id or 0, "thread_id": thread_id, "first": first, "last": first + PER_PAGE - 1}
    return db.session.execute(_PAGE, values).all()


def _accepted_row(viewer: Viewer, head: Any, page: int, rows: Sequence[Any]) -> list[Any]:
    """The accepted answer for the top of page 1, fetched only when it stands on another page."""
    if head.accepted_post_id is None or page != 1:
        return []
    here = [row for row in rows if row.id == head.accepted_post_id]
    if here:
        return here
    values = {"me": viewer.id or 0, "post_id": head.accepted_post_id}
    return list(db.session.execute(_ONE, values).all())


@dataclass(frozen=True, slots=True)
class _Desk:
    """Open flags and cases by post."""

    flags: Mapping[int, int]
    cases: Mapping[int, Escalation]


def _desk(thread_id: int, post_ids: Sequence[int]) -> _Desk:
    flags = (
        sa.select(Flag.post_id, sa.func.count())
        .where(Flag.post_id.in_(post_ids), Flag.settled_at.is_(None))
        .group_by(Flag.post_id)
    )
    cases = sa.select(Escalation).where(Escalation.thread_id == thread_id, Escalation.closed_at.is_(None))
    by_post = {case.post_id: case for case in db.session.execute(cases).scalars()}
    return _Desk(dict(db.session.execute(flags).all()), by_post)


def _people_in(head: Any, rows: Sequence[Any], desk: _Desk) -> set[int | None]:
    ids: set[int | None] = {head.author_id, head.accepted_by_id, head.closed_by_id, head.deleted_by_id}
    ids.update(case.owner_id for case in desk.cases.values())
    for row in rows:
        ids.update((row.author_id, row.reply_author_id, row.deleted_by_id))
    return ids


@dataclass(frozen=True, slots=True)
class _Reader:
    """What all posts of a page share on their way to one viewer."""

    viewer: Viewer
    head: Any
    page: int
    people: Mapping[int, PersonCard]
    desk: _Desk

    def view(self, row: Any) -> PostView:
        """The post as this viewer sees it."""
        viewer, head = self.viewer, self.head
        is_readable, is_opening = may_read_post(viewer, row), row.position == 1
        return PostView(
            id=row.id,
            position=row.position,
            kind=row.kind,
            author_id=row.author_id,
            author=self.people.get(row.author_id, _NOBODY),
            html=row.html if is_readable else "",
            score=row.score,
            my_vote=row.my_vote or 0,
            created_at=row.created_at,
            edited_at=row.edited_at if is_readable else None,
            edit_count=row.edit_count,
            deleted_at=row.deleted_at,
            deleted_by_id=row.deleted_by_id,
            deleted_reason=row.deleted_reason if is_readable else "",
            deleted_by_name=self._name(row.deleted_by_id) if is_readable else "",
            reply_position=row.reply_position,
            reply_id=row.reply_id,
            reply_name=self._name(row.reply_author_id),
            is_reply_here=page_of(row.reply_position or 0) == self.page,
            is_readable=is_readable,
            is_askers=row.author_id == head.author_id and not is_opening,
            is_accepted=row.id == head.accepted_post_id,
            may_vote=policy.may_vote(viewer, row),
            may_edit=policy.may_edit_post(viewer, row, head),
            may_delete=policy.may_delete_post(viewer, row, head),
            may_delete_thread=is_opening and policy.may_delete_thread(viewer, head),
            may_restore=policy.may_restore_post(viewer, row, head),
            open_flags=self.desk.flags.get(row.id, 0),
            case=self._case(self.desk.cases.get(row.id)),
        )

    def _name(self, person_id: int | None) -> str:
        card = self.people.get(person_id or 0)
        return card.name if card else ""

    def _case(self, found: Escalation | None) -> CaseView | None:
        if found is None:
            return None
        may_close = policy.may_close_escalation(self.viewer, found)
        return CaseView(found.id, found.reason, found.due_at, self._name(found.owner_id), may_close)


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
