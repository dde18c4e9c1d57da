"""A page of a thread. What is the same for all its readers is kept as long as nothing on it changes.

A thread's version grows with every change of it. So a reader's own page takes the thread's row, their votes, and what
is kept under that version; the posts and the people are read again when there is a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from core.context import here
from core.db import db, rows
from core.errors import NotFound
from core.prepared import Prepared
from core.shelf import Shelf
from core.viewer import Viewer
from forum import policy
from forum.addresses import PER_PAGE, page_of, plain_path
from forum.models import Escalation, Flag, Post, PostVote, Thread
from forum.queries.threads import span, thread_head, votes_of
from forum.visibility import may_read_post
from people.queries import PersonCard, cards

_NOBODY: Final = PersonCard(0, "", "", "removed", "", 0, 0, False)
_SHELF: Final = "forum.pages"
KEPT_BYTES: Final = 48_000_000
KEPT_SECONDS: Final = 20.0  # two transactions may commit in another order than their facts are numbered
BESIDE: Final = 3_000  # bytes of a post besides its text
Votes = tuple[tuple[int, int], ...]  # post and 1 or -1


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


class Seen:
    """The posts of a page as somebody sees them, with everybody who is named there: a value that is hashed once.

    What is drawn of a page is kept under it, and hashing twenty posts anew would cost as much as finding the piece.
    """

    __slots__ = ("_hash", "accepted", "people", "posts")

    def __init__(
        self, posts: tuple[PostView, ...], accepted: PostView | None, people: Mapping[int, PersonCard]
    ) -> None:
        self.posts, self.accepted, self.people = posts, accepted, people
        self._hash = hash((posts, accepted))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Of the same posts: their authors' names are parts of them. Equal ones share them, to be compared once."""
        if self is other:
            return True
        if not isinstance(other, Seen) or self._hash != other._hash:
            return False
        if self.posts is other.posts and self.accepted is other.accepted:
            return True
        if (self.posts, self.accepted) != (other.posts, other.accepted):
            return False
        self.posts, self.accepted = other.posts, other.accepted
        return True


@dataclass(slots=True)
class ThreadPage:
    """One page of a thread for one viewer."""

    thread: Any
    seen: Seen
    page: int
    pages: int
    first_new: int = 0
    is_desk: bool = False
    is_opening_apart: bool = False  # where an idea's or a release's page shows the opening post by itself

    @property
    def posts(self) -> tuple[PostView, ...]:
        """All posts on it."""
        return self.seen.posts

    @property
    def people(self) -> Mapping[int, PersonCard]:
        """Everybody who is named on it."""
        return self.seen.people

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


_P: Final = Post.__table__.c
_PARENT: Final = Post.__table__.alias("parent")
_POSTS: Final = (
    sa.select(
        *(_P.id, _P.position, _P.kind, _P.author_id, _P.html, _P.score, _P.created_at, _P.edited_at),
        *(_P.edit_count, _P.deleted_at, _P.deleted_by_id, _P.deleted_reason),
        _PARENT.c.id.label("reply_id"),
        _PARENT.c.position.label("reply_position"),
        _PARENT.c.author_id.label("reply_author_id"),
    )
    .select_from(Post.__table__)
    .outerjoin(_PARENT, _PARENT.c.id == _P.reply_to_id)
)
_PAGE: Final = Prepared(
    _POSTS.where(_P.thread_id == sa.bindparam("thread_id"))
    .where(_P.position.between(sa.bindparam("first"), sa.bindparam("last")))
    .order_by(_P.position)
)
_ONE: Final = Prepared(_POSTS.where(_P.id == sa.bindparam("post_id")))
_V: Final = PostVote.__table__.c
_VOTE_ON_ONE: Final = Prepared(
    sa.select(_V.value).where(_V.post_id == sa.bindparam("post_id"), _V.person_id == sa.bindparam("me"))
)


def thread_page(viewer: Viewer, thread: Any, page: int = 1) -> ThreadPage:
    """The posts on `page` (by position) of a thread: its id, or the row of `thread_head` for it. Raises NotFound."""
    head = _as_head(viewer, thread, page)
    pages = page_of(head.post_count)
    if not 1 <= page <= pages:
        raise NotFound
    leaf = _leaf(head, page)
    is_desk = policy.may_work_on(viewer, head)
    votes = _votes(viewer, head, leaf)
    seen = _seen_by_desk(viewer, head, leaf, votes) if is_desk else _seen(viewer, head, leaf, votes)
    first_new = _first_new(head, min(page * PER_PAGE, head.post_count))
    return ThreadPage(head, seen, page, pages, first_new, is_desk)


def _as_head(viewer: Viewer, thread: Any, page: int) -> Any:
    if isinstance(thread, int | Thread):
        return thread_head(viewer, thread if isinstance(thread, int) else thread.id, page)
    return thread


