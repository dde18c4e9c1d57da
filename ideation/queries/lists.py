"""Ideas in lists: plain rows in a fixed number of statements; what a viewer may not see is left out in SQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa

from core import search as engine
from core.db import db
from core.errors import NotFound
from core.text import excerpt
from core.viewer import Viewer
from forum import queries as forum
from forum.addresses import Place
from forum.models import IDEA, Category, Post, Tag, Thread, ThreadTag
from forum.queries.rooms import hue_of
from forum.visibility import Statement
from ideation import policy
from ideation.models import DECLINED, IN_PROGRESS, PLANNED, SHIPPED, STATUSES, UNDER_REVIEW, Idea, IdeaVote
from ideation.visibility import listed_ideas, visible_ideas
from people import queries as people

PAGE: Final = 25
ON_PROFILE: Final = 5
MOST_FOUND: Final = 500
EXCERPT: Final = 180
ROADMAP_STATUSES: Final = (UNDER_REVIEW, PLANNED, IN_PROGRESS, SHIPPED)
SORTS: Final = ("votes", "new", "active")
_NOBODY: Final = people.PersonCard(0, "", "", "removed", "", 0, 0, False)


@dataclass(frozen=True, slots=True)
class IdeaRow:
    """An idea in a list. `access` is 0 public, 1 members, 2 staff; `is_open` says that votes are taken."""

    id: int
    thread_id: int
    title: str
    slug: str
    status: str
    status_reason: str
    votes: int
    comments: int
    author: people.PersonCard
    created_at: datetime
    category: str
    category_slug: str
    category_hue: int
    tags: tuple[str, ...]
    excerpt: str
    access: int
    is_deleted: bool
    merged_into_id: int | None
    has_voted: bool
    is_open: bool
    may_vote: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shall hold; empty values mean any. Without a status or words: ideas that are still alive."""

    status: str = ""
    sort: str = "votes"
    tag: str = ""
    text: str = ""
    author_id: int | None = None
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether more is asked for than a status."""
        return bool(self.tag or self.text or self.author_id)


@dataclass(frozen=True, slots=True)
class IdeaList:
    """A page of ideas and how many there are in all."""

    rows: Sequence[IdeaRow]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return _pages(self.total)


def _pages(total: int) -> int:
    return max(1, -(-total // PAGE))


def idea_list(viewer: Viewer, wanted: Wanted) -> IdeaList:
    """Ideas the viewer may see, `PAGE` a page. Raises NotFound behind the last page."""
    first = (wanted.page - 1) * PAGE
    if wanted.text:
        ids = _found(viewer, wanted)
        total, rows = len(ids), rows_by_ids(viewer, ids[first : first + PAGE])
    else:
        rule = _rule(viewer, wanted)
        total = _count(rule)
        statement = _rows_statement(viewer).where(rule).order_by(*_order(wanted.sort))
        rows = _rows(viewer, statement.limit(PAGE).offset(first))
    if wanted.page > _pages(total):
        raise NotFound
    return IdeaList(rows, total, wanted.page)


def _rule(viewer: Viewer, wanted: Wanted) -> sa.ColumnElement[bool]:
    rules = [listed_ideas(viewer)]
    if wanted.status:
        rules.append(Idea.status == wanted.status)
    elif not wanted.is_narrowed:
        rules.append(Idea.status.not_in((SHIPPED, DECLINED)))
    if wanted.tag:
        tagged = sa.select(ThreadTag.thread_id).join(Tag, Tag.id == ThreadTag.tag_id)
        rules.append(Thread.id.in_(tagged.where(Tag.name == wanted.tag)))
    if wanted.author_id is not None:
        rules.append(Thread.author_id == wanted.author_id)
    return sa.and_(*rules)


def _count(rule: sa.ColumnElement[bool]) -> int:
    statement = sa.select(sa.func.count()).select_from(Idea).join(Thread, Thread.id == Idea.thread_id)
    return int(db.session.execute(statement.where(rule)).scalar_one())


def _order(sort: str) -> tuple[Any, ...]:
    return {
        "new": (Idea.created_at.desc(), Idea.id.desc()),
        "active": (Thread.last_post_at.desc(), Idea.id.desc()),
    }.get(sort, (Idea.vote_count.desc(), Idea.id.desc()))


def _found(viewer: Viewer, wanted: Wanted) -> list[int]:
    """Ids of ideas that match the words, best first."""
    threads = matching(viewer, wanted.text)
    statement = sa.select(Idea.thread_id, Idea.id).join(Thread, Thread.id == Idea.thread_id)
    allowed = statement.where(_rule(viewer, wanted), Thread.id.in_(threads))
    ids = {row.thread_id: row.id for row in db.session.execute(allowed)} if threads else {}
    return [ids[thread_id] for thread_id in threads if thread_id in ids]


def matching(viewer: Viewer, words: str) -> list[int]:
    """Ids of the threads of ideas that match, best first: candidates, which the caller checks for the viewer.

    While there is no index, titles that hold all the words.
    """
    query = engine.parse(words)
    if query.is_empty:
        return []
    try:
        of_ideas = engine.parse(f"{words} kind:{IDEA}")
        hits = engine.index().find(of_ideas, clearance=viewer.clearance, limit=MOST_FOUND)
    except engine.SearchDamaged:
        return _titled(viewer, words)
    return list(dict.fromkeys(hit.thread_id for hit in hits))


def _titled(viewer: Viewer, words: str) -> list[int]:
    statement = sa.select(Thread.id).join(Idea, Idea.thread_id == Thread.id).where(listed_ideas(viewer))
    for word in words.split()[:8]:
        statement = statement.where(Thread.title.icontains(word, autoescape=True))
    ranked = statement.order_by(Idea.vote_count.desc(), Idea.id.desc())
    return list(db.session.execute(ranked.limit(MOST_FOUND)).scalars())


def _rows_statement(viewer: Viewer) -> Statement:
    voted = sa.exists().where(IdeaVote.idea_id == Idea.id, IdeaVote.person_id == (viewer.id or 0))
    return (
        sa.select(
            Idea.id, Idea.thread_id, Idea.status, Idea.status_reason, Idea.vote_count, Idea.created_at,
            Idea.merged_into_id, Thread.title, Thread.slug, Thread.reply_count, Thread.author_id, Thread.tags,
            Thread.access, Thread.deleted_at, Thread.category_id, Category.name.label("category"),
            Category.slug.label("category_slug"), Category.colour, Post.html, voted.label("voted"),
        )
        .join(Thread, Thread.id == Idea.thread_id)
        .join(Category, Category.id == Thread.category_id)
        .join(Post, sa.and_(Post.thread_id == Thread.id, Post.position == 1))
    )  # fmt: skip


def _rows(viewer: Viewer, statement: Statement) -> list[IdeaRow]:
    found = db.session.execute(statement).all()
    cards = people.cards({row.author_id for row in found})
    return [_row(viewer, row, cards.get(row.author_id, _NOBODY)) for row in found]


def _row(viewer: Viewer, row: Any, author: people.PersonCard) -> IdeaRow:
    is_open = policy.is_open_for_votes(row)
    return IdeaRow(
        id=row.id,
        thread_id=row.thread_id,
        title=row.title,
        slug=row.slug,
        status=row.status,
        status_reason=row.status_reason,
        votes=row.vote_count,
        comments=row.reply_count,
        author=author,
        created_at=row.created_at,
        category=row.category,
        category_slug=row.category_slug,
        category_hue=hue_of(row.category_id, row.colour),
        tags=tuple(row.tags.split()),
        excerpt=excerpt(row.html, EXCERPT),
        access=row.access,
        is_deleted=row.deleted_at is not None,
        merged_into_id=row.merged_into_id,
        has_voted=bool(row.voted),
        is_open=is_open,
        may_vote=is_open and policy.may_vote(viewer, row),
    )


def one_row(viewer: Viewer, idea_id: int) -> IdeaRow:
    """One idea for its own page, if the viewer may open it. Raises NotFound."""
    found = _rows(viewer, _rows_statement(viewer).where(Idea.id == idea_id, visible_ideas(viewer)))
    if not found:
        thread_id = db.session.execute(sa.select(Idea.thread_id).where(Idea.id == idea_id)).scalar()
        raise forum.missing(viewer, thread_id or 0)
    return found[0]


def rows_by_ids(viewer: Viewer, ids: Sequence[int]) -> list[IdeaRow]:
    """Ideas in the order of `ids`, those the viewer may not see left out."""
    if not ids:
        return []
    statement = _rows_statement(viewer).where(Idea.id.in_(ids), listed_ideas(viewer))
    found = {row.id: row for row in _rows(viewer, statement)}
    return [found[i] for i in ids if i in found]


def rows_by_thread_ids(viewer: Viewer, thread_ids: Sequence[int]) -> list[IdeaRow]:
    """Ideas that stand on these threads, in their order, those the viewer may not see left out."""
    if not thread_ids:
        return []
    statement = _rows_statement(viewer).where(Thread.id.in_(thread_ids), listed_ideas(viewer))
    found = {row.thread_id: row for row in _rows(viewer, statement)}
    return [found[i] for i in thread_ids if i in found]


def ideas_by(viewer: Viewer, person_id: int, limit: int = ON_PROFILE) -> list[IdeaRow]:
    """The newest ideas of a person that the viewer may see."""
    statement = _rows_statement(viewer).where(listed_ideas(viewer), Thread.author_id == person_id)
    return _rows(viewer, statement.order_by(Idea.id.desc()).limit(limit))


def roadmap(viewer: Viewer, per_column: int = 30) -> dict[str, list[IdeaRow]]:
    """What is under review, planned, in progress and shipped, most wanted first; shipped: latest first."""
    latest = sa.case((Idea.status == SHIPPED, Idea.status_at), else_=None)
    place = sa.func.row_number().over(
        partition_by=Idea.status, order_by=(latest.desc(), Idea.vote_count.desc(), Idea.id.desc())
    )
    placed = (
        sa.select(Idea.id, place.label("place"))
        .join(Thread, Thread.id == Idea.thread_id)
        .where(listed_ideas(viewer), Idea.status.in_(ROADMAP_STATUSES))
        .subquery()
    )
    statement = _rows_statement(viewer).join(placed, placed.c.id == Idea.id)
    rows = _rows(viewer, statement.where(placed.c.place <= per_column).order_by(placed.c.place))
    return {status: [row for row in rows if row.status == status] for status in ROADMAP_STATUSES}


def status_counts(viewer: Viewer) -> dict[str, int]:
    """How many ideas of each status lists show to the viewer."""
    statement = (
        sa.select(Idea.status, sa.func.count())
        .join(Thread, Thread.id == Idea.thread_id)
        .where(listed_ideas(viewer))
        .group_by(Idea.status)
    )
    found = {status: int(number) for status, number in db.session.execute(statement)}
    return {status: found.get(status, 0) for status in STATUSES}


def shippable(viewer: Viewer, limit: int = 100) -> list[IdeaRow]:
    """Living ideas, those furthest along first: what a release may hold."""
    rank = sa.case({IN_PROGRESS: 0, PLANNED: 1, UNDER_REVIEW: 2}, value=Idea.status, else_=3)
    rule = sa.and_(listed_ideas(viewer), Idea.status.not_in((SHIPPED, DECLINED)))
    statement = _rows_statement(viewer).where(rule)
    return _rows(viewer, statement.order_by(rank, Idea.vote_count.desc(), Idea.id).limit(limit))


def path_of(idea_id: int, slug: str) -> str:
    """Where an idea stands."""
    return f"/ideas/{idea_id}/{quote(slug)}"


def places(thread_ids: Collection[int]) -> Mapping[int, Place]:
    """Where the ideas on these threads live, with what a list of threads says of them."""
    statement = (
        sa.select(Idea.thread_id, Idea.id, Idea.status, Idea.vote_count, Thread.slug)
        .join(Thread, Thread.id == Idea.thread_id)
        .where(Idea.thread_id.in_(list(thread_ids)))
    )
    return {
        row.thread_id: Place(path_of(row.id, row.slug), row.status, row.vote_count)
        for row in db.session.execute(statement)
    }
