"""Every write on the ledger. Entries are only ever added; a person's points are their sum."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.db import db, dialect, insert_ignore
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from forum.models import ANSWER, Post, PostVote, Thread
from people import actions as people
from people.models import Person
from reputation import policy, queries, rules
from reputation.events import LevelReached
from reputation.models import LedgerEntry

BATCH = 500


@dataclass(frozen=True, slots=True)
class Award:
    """An entry to be. `key` is unique: the same fact awards once however often it is told."""

    key: str
    person_id: int
    points: int
    reason: str
    subject: str
    at: datetime
    thread_id: int | None = None
    event_id: int | None = None


def award(actor: Viewer, awards: Sequence[Award]) -> None:
    """Write entries (those of zero points and known keys are passed over) and the new standings."""
    require(policy.may_award(actor))
    due = [a for a in awards if a.points]
    insert_ignore(LedgerEntry.__table__, [_row(a) for a in due])
    stand(actor, {a.person_id for a in due})


def _row(award: Award) -> dict[str, object]:
    return {
        "key": award.key,
        "person_id": award.person_id,
        "points": award.points,
        "reason": award.reason,
        "subject": award.subject,
        "thread_id": award.thread_id,
        "event_id": award.event_id,
        "at": award.at,
    }


def stand(actor: Viewer, person_ids: Collection[int]) -> None:
    """Copy the sums of the ledger, and the levels they reach, onto these people."""
    require(policy.may_award(actor))
    for person_id, points in queries.sums(person_ids).items():
        level = rules.level_of(points)
        before = queries.level_now(person_id)
        people.set_standing(actor, person_id, points, level)
        if level > before:
            record(LevelReached(person_id, level), actor=actor)


def withdraw(actor: Viewer, subject: str, *, key: str, at: datetime, reason: str) -> None:
    """Answer everything a subject earned by one opposite entry a person (a post was deleted), or undo that."""
    require(policy.may_award(actor))
    entries = queries.open_sums(subject) if reason == "withdrawn" else queries.withdrawn_sums(subject)
    award(
        actor,
        [
            Award(f"{key}:{person_id}", person_id, -points, reason, subject, at, thread_id)
            for person_id, points, thread_id in entries
        ],
    )


def award_imported(actor: Viewer, first_thread_id: int, last_thread_id: int, at: datetime) -> None:
    """One entry for each imported post that earned something; votes without voters count like others."""
    require(policy.may_award(actor))
    rows = db.session.execute(_imported_earnings(first_thread_id, last_thread_id)).all()
    awards = [
        Award(
            f"import:post:{r.id}",
            r.author_id,
            _imported_points(r),
            "imported",
            f"post:{r.id}",
            at,
            r.thread_id,
        )
        for r in rows
    ]
    require(policy.may_award(actor))
    for start in range(0, len(awards), BATCH):
        insert_ignore(LedgerEntry.__table__, [_row(a) for a in awards[start : start + BATCH] if a.points])
    _stand_at_once({a.person_id for a in awards})


def _imported_earnings(first: int, last: int) -> Any:
    ups = sa.func.coalesce(sa.func.sum(sa.case((PostVote.value > 0, 1), else_=0)), 0)
    downs = sa.func.coalesce(sa.func.sum(sa.case((PostVote.value < 0, 1), else_=0)), 0)
    accepted = sa.func.max(sa.case((Thread.accepted_post_id == Post.id, 1), else_=0))
    return (
        sa.select(
            Post.id,
            Post.author_id,
            Post.thread_id,
            Post.kind,
            ups.label("ups"),
            downs.label("downs"),
            accepted.label("accepted"),
        )
        .join(Thread, Thread.id == Post.thread_id)
        .outerjoin(PostVote, PostVote.post_id == Post.id)
        .where(Thread.id.between(first, last), Post.deleted_at.is_(None), Post.origin_key.is_not(None))
        .group_by(Post.id, Post.author_id, Post.thread_id, Post.kind)
    )


def _imported_points(row: Any) -> int:
    is_answer = row.kind == ANSWER
    up, down = rules.vote_points(1, is_answer=is_answer), rules.vote_points(-1, is_answer=is_answer)
    return int(row.ups * up + row.downs * down + (rules.ACCEPTED if row.accepted else 0))


def _stand_at_once(person_ids: Collection[int]) -> None:
    """Standings of many imported people in two statements; no level notices for what happened elsewhere."""
    total = sa.select(sa.func.coalesce(sa.func.sum(LedgerEntry.points), 0)).where(
        LedgerEntry.person_id == Person.id
    )
    greatest = sa.func.max if dialect() == "sqlite" else sa.func.greatest
    steps = [
        (Person.points >= level.points, level.number) for level in reversed(rules.LEVELS) if level.number
    ]
    ids = sorted(person_ids)
    for start in range(0, len(ids), BATCH):
        some = Person.id.in_(ids[start : start + BATCH])
        points = greatest(total.scalar_subquery(), 0)
        db.session.execute(
            sa.update(Person).where(some).values(points=points).execution_options(synchronize_session=False)
        )
        db.session.execute(
            sa.update(Person)
            .where(some)
            .values(level=sa.case(*steps, else_=0))
            .execution_options(synchronize_session=False)
        )
