"""Every read of the ledger, and who the hidden experts are."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core import clock
from core.db import db
from core.viewer import STAFF_ROLES, Viewer
from forum.models import ANSWER, Post, Thread
from forum.visibility import visible_posts, visible_threads
from ideation.models import Idea
from people import queries as people
from people.models import IMPORTED, MEMBER, Person, RoleGrant
from reputation.expertise import lower_bound, weight
from reputation.models import LedgerEntry

WITHDRAWALS = ("withdrawn", "reinstated")
LEAST_ANSWERS = 3
WELL_KNOWN = 20  # those who answered most are no secret


def sums(person_ids: Collection[int]) -> dict[int, int]:
    """Points of these people as the ledger says, never below zero."""
    statement = (
        sa.select(LedgerEntry.person_id, sa.func.sum(LedgerEntry.points))
        .where(LedgerEntry.person_id.in_(list(person_ids)))
        .group_by(LedgerEntry.person_id)
    )
    found = {person_id: max(0, int(points)) for person_id, points in db.session.execute(statement)}
    return {person_id: found.get(person_id, 0) for person_id in person_ids}


def level_now(person_id: int) -> int:
    """The level a person stands at."""
    return int(db.session.execute(sa.select(Person.level).where(Person.id == person_id)).scalar_one())


def open_sums(subject: str) -> list[tuple[int, int, int | None]]:
    """What a subject gives each person as things stand: (person, points, thread)."""
    return _sums_of(LedgerEntry.subject == subject)


def withdrawn_sums(subject: str) -> list[tuple[int, int, int | None]]:
    """What deletions took back from a subject and restoring has not given back yet."""
    return _sums_of(sa.and_(LedgerEntry.subject == subject, LedgerEntry.reason.in_(WITHDRAWALS)))


def _sums_of(condition: sa.ColumnElement[bool]) -> list[tuple[int, int, int | None]]:
    statement = (
        sa.select(LedgerEntry.person_id, sa.func.sum(LedgerEntry.points), sa.func.max(LedgerEntry.thread_id))
        .where(condition)
        .group_by(LedgerEntry.person_id)
        .having(sa.func.sum(LedgerEntry.points) != 0)
    )
    return [
        (person_id, int(points), thread_id) for person_id, points, thread_id in db.session.execute(statement)
    ]


def idea_authors(idea_ids: Collection[int]) -> Sequence[Any]:
    """(idea, author, thread) of these ideas."""
    statement = sa.select(Idea.id, Thread.author_id, Idea.thread_id).join(Thread, Thread.id == Idea.thread_id)
    return db.session.execute(statement.where(Idea.id.in_(list(idea_ids)))).all()


def entries(viewer: Viewer, person_id: int, limit: int = 50, before_id: int | None = None) -> Sequence[Any]:
    """A person's ledger, latest first; the thread's title only where the viewer may see the thread."""
    title = sa.case((visible_threads(viewer), Thread.title), else_=None).label("title")
    statement = (
        sa.select(
            LedgerEntry.id,
            LedgerEntry.points,
            LedgerEntry.reason,
            LedgerEntry.at,
            LedgerEntry.thread_id,
            title,
        )
        .outerjoin(Thread, Thread.id == LedgerEntry.thread_id)
        .where(LedgerEntry.person_id == person_id)
        .order_by(LedgerEntry.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        statement = statement.where(LedgerEntry.id < before_id)
    return db.session.execute(statement).all()


@dataclass(frozen=True, slots=True)
class Expert:
    """Somebody whose answers are good, with the numbers behind that."""

    person: people.PersonCard
    certainty: float  # lower bound of the share of good answers, 0..1
    answers: int
    good: int
    accepted: int
    topics: tuple[str, ...]
    last_at: datetime


def hidden_experts(viewer: Viewer, *, tag: str = "", limit: int = 20) -> list[Expert]:
    """People whose few answers are surely good, those left out who are known to everybody for answering most.

    A good answer was accepted or has a score of at least one. Only answers that the viewer may see count.
    """
    rows = db.session.execute(_answers(viewer, tag)).all()
    by_author: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_author[row.author_id].append(row)
    famous = {
        author for author, _ in Counter({a: len(r) for a, r in by_author.items()}).most_common(WELL_KNOWN)
    }
    famous = famous if len(by_author) > 2 * WELL_KNOWN else set()
    rate = sum(map(_is_good, rows)) / len(rows) if rows else 0.5
    now = max(
        (row.created_at for row in rows), default=clock.now()
    )  # a community that rests keeps its experts
    scored = [
        (lower_bound(*_weighted(theirs, now), rate), author)
        for author, theirs in by_author.items()
        if len(theirs) >= LEAST_ANSWERS and author not in famous
    ]
    best = sorted(scored, reverse=True)[:limit]
    cards = people.cards({author for _, author in best})
    return [
        _expert(cards[author], certainty, by_author[author]) for certainty, author in best if author in cards
    ]


def _answers(viewer: Viewer, tag: str) -> Any:
    staff = sa.select(RoleGrant.person_id).where(RoleGrant.role.in_(STAFF_ROLES))
    accepted = (Thread.accepted_post_id == Post.id).label("accepted")
    statement = (
        sa.select(Post.author_id, Post.score, Post.created_at, Thread.tags, accepted)
        .join(Thread, Thread.id == Post.thread_id)
        .join(Person, Person.id == Post.author_id)
        .where(Post.kind == ANSWER, visible_threads(viewer), visible_posts(viewer))
        .where(
            Person.kind.in_((MEMBER, IMPORTED)),
            Post.author_id.not_in(staff),
            Post.author_id != Thread.author_id,
        )
    )
    if tag:
        statement = statement.where(
            (sa.literal(" ") + Thread.tags + " ").contains(f" {tag} ", autoescape=True)
        )
    return statement


def _is_good(row: Any) -> bool:
    return bool(row.accepted) or row.score >= 1


def _weighted(rows: Sequence[Any], now: datetime) -> tuple[float, float]:
    """Good and all answers, each weighted by its age."""
    pairs = [(weight(row.created_at, now), _is_good(row)) for row in rows]
    return sum(w for w, good in pairs if good), sum(w for w, _ in pairs)


def _expert(person: people.PersonCard, certainty: float, rows: Sequence[Any]) -> Expert:
    topics = Counter(name for row in rows if _is_good(row) for name in row.tags.split())
    return Expert(
        person=person,
        certainty=certainty,
        answers=len(rows),
        good=sum(map(_is_good, rows)),
        accepted=sum(bool(row.accepted) for row in rows),
        topics=tuple(name for name, _ in topics.most_common(4)),
        last_at=max(row.created_at for row in rows),
    )


def topics_of(person_id: int, limit: int = 6) -> list[tuple[str, int]]:
    """Tags of public threads in which a person gave good answers, with how many: what their profile may show."""
    good = sa.or_(Thread.accepted_post_id == Post.id, Post.score >= 1)
    statement = (
        sa.select(Thread.tags)
        .join(Post, Post.thread_id == Thread.id)
        .where(
            Post.author_id == person_id,
            Post.kind == ANSWER,
            good,
            visible_threads(Viewer.visitor()),
            Post.deleted_at.is_(None),
        )
        .order_by(Post.id.desc())
        .limit(500)
    )
    return Counter(name for (tags,) in db.session.execute(statement) for name in tags.split()).most_common(
        limit
    )
