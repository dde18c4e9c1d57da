"""Lists of threads, categories and tags, with counts that hold only what the viewer may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.addresses import Place, places_of, plain_path
from forum.models import QUESTION, Category, Follow, Reading, Tag, Thread, ThreadTag
from forum.visibility import Statement, listed_threads, visible_categories
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


_COLUMNS: Final = (
    Thread.id,
    Thread.kind,
    Thread.title,
    Thread.slug,
    Thread.author_id,
    Thread.last_post_by_id,
    Thread.category_id,
    Thread.access,
    Thread.tags,
    Thread.post_count,
    Thread.reply_count,
    Thread.answer_count,
    Thread.score,
    Thread.view_count,
    Thread.accepted_post_id,
    Thread.created_at,
    Thread.last_post_at,
    Thread.closed_at,
    Thread.pinned_at,
    Thread.needs_staff_at,
    Thread.waiting_on_author_at,
)


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
    """A page of threads in three statements. Pinned ones lead page 1 of a category and of everything."""
    wanted = wanted or Wanted()
    if not 1 <= wanted.page <= LAST_PAGE:
        raise NotFound
    statement = _filtered(viewer, wanted)
    pinned = _pinned(statement, wanted)
    found = _page_of(statement, wanted)
    rows = [*pinned, *found[:PER_LIST]]
    return ThreadList(_hydrated(rows), wanted.page, len(found) > PER_LIST, wanted)


def _filtered(viewer: Viewer, wanted: Wanted) -> Statement:
    statement = _with_reading(viewer).where(listed_threads(viewer))
    if wanted.state:
        statement = statement.where(state_is(wanted.state))
    if wanted.kind:
        statement = statement.where(Thread.kind == wanted.kind)
    if wanted.category_id is not None:
        statement = statement.where(Thread.category_id == wanted.category_id)
    if wanted.author_id is not None:
        statement = statement.where(Thread.author_id == wanted.author_id)
    if wanted.tag:
        tagged = (
            sa.select(ThreadTag.thread_id).join(Tag, Tag.id == ThreadTag.tag_id).where(Tag.name == wanted.tag)
        )
        statement = statement.where(Thread.id.in_(tagged))
    if wanted.followed:
        mine = sa.and_(Follow.person_id == viewer.id, Follow.muted_at.is_(None))
        statement = statement.where(Thread.id.in_(sa.select(Follow.thread_id).where(mine)))
    return statement


def _with_reading(viewer: Viewer) -> Statement:
    if not viewer.is_member:
        return sa.select(*_COLUMNS, sa.null().label("read_position"), sa.null().label("is_member"))
    mine = sa.and_(Reading.thread_id == Thread.id, Reading.person_id == viewer.id)
    statement = sa.select(
        *_COLUMNS, Reading.position.label("read_position"), sa.literal(1).label("is_member")
    )
    return statement.outerjoin(Reading, mine)


def _has_pins(wanted: Wanted) -> bool:
    plain = replace(wanted, category_id=None, kind="", page=1)
    return plain == Wanted()


def _pinned(statement: Statement, wanted: Wanted) -> Sequence[Any]:
    if wanted.page > 1 or not _has_pins(wanted):
        return ()
    pins = statement.where(Thread.pinned_at.is_not(None)).order_by(Thread.pinned_at.desc(), Thread.id.desc())
    return db.session.execute(pins.limit(5)).all()


def _page_of(statement: Statement, wanted: Wanted) -> Sequence[Any]:
    """One row more than a page shows, to know whether there is another page."""
    if _has_pins(wanted):
        statement = statement.where(Thread.pinned_at.is_(None))
    first = (wanted.page - 1) * PER_LIST
    return db.session.execute(
        statement.order_by(*_order(wanted.sort)).limit(PER_LIST + 1).offset(first)
    ).all()


def _order(sort: str) -> tuple[sa.ColumnElement[Any], ...]:
    column = {"newest": Thread.created_at, "votes": Thread.score}.get(sort, Thread.last_post_at)
    return (column.desc(), Thread.id.desc())


def rows_of(viewer: Viewer, thread_ids: Sequence[int]) -> dict[int, ThreadRow]:
    """List rows of these threads, as far as the viewer may see them, by id."""
    if not thread_ids:
        return {}
    statement = _with_reading(viewer).where(listed_threads(viewer), Thread.id.in_(thread_ids))
    return {row.id: row for row in _hydrated(db.session.execute(statement).all())}


def _hydrated(rows: Sequence[Any]) -> tuple[ThreadRow, ...]:
    people = cards(i for row in rows for i in (row.author_id, row.last_post_by_id))
    fresh_since = clock.now() - FRESH
    places = places_of(rows)
    return tuple(_list_row(row, people, fresh_since, places.get(row.id)) for row in rows)


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


@dataclass(frozen=True, slots=True)
class CategoryCard:
    """A category in lists and menus."""

    id: int
    name: str
    slug: str
    description: str
    access: int
    default_kind: str
    hue: int
    position: int
    thread_count: int
    is_archived: bool

    @property
    def path(self) -> str:
        """Where its threads are listed."""
        return f"/c/{self.slug}"


def _category_card(row: Category) -> CategoryCard:
    return CategoryCard(
        id=row.id,
        name=row.name,
        slug=row.slug,
        description=row.description,
        access=row.access,
        default_kind=row.default_kind,
        hue=hue_of(row.id, row.colour),
        position=row.position,
        thread_count=row.thread_count,
        is_archived=row.archived_at is not None,
    )


def hue_of(category_id: int, colour: str) -> int:
    """The hue (1..12) of a category's mark: the chosen one, else one that follows from its id."""
    return int(colour) if colour.isdecimal() and 1 <= int(colour) <= 12 else category_id % 12 + 1


