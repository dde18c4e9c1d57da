"""Lists of threads, with counts that hold only what the viewer may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import db, rows
from core.errors import NotFound
from core.prepared import Prepared
from core.viewer import VISITOR, Viewer
from forum.addresses import Place, places_of, plain_path
from forum.models import QUESTION, Follow, Reading, Tag, Thread, ThreadTag
from forum.visibility import Statement, listed_threads, stand_in
from people.queries import PersonCard, cards

PER_LIST: Final = 30
LAST_PAGE: Final = 500
FRESH: Final = timedelta(days=14)
STATES: Final = ("unanswered", "unsolved", "needs_staff", "waiting_on_author", "solved")
SORTS: Final = ("latest", "newest", "votes")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shall hold; empty values mean any."""

    state: str = ""
    sort: str = "latest"
    kind: str = ""
    category_id: int | None = None
    tag: str = ""
    author_id: int | None = None
    followed: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread in a list. `status` is one of STATES, `discussion`, or empty; `new_replies` is for members.

    Of an idea or a release, `path`, `status` and `score` are what its own feature says.
    """

    id: int
    kind: str
    title: str
    slug: str
    author: PersonCard | None
    last_by: PersonCard | None
    category_id: int
    access: int
    tags: tuple[str, ...]
    status: str
    replies: int
    score: int
    views: int
    created_at: Any
    last_at: Any
    is_pinned: bool
    is_closed: bool
    is_unread: bool
    new_replies: int
    path: str


@dataclass(frozen=True, slots=True)
class ThreadList:
    """One page of a list; `has_more` says whether another follows."""

    rows: tuple[ThreadRow, ...]
    page: int
    has_more: bool
    wanted: Wanted


_T: Final = Thread.__table__.c
_COLUMNS: Final = tuple(
    _T[name]
    for name in (
        "id",
        "kind",
        "title",
        "slug",
        "author_id",
        "last_post_by_id",
        "category_id",
        "access",
        "tags",
        "post_count",
        "reply_count",
        "answer_count",
        "score",
        "view_count",
        "accepted_post_id",
        "created_at",
        "last_post_at",
        "closed_at",
        "pinned_at",
        "needs_staff_at",
        "waiting_on_author_at",
    )
)
MOST_PINS: Final = 5
# Written out: PostgreSQL plans for a tenth of the table where it is not told how many rows are wanted.
_LIMIT: Final = sa.literal_column(str(PER_LIST + 1), sa.Integer)
_PINS_LIMIT: Final = sa.literal_column(str(MOST_PINS), sa.Integer)


def state_is(state: str) -> sa.ColumnElement[bool]:
    """The threads in a state. The states are separate questions: a thread may be in several, or in none."""
    is_open = sa.and_(Thread.kind == QUESTION, Thread.closed_at.is_(None), Thread.accepted_post_id.is_(None))
    return {
        "unanswered": sa.and_(is_open, Thread.answer_count == 0),
        "unsolved": sa.and_(is_open, Thread.answer_count > 0),
        "needs_staff": Thread.needs_staff_at.is_not(None),
        "waiting_on_author": Thread.waiting_on_author_at.is_not(None),
        "solved": Thread.accepted_post_id.is_not(None),
    }[state]


def thread_list(viewer: Viewer, wanted: Wanted | None = None) -> ThreadList:
    """A page of threads in two or three statements. Pinned ones lead page 1 of a category and of everything."""
    wanted = wanted or Wanted()
    if not 1 <= wanted.page <= LAST_PAGE:
        raise NotFound
    shape = replace(
        wanted,
        category_id=wanted.category_id and 1,
        author_id=wanted.author_id and 1,
        tag="any" if wanted.tag else "",
        page=min(wanted.page, 2),
    )
    values = {
        "me": viewer.id or 0,
        "category_id": wanted.category_id or 0,
        "author_id": wanted.author_id or 0,
        "tag": wanted.tag,
        "first": (wanted.page - 1) * PER_LIST,
    }
    statement = _list_statement(viewer.clearance, shape)
    found = rows(statement, values)
    pins = [row for row in found if row.is_pin]
    others = [row for row in found if not row.is_pin]
    return ThreadList(_hydrated([*pins, *others[:PER_LIST]]), wanted.page, len(others) > PER_LIST, wanted)


@lru_cache(maxsize=256)
def _list_statement(clearance: int, shape: Wanted) -> Prepared:
    """Built once for each kind of list: building it takes longer than running it."""
    statement = _filtered(clearance, shape)
    order = _order(shape.sort)
    has_pins = _has_pins(shape)
    main = statement.add_columns(sa.literal(0).label("is_pin"))
    if has_pins:
        main = main.where(_T.pinned_at.is_(None))
    main = main.order_by(*order).limit(_LIMIT)
    if shape.page > 1:
        main = main.offset(sa.bindparam("first"))
    if not has_pins or shape.page > 1:
        return Prepared(main)
    pins = statement.add_columns(sa.literal(1).label("is_pin")).where(_T.pinned_at.is_not(None))
    both = sa.union_all(
        sa.select(pins.order_by(*order).limit(_PINS_LIMIT).subquery("pins")),
        sa.select(main.subquery("others")),
    ).subquery("both")
    key = _order_name(shape.sort)
    return Prepared(sa.select(both).order_by(both.c.is_pin.desc(), both.c[key].desc(), both.c.id.desc()))


def _filtered(clearance: int, shape: Wanted) -> Statement:
    statement = _with_reading(is_member=clearance > VISITOR).where(listed_threads(stand_in(clearance)))
    if shape.state:
        statement = statement.where(state_is(shape.state))
    if shape.kind:
        statement = statement.where(_T.kind == shape.kind)
    if shape.category_id is not None:
        statement = statement.where(_T.category_id == sa.bindparam("category_id"))
    if shape.author_id is not None:
        statement = statement.where(_T.author_id == sa.bindparam("author_id"))
    if shape.tag:
        tagged = sa.select(ThreadTag.thread_id).join(Tag, Tag.id == ThreadTag.tag_id)
        statement = statement.where(_T.id.in_(tagged.where(Tag.name == sa.bindparam("tag"))))
    if shape.followed:
        mine = sa.and_(Follow.person_id == sa.bindparam("me"), Follow.muted_at.is_(None))
        statement = statement.where(_T.id.in_(sa.select(Follow.thread_id).where(mine)))
    return statement


def _with_reading(*, is_member: bool) -> Statement:
    if not is_member:
        return sa.select(*_COLUMNS, sa.null().label("read_position"), sa.literal(0).label("is_member"))
    reading = Reading.__table__
    mine = sa.and_(reading.c.thread_id == _T.id, reading.c.person_id == sa.bindparam("me"))
    columns = (*_COLUMNS, reading.c.position.label("read_position"), sa.literal(1).label("is_member"))
    return sa.select(*columns).select_from(Thread.__table__.outerjoin(reading, mine))


def _has_pins(shape: Wanted) -> bool:
    return replace(shape, category_id=None, kind="", page=1) == Wanted()


def _order_name(sort: str) -> str:
    return {"newest": "created_at", "votes": "score"}.get(sort, "last_post_at")


def _order(sort: str) -> tuple[sa.ColumnElement[Any], ...]:
    return (_T[_order_name(sort)].desc(), _T.id.desc())


def rows_of(viewer: Viewer, thread_ids: Sequence[int]) -> dict[int, ThreadRow]:
    """List rows of these threads, as far as the viewer may see them, by id."""
    if not thread_ids:
        return {}
    statement = _with_reading(is_member=viewer.is_member)
    statement = statement.where(listed_threads(viewer), _T.id.in_(thread_ids))
    found = db.session.execute(statement, {"me": viewer.id or 0}).all()
    return {row.id: row for row in _hydrated(found)}


def _hydrated(found: Sequence[Any]) -> tuple[ThreadRow, ...]:
    people = cards(i for row in found for i in (row.author_id, row.last_post_by_id))
    fresh_since = clock.now() - FRESH
    places = places_of(found)
    return tuple(_list_row(row, people, fresh_since, places.get(row.id)) for row in found)


def _list_row(row: Any, people: Mapping[int, PersonCard], fresh_since: Any, place: Place | None) -> ThreadRow:
    read = row.read_position
    new = max(0, row.post_count - read) if read is not None else 0
    is_unread = bool(row.is_member) and (new > 0 if read is not None else row.last_post_at > fresh_since)
    return ThreadRow(
        id=row.id,
        kind=row.kind,
        title=row.title,
        slug=row.slug,
        author=people.get(row.author_id),
        last_by=people.get(row.last_post_by_id) if row.reply_count else None,
        category_id=row.category_id,
        access=row.access,
        tags=tuple(row.tags.split()),
        status=status_of(row) or (place.status if place else ""),
        replies=row.reply_count,
        score=row.score if place is None or place.votes is None else place.votes,
        views=row.view_count,
        created_at=row.created_at,
        last_at=row.last_post_at,
        is_pinned=row.pinned_at is not None,
        is_closed=row.closed_at is not None,
        is_unread=is_unread,
        new_replies=new,
        path=place.path if place else plain_path(row.id, row.slug),
    )


def status_of(row: Any) -> str:
    """The one state worth a mark in a list: what is to be done comes first."""
    if row.needs_staff_at is not None:
        return "needs_staff"
    if row.accepted_post_id is not None:
        return "solved"
    if row.waiting_on_author_at is not None:
        return "waiting_on_author"
    if row.kind != QUESTION or row.closed_at is not None:
        return ""
    return "unsolved" if row.answer_count else "unanswered"


def counts(viewer: Viewer) -> dict[str, int]:
    """How many listed threads the viewer could open, in all (`threads`) and in each of STATES."""
    columns = [sa.func.count().label("threads")]
    columns += [sa.func.coalesce(sa.func.sum(sa.case((state_is(s), 1), else_=0)), 0).label(s) for s in STATES]
    row = db.session.execute(sa.select(*columns).select_from(Thread).where(listed_threads(viewer))).one()
    return {name: int(value) for name, value in row._mapping.items()}


def followers(thread_id: int) -> list[int]:
    """Who follows a thread and has not muted it. Whether they may still see it is for the caller to ask."""
    statement = sa.select(Follow.person_id).where(Follow.thread_id == thread_id, Follow.muted_at.is_(None))
    return list(db.session.execute(statement.order_by(Follow.person_id)).scalars())
