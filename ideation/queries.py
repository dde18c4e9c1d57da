"""Every read of ideas. Lists are plain rows; what a viewer may not see is left out in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound, Refused
from core.text import excerpt, plain
from core.viewer import Viewer
from forum.models import IDEA, Category, Post, Thread
from forum.visibility import visible_posts, visible_threads
from ideation.models import (
    DECLINED,
    IN_PROGRESS,
    OPEN,
    PLANNED,
    SHIPPED,
    UNDER_REVIEW,
    Idea,
    IdeaEvidence,
    IdeaStatusChange,
    IdeaVote,
)
from ideation.visibility import visible_ideas
from people import queries as people

PAGE = 25
ROADMAP_STATUSES = (UNDER_REVIEW, PLANNED, IN_PROGRESS, SHIPPED)
SORTS = ("votes", "new", "active")


@dataclass(frozen=True, slots=True)
class IdeaRow:
    """An idea in a list."""

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
    tags: tuple[str, ...]
    excerpt: str
    has_voted: bool
    is_public: bool


@dataclass(frozen=True, slots=True)
class IdeaList:
    """A page of ideas and how many there are in all."""

    rows: Sequence[IdeaRow]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE))


def idea(viewer: Viewer, idea_id: int) -> Idea:
    """The idea, if the viewer may see it (also one that was merged, so that its page can lead on)."""
    statement = (
        sa.select(Idea)
        .join(Thread, Thread.id == Idea.thread_id)
        .where(Idea.id == idea_id, visible_threads(viewer))
    )
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def thread_of(viewer: Viewer, idea: Idea) -> Thread:
    """The thread an idea stands on, if the viewer may see it."""
    statement = sa.select(Thread).where(Thread.id == idea.thread_id, visible_threads(viewer))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def idea_of_thread(thread_id: int) -> Idea | None:
    """The idea that stands on this thread."""
    return db.session.execute(sa.select(Idea).where(Idea.thread_id == thread_id)).scalar_one_or_none()


def idea_from_thread(thread_id: int) -> Idea | None:
    """The first idea that has a post of this thread as evidence: what the thread became."""
    statement = (
        sa.select(Idea)
        .join(IdeaEvidence, IdeaEvidence.idea_id == Idea.id)
        .join(Post, Post.id == IdeaEvidence.post_id)
        .where(Post.thread_id == thread_id)
        .order_by(IdeaEvidence.id)
        .limit(1)
    )
    return db.session.execute(statement).scalar_one_or_none()


def default_category_id() -> int:
    """Where ideas go unless said otherwise: the first category made for ideas, else the first public one."""
    order = (
        sa.case((Category.default_kind == IDEA, 0), else_=1),
        Category.access,
        Category.position,
        Category.id,
    )
    found = db.session.execute(
        sa.select(Category.id).where(Category.archived_at.is_(None)).order_by(*order).limit(1)
    ).scalar()
    if found is None:
        raise Refused("There is no category yet. An owner can make one under Administration.")
    return int(found)


def quote_of(post: Post) -> str:
    """A post's words as they stand in an idea's evidence."""
    return plain(post.html)[:2000]


def idea_list(
    viewer: Viewer,
    *,
    status: str = "",
    sort: str = "votes",
    tag: str = "",
    text_ids: Sequence[int] | None = None,
    mine: bool = False,
    page: int = 1,
) -> IdeaList:
    """Ideas the viewer may see, `PAGE` a page. Without a status: those still alive."""
    wanted = [visible_ideas(viewer)]
    wanted.append(Idea.status == status if status else Idea.status.not_in((SHIPPED, DECLINED)))
    if tag:
        wanted.append((sa.literal(" ") + Thread.tags + " ").contains(f" {tag} ", autoescape=True))
    if text_ids is not None:
        wanted.append(Thread.id.in_(text_ids))
    if mine:
        wanted.append(Thread.author_id == viewer.id)
    total = db.session.execute(
        sa.select(sa.func.count()).select_from(Idea).join(Thread, Thread.id == Idea.thread_id).where(*wanted)
    )
    statement = (
        _rows_statement(viewer).where(*wanted).order_by(*_order(sort)).limit(PAGE).offset((page - 1) * PAGE)
    )
    return IdeaList(_rows(statement), int(total.scalar_one()), page)


def _order(sort: str) -> tuple[Any, ...]:
    return {
        "new": (Idea.created_at.desc(), Idea.id.desc()),
        "active": (Thread.last_post_at.desc(), Idea.id.desc()),
    }.get(sort, (Idea.vote_count.desc(), Idea.id.desc()))


def _rows_statement(viewer: Viewer) -> Any:
    voted = sa.exists().where(IdeaVote.idea_id == Idea.id, IdeaVote.person_id == (viewer.id or 0))
    return (
        sa.select(
            Idea.id, Idea.thread_id, Idea.status, Idea.status_reason, Idea.vote_count, Idea.created_at,
            Thread.title, Thread.slug, Thread.post_count, Thread.author_id, Thread.tags, Thread.access,
            Category.name.label("category"), Category.slug.label("category_slug"), Post.html, voted.label("voted"),
        )
        .join(Thread, Thread.id == Idea.thread_id)
        .join(Category, Category.id == Thread.category_id)
        .join(Post, sa.and_(Post.thread_id == Thread.id, Post.position == 1))
    )  # fmt: skip


def _rows(statement: Any) -> list[IdeaRow]:
    found = db.session.execute(statement).all()
    cards = people.cards({r.author_id for r in found})
    return [
        IdeaRow(
            id=r.id,
            thread_id=r.thread_id,
            title=r.title,
            slug=r.slug,
            status=r.status,
            status_reason=r.status_reason,
            votes=r.vote_count,
            comments=max(0, r.post_count - 1),
            author=cards[r.author_id],
            created_at=r.created_at,
            category=r.category,
            category_slug=r.category_slug,
            tags=tuple(r.tags.split()),
            excerpt=excerpt(r.html, 180),
            has_voted=bool(r.voted),
            is_public=r.access == 0,
        )
        for r in found
    ]


def one_row(viewer: Viewer, idea_id: int) -> IdeaRow:
    """One idea as a list shows it."""
    found = _rows(_rows_statement(viewer).where(Idea.id == idea_id, visible_threads(viewer)))
    if not found:
        raise NotFound
    return found[0]


def rows_by_ids(viewer: Viewer, ids: Sequence[int]) -> list[IdeaRow]:
    """Ideas in the order of `ids`, those the viewer may not see left out."""
    found = {r.id: r for r in _rows(_rows_statement(viewer).where(Idea.id.in_(ids), visible_ideas(viewer)))}
    return [found[i] for i in ids if i in found]


def roadmap(viewer: Viewer, per_column: int = 30) -> dict[str, list[IdeaRow]]:
    """What is under review, planned, in progress and shipped, most wanted first (shipped: latest first)."""
    columns = {}
    for status in ROADMAP_STATUSES:
        order = (Idea.status_at.desc(),) if status == SHIPPED else (Idea.vote_count.desc(), Idea.id.desc())
        wanted = _rows_statement(viewer).where(visible_ideas(viewer), Idea.status == status)
        columns[status] = _rows(wanted.order_by(*order).limit(per_column))
    return columns


def status_counts(viewer: Viewer) -> dict[str, int]:
    """How many ideas of each status the viewer may see."""
    statement = (
        sa.select(Idea.status, sa.func.count())
        .join(Thread, Thread.id == Idea.thread_id)
        .where(visible_ideas(viewer))
        .group_by(Idea.status)
    )
    found = {status: int(number) for status, number in db.session.execute(statement)}
    return {s: found.get(s, 0) for s in (OPEN, UNDER_REVIEW, PLANNED, IN_PROGRESS, SHIPPED, DECLINED)}


def has_voted(viewer: Viewer, idea_id: int) -> bool:
    """Whether the viewer's vote stands."""
    mine = sa.select(IdeaVote.id).where(IdeaVote.idea_id == idea_id, IdeaVote.person_id == (viewer.id or 0))
    return db.session.execute(mine).first() is not None