def _first_new(head: Any, last_position: int) -> int:
    """Position of the first post since the viewer was here, 0 when nothing on the page is new or all of it is."""
    read = head.read_position or 0
    return read + 1 if 0 < read < last_position else 0


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A page for whoever reads it: rows, people, and how it looks to each kind of reader."""

    page: int
    rows: Sequence[Any]
    accepted: Any | None
    people: Mapping[int, PersonCard]
    authors: frozenset[int]
    to_readers: dict[Any, Seen] = field(default_factory=dict)


def _leaf(head: Any, page: int) -> _Leaf:
    kept: Shelf[_Leaf] = here().app.extensions.setdefault(_SHELF, Shelf(KEPT_BYTES, KEPT_SECONDS))
    key = (head.id, head.version, head.faces_stamp, page)
    leaf = kept.get(key)
    if leaf is None:
        leaf = _read(head, page)
        kept.put(key, leaf, sum(len(row.html) + BESIDE for row in leaf.rows))
    return leaf


def _read(head: Any, page: int) -> _Leaf:
    found = rows(_PAGE, {"thread_id": head.id} | span(page))
    accepted = _accepted_row(head, page, found)
    people: set[int | None] = {head.author_id, head.accepted_by_id, head.closed_by_id, head.deleted_by_id}
    for row in [*found, accepted] if accepted else found:
        people.update((row.author_id, row.reply_author_id, row.deleted_by_id))
    authors = {head.author_id, *(row.author_id for row in found), accepted.author_id if accepted else 0}
    return _Leaf(page, found, accepted, cards(people), frozenset(authors))


def _accepted_row(head: Any, page: int, on_page: Sequence[Any]) -> Any | None:
    """The accepted answer for the top of page 1, fetched only when it stands on another page."""
    if head.accepted_post_id is None or page != 1:
        return None
    here = [row for row in on_page if row.id == head.accepted_post_id]
    found = here or rows(_ONE, {"post_id": head.accepted_post_id})
    return found[0] if found else None


def _seen(viewer: Viewer, head: Any, leaf: _Leaf, votes: Votes) -> Seen:
    """As a reader sees it. The rules ask who wrote a post and what roles the reader has, and nothing more."""
    author_id = viewer.id if viewer.id in leaf.authors else None
    kind = (author_id, viewer.is_member, viewer.roles, policy.may_write(viewer), viewer.clearance, votes)
    seen = leaf.to_readers.get(kind)
    if seen is None:
        seen = leaf.to_readers[kind] = _Reader(viewer, head, leaf, leaf.people, _Desk({}, {}), votes).all()
    return seen


def _seen_by_desk(viewer: Viewer, head: Any, leaf: _Leaf, votes: Votes) -> Seen:
    desk = _desk(head.id, [row.id for row in leaf.rows])
    owners = cards({case.owner_id for case in desk.cases.values()} - leaf.people.keys())
    return _Reader(viewer, head, leaf, {**leaf.people, **owners}, desk, votes).all()


def _votes(viewer: Viewer, head: Any, leaf: _Leaf) -> Votes:
    """The viewer's own, on the posts that the page shows."""
    if not viewer.is_member:
        return ()
    votes, accepted = votes_of(head), leaf.accepted
    if accepted is not None and page_of(accepted.position) != leaf.page:
        found = rows(_VOTE_ON_ONE, {"post_id": accepted.id, "me": viewer.id})
        votes += tuple((accepted.id, mine.value) for mine in found)
    return votes


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


@dataclass(frozen=True, slots=True)
class _Reader:
    """What all posts of a page share on their way to one viewer."""

    viewer: Viewer
    head: Any
    leaf: _Leaf
    people: Mapping[int, PersonCard]
    desk: _Desk
    votes: Votes

    def all(self) -> Seen:
        """The whole page."""
        mine = dict(self.votes)
        accepted = self.view(self.leaf.accepted, mine) if self.leaf.accepted else None
        return Seen(tuple(self.view(row, mine) for row in self.leaf.rows), accepted, self.people)

    def view(self, row: Any, votes: Mapping[int, int]) -> PostView:
        """The post as this viewer, who voted like this, sees it."""
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
            my_vote=votes.get(row.id, 0),
            created_at=row.created_at,
            edited_at=row.edited_at if is_readable else None,
            edit_count=row.edit_count,
            deleted_at=row.deleted_at,
            deleted_by_id=row.deleted_by_id,
            deleted_reason=row.deleted_reason if is_readable or row.author_id == viewer.id else "",
            deleted_by_name=self._name(row.deleted_by_id) if is_readable else "",
            reply_position=row.reply_position,
            reply_id=row.reply_id,
            reply_name=self._name(row.reply_author_id),
            is_reply_here=page_of(row.reply_position or 0) == self.leaf.page,
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
