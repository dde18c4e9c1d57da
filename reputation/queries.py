"""Every read of the ledger, and who the hidden experts are."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from core.viewer import STAFF_ROLES, Viewer
from forum.models import ANSWER, Post, Thread
from forum.visibility import Statement, listed_posts, visible_threads
from ideation.models import Idea
from people import queries as people
from people.models import IMPORTED, MEMBER, Person, RoleGrant
from reputation.expertise import lower_bound, weight
from reputation.models import LedgerEntry

WITHDRAWALS: Final = ("withdrawn", "reinstated")
LEAST_ANSWERS: Final = 3
WELL_KNOWN: Final = 20  # those who answered most are no secret
BAND: Final = timedelta(days=91)  # ages are told apart by quarters
OLDEST_BAND: Final = 40  # ten years: a thousandth part of its weight is left of an answer
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


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


def hold(person_ids: Collection[int]) -> None:
    """Hold these people's rows until the end of the transaction, so that two sums cannot overtake each other."""
    statement = sa.select(Person.id).where(Person.id.in_(list(person_ids))).order_by(Person.id)
    db.session.execute(statement.with_for_update()).all()


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody has from a subject: earned by facts, and answered by withdrawals (of the opposite sign)."""

    subject: str
    person_id: int
    earned: int
    withdrawn: int


def standings(thread_id: int, subject: str = "") -> list[Standing]:
    """Every standing in a thread, or of one subject in it."""
    is_answer = LedgerEntry.reason.in_(WITHDRAWALS)
    earned = sa.func.sum(sa.case((is_answer, 0), else_=LedgerEntry.points))
    withdrawn = sa.func.sum(sa.case((is_answer, LedgerEntry.points), else_=0))
    statement = (
        sa.select(LedgerEntry.subject, LedgerEntry.person_id, earned, withdrawn)
        .where(LedgerEntry.thread_id == thread_id)
        .group_by(LedgerEntry.subject, LedgerEntry.person_id)
        .order_by(LedgerEntry.subject, LedgerEntry.person_id)
    )
    if subject:
        statement = statement.where(LedgerEntry.subject == subject)
    return [Standing(s, p, int(e), int(w)) for s, p, e, w in db.session.execute(statement)]


def is_gone(thread_id: int, subject: str) -> bool:
    """Whether a subject is deleted now, by itself or with its thread."""
    kind, _colon, number = subject.partition(":")
    gone = sa.select(Thread.deleted_at).where(Thread.id == thread_id)
    if db.session.execute(gone).scalar() is not None:
        return True
    deleted = sa.select(Post.deleted_at).where(Post.id == int(number))
    return kind == "post" and db.session.execute(deleted).scalar() is not None


def idea_authors(idea_ids: Collection[int]) -> Sequence[Any]:
    """(idea, author, thread) of these ideas."""
    statement = sa.select(Idea.id, Thread.author_id, Idea.thread_id).join(Thread, Thread.id == Idea.thread_id)
    return db.session.execute(statement.where(Idea.id.in_(list(idea_ids)))).all()


def entries(viewer: Viewer, person_id: int, limit: int = 50, before_id: int | None = None) -> Sequence[Any]:
    """A person's ledger, latest first: what came from threads the viewer may see; one's own is whole.

    The title is None where the thread cannot be seen.
    """
    may_see = visible_threads(viewer)
    is_shown = sa.true() if viewer.id == person_id else sa.or_(LedgerEntry.thread_id.is_(None), may_see)
    columns = (
        LedgerEntry.id,
        LedgerEntry.points,
        LedgerEntry.reason,
        LedgerEntry.at,
        LedgerEntry.thread_id,
    )
    statement = (
        sa.select(*columns, sa.case((may_see, Thread.title), else_=None).label("title"))
        .outerjoin(Thread, Thread.id == LedgerEntry.thread_id)
        .where(LedgerEntry.person_id == person_id, is_shown)
        .order_by(LedgerEntry.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        statement = statement.where(LedgerEntry.id < before_id)
    return db.session.execute(statement).all()


def export_entries(person_id: int) -> list[dict[str, Any]]:
    """Somebody's whole ledger, for their data export."""
    columns = (LedgerEntry.at, LedgerEntry.points, LedgerEntry.reason, LedgerEntry.subject)
    statement = sa.select(*columns).where(LedgerEntry.person_id == person_id).order_by(LedgerEntry.id)
    return [dict(row) for row in db.session.execute(statement).mappings()]


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


@dataclass(slots=True)
class _Record:
    """What somebody answered: counts, and counts weighted by age."""

    answers: int = 0
    good: int = 0
    accepted: int = 0
    weighted_answers: float = 0.0
    weighted_good: float = 0.0
    last_at: datetime = BEGINNING

    def add(self, row: Any, share: float) -> None:
        """Take in a row of `_answers`, each answer of which counts `share`."""
        self.answers += row.answers
        self.good += row.good
        self.accepted += row.accepted
        self.weighted_answers += row.answers * share
        self.weighted_good += row.good * share
        self.last_at = max(self.last_at, row.last_at)