def voters(idea_id: int, limit: int = 12) -> list[people.PersonCard]:
    """The latest voters."""
    statement = (
        sa.select(IdeaVote.person_id)
        .where(IdeaVote.idea_id == idea_id)
        .order_by(IdeaVote.id.desc())
        .limit(limit)
    )
    ids = [i for (i,) in db.session.execute(statement)]
    cards = people.cards(ids)
    return [cards[i] for i in ids if i in cards]


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A quote with where it comes from. `thread_id` is set when it is a post the viewer may see."""

    quote: str
    person: people.PersonCard | None
    label: str
    url: str
    thread_id: int | None
    post_id: int | None
    at: datetime


def evidence(viewer: Viewer, idea_id: int) -> list[EvidenceRow]:
    """The evidence of an idea; quotes of posts the viewer may not see are left out."""
    seen = sa.and_(visible_threads(viewer), visible_posts(viewer))
    statement = (
        sa.select(IdeaEvidence, Post.thread_id)
        .outerjoin(Post, Post.id == IdeaEvidence.post_id)
        .outerjoin(Thread, Thread.id == Post.thread_id)
        .where(IdeaEvidence.idea_id == idea_id, sa.or_(IdeaEvidence.post_id.is_(None), seen))
        .order_by(IdeaEvidence.id)
    )
    found = db.session.execute(statement).all()
    cards = people.cards({e.person_id for e, _ in found if e.person_id})
    return [
        EvidenceRow(
            e.quote,
            cards.get(e.person_id or 0),
            e.origin_label,
            e.origin_url,
            thread_id,
            e.post_id,
            e.added_at,
        )
        for e, thread_id in found
    ]


def history(idea_id: int) -> Sequence[Any]:
    """Status changes, oldest first: status, reason, at, by_id."""
    statement = (
        sa.select(
            IdeaStatusChange.status, IdeaStatusChange.reason, IdeaStatusChange.at, IdeaStatusChange.by_id
        )
        .where(IdeaStatusChange.idea_id == idea_id)
        .order_by(IdeaStatusChange.id)
    )
    return db.session.execute(statement).all()


def ideas_by(viewer: Viewer, person_id: int, limit: int = 20) -> list[IdeaRow]:
    """Ideas a person raised."""
    wanted = _rows_statement(viewer).where(visible_ideas(viewer), Thread.author_id == person_id)
    return _rows(wanted.order_by(Idea.id.desc()).limit(limit))


def status_reason(idea_id: int) -> str:
    """The public reason of an idea's present status."""
    return str(db.session.execute(sa.select(Idea.status_reason).where(Idea.id == idea_id)).scalar() or "")


def title_of(idea_id: int) -> str:
    """The title of an idea, for letters to people who asked for it."""
    statement = sa.select(Thread.title).join(Idea, Idea.thread_id == Thread.id).where(Idea.id == idea_id)
    return str(db.session.execute(statement).scalar() or "")


def rows_by_thread_ids(viewer: Viewer, thread_ids: Sequence[int]) -> list[IdeaRow]:
    """Ideas that stand on these threads, in their order."""
    found = {
        r.thread_id: r
        for r in _rows(_rows_statement(viewer).where(Thread.id.in_(thread_ids), visible_ideas(viewer)))
    }
    return [found[i] for i in thread_ids if i in found]


def shippable(viewer: Viewer, limit: int = 100) -> list[IdeaRow]:
    """Living ideas, those furthest along first: what a release may hold."""
    rank = sa.case({IN_PROGRESS: 0, PLANNED: 1, UNDER_REVIEW: 2}, value=Idea.status, else_=3)
    wanted = _rows_statement(viewer).where(visible_ideas(viewer), Idea.status.not_in((SHIPPED, DECLINED)))
    return _rows(wanted.order_by(rank, Idea.vote_count.desc()).limit(limit))