def categories(viewer: Viewer) -> list[CategoryCard]:
    """The categories the viewer may know of, in their order."""
    statement = sa.select(Category).where(visible_categories(viewer)).order_by(Category.position, Category.id)
    return [_category_card(row) for row in db.session.execute(statement).scalars()]


def category_by_slug(viewer: Viewer, slug: str) -> Category:
    """The category behind an address. Raises NotFound."""
    return _one_category(sa.select(Category).where(Category.slug == slug, visible_categories(viewer)))


def category(viewer: Viewer, category_id: int) -> Category:
    """The category to act on. Raises NotFound."""
    return _one_category(sa.select(Category).where(Category.id == category_id, visible_categories(viewer)))


def _one_category(statement: sa.Select[Category]) -> Category:
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def counts(viewer: Viewer) -> dict[str, int]:
    """How many listed threads the viewer could open, in all (`threads`) and in each of STATES."""
    columns = [sa.func.count().label("threads")]
    columns += [sa.func.coalesce(sa.func.sum(sa.case((state_is(s), 1), else_=0)), 0).label(s) for s in STATES]
    row = db.session.execute(sa.select(*columns).select_from(Thread).where(listed_threads(viewer))).one()
    return {name: int(value) for name, value in row._mapping.items()}


@dataclass(frozen=True, slots=True)
class TagCard:
    """A tag with the number of threads the viewer could open."""

    id: int
    name: str
    description: str
    threads: int

    @property
    def path(self) -> str:
        """Where its threads are listed."""
        return tag_path(self.name)


def tag_path(name: str) -> str:
    """Where a tag's threads are listed: `#` must not end the path."""
    return "/tags/" + name.replace("#", "%23").replace("+", "%2B")


def tags(viewer: Viewer, *, begins: str = "", limit: int = 200) -> list[TagCard]:
    """Tags of threads the viewer may see, most used first. A tag of hidden threads alone does not exist."""
    number = sa.func.count().label("threads")
    statement = (
        sa.select(Tag.id, Tag.name, Tag.description, number)
        .join(ThreadTag, ThreadTag.tag_id == Tag.id)
        .join(Thread, Thread.id == ThreadTag.thread_id)
        .where(listed_threads(viewer))
        .group_by(Tag.id, Tag.name, Tag.description)
        .order_by(number.desc(), Tag.name)
        .limit(limit)
    )
    if begins:
        statement = statement.where(Tag.name.startswith(begins, autoescape=True))
    return [TagCard(row.id, row.name, row.description, row.threads) for row in db.session.execute(statement)]


def tag(viewer: Viewer, name: str) -> TagCard:
    """One tag. Raises NotFound when no thread the viewer may see has it."""
    number = sa.func.count(Thread.id).label("threads")
    statement = (
        sa.select(Tag.id, Tag.name, Tag.description, number)
        .join(ThreadTag, ThreadTag.tag_id == Tag.id)
        .join(Thread, Thread.id == ThreadTag.thread_id)
        .where(Tag.name == name, listed_threads(viewer))
        .group_by(Tag.id, Tag.name, Tag.description)
    )
    row = db.session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return TagCard(row.id, row.name, row.description, row.threads)


def tag_row(tag_id: int) -> Tag:
    """The tag to act on, once `tag` has said that the viewer may know of it."""
    return db.session.get_one(Tag, tag_id)


def followers(thread_id: int) -> list[int]:
    """Who follows a thread and has not muted it. Whether they may still see it is for the caller to ask."""
    statement = sa.select(Follow.person_id).where(Follow.thread_id == thread_id, Follow.muted_at.is_(None))
    return list(db.session.execute(statement.order_by(Follow.person_id)).scalars())