def hidden_experts(viewer: Viewer, *, tag: str = "", limit: int = 20) -> list[Expert]:
    """People whose few answers are surely good, those left out who are known to everybody for answering most.

    A good answer was accepted or has a score of at least one. Only answers that the viewer may see count. Age is
    counted from the newest of them, so that a community that rests keeps its experts.
    """
    newest = db.session.execute(_theirs(viewer, tag, sa.func.max(Post.created_at))).scalar()
    if newest is None:
        return []
    records = _records(viewer, tag, newest)
    rate = sum(r.good for r in records.values()) / sum(r.answers for r in records.values())
    famous = _well_known(records)
    scored = [
        (lower_bound(record.weighted_good, record.weighted_answers, rate), author)
        for author, record in records.items()
        if record.answers >= LEAST_ANSWERS and author not in famous
    ]
    best = sorted(scored, reverse=True)[:limit]
    topics = _topics(viewer, tag, [author for _, author in best])
    cards = people.cards([author for _, author in best])
    return [_expert(cards[author], sure, records[author], topics[author]) for sure, author in best]


def _records(viewer: Viewer, tag: str, newest: datetime) -> dict[int, _Record]:
    records: dict[int, _Record] = defaultdict(_Record)
    for row in db.session.execute(_answers(viewer, tag, newest)):
        records[row.author_id].add(row, weight(newest - (row.band + 0.5) * BAND, newest))
    return records


def _well_known(records: dict[int, _Record]) -> set[int]:
    """Those who answered most are no secret, once there are enough people for a secret."""
    if len(records) <= 2 * WELL_KNOWN:
        return set()
    by_number = sorted(records, key=lambda author: records[author].answers, reverse=True)
    return set(by_number[:WELL_KNOWN])


def _answers(viewer: Viewer, tag: str, newest: datetime) -> Statement:
    """Counts by author and age: one row for each quarter in which somebody answered."""
    steps = [(Post.created_at > newest - (band + 1) * BAND, band) for band in range(OLDEST_BAND)]
    band = sa.case(*steps, else_=OLDEST_BAND)
    columns = (
        Post.author_id,
        band.label("band"),
        sa.func.count().label("answers"),
        sa.func.sum(sa.case((_is_good(), 1), else_=0)).label("good"),
        sa.func.sum(sa.case((Thread.accepted_post_id == Post.id, 1), else_=0)).label("accepted"),
        sa.func.max(Post.created_at).label("last_at"),
    )
    return _theirs(viewer, tag, *columns).group_by(Post.author_id, sa.text("band"))


def _theirs(viewer: Viewer, tag: str, *columns: Any) -> Statement:
    """Answers of customers to other people's questions."""
    staff = sa.select(RoleGrant.person_id).where(RoleGrant.role.in_(STAFF_ROLES))
    statement: Statement = (
        sa.select(*columns)
        .select_from(Post)
        .join(Thread, Thread.id == Post.thread_id)
        .join(Person, Person.id == Post.author_id)
        .where(Post.kind == ANSWER, listed_posts(viewer), Post.author_id != Thread.author_id)
        .where(Person.kind.in_((MEMBER, IMPORTED)), Post.author_id.not_in(staff))
    )
    return statement.where(_has_tag(tag)) if tag else statement


def _has_tag(tag: str) -> sa.ColumnElement[bool]:
    return (sa.literal(" ") + Thread.tags + " ").contains(f" {tag} ", autoescape=True)


def _is_good() -> sa.ColumnElement[bool]:
    """Accepted, or with more votes up than down."""
    return sa.or_(sa.func.coalesce(Thread.accepted_post_id == Post.id, sa.false()), Post.score >= 1)


def _topics(viewer: Viewer, tag: str, authors: Collection[int]) -> dict[int, Counter[str]]:
    """Tags of these people's good answers, with how many."""
    found: dict[int, Counter[str]] = {author: Counter() for author in authors}
    statement = _theirs(viewer, tag, Post.author_id, Thread.tags).where(Post.author_id.in_(list(authors)))
    for author, tags in db.session.execute(statement.where(_is_good())):
        found[author].update(tags.split())
    return found


def _expert(person: people.PersonCard, certainty: float, record: _Record, topics: Counter[str]) -> Expert:
    return Expert(
        person=person,
        certainty=certainty,
        answers=record.answers,
        good=record.good,
        accepted=record.accepted,
        topics=tuple(name for name, _ in topics.most_common(4)),
        last_at=record.last_at,
    )


def topics_of(person_id: int, limit: int = 6) -> list[tuple[str, int]]:
    """Tags of public threads in which a person gave good answers, with how many: what their profile may show."""
    statement = (
        sa.select(Thread.tags)
        .join(Post, Post.thread_id == Thread.id)
        .where(Post.author_id == person_id, Post.kind == ANSWER, listed_posts(Viewer.visitor()), _is_good())
        .where(Post.author_id != Thread.author_id)
        .order_by(Post.id.desc())
        .limit(500)
    )
    names = Counter(name for (tags,) in db.session.execute(statement) for name in tags.split())
    return names.most_common(limit)
