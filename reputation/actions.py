"""Every write on the ledger. Entries are only ever added; a person's points are their sum."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

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

BATCH: Final = 500


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
    queries.hold(person_ids)
    for person_id, points in queries.sums(person_ids).items():
        level = rules.level_of(points)
        before = queries.level_now(person_id)
        people.set_standing(actor, person_id, points, level)
        if level > before:
            record(LevelReached(person_id, level), actor=actor)


def move_points(actor: Viewer, person_id: int, member_id: int) -> None:
    """The entries of somebody from outside are the member's they turned out to be; the points stay as they are."""
    require(policy.may_award(actor))
    theirs = sa.update(LedgerEntry).where(LedgerEntry.person_id == person_id).values(person_id=member_id)
    db.session.execute(theirs.execution_options(synchronize_session="fetch"))
    stand(actor, [member_id])


def settle(actor: Viewer, thread_id: int, *, key: str, at: datetime, subject: str = "") -> None:
    """Make a thread's entries (or one subject's) agree with what stands: what is deleted gives nobody anything.

    Each person gets one entry that answers the rest, or gives back what was withdrawn. Asked after every fact, it
    comes to the same end in whatever order the facts arrive.
    """
    require(policy.may_award(actor))
    queries.hold({row.person_id for row in queries.standings(thread_id, subject)})
    awards = []
    for row in queries.standings(thread_id, subject):
        is_gone = queries.is_gone(thread_id, row.subject)
        difference = -(row.earned + row.withdrawn) if is_gone else -row.withdrawn
        reason = "withdrawn" if is_gone else "reinstated"
        name = f"{key}:{row.subject}:{row.person_id}"
        awards.append(Award(name, row.person_id, difference, reason, row.subject, at, thread_id))
    award(actor, awards)


def award_imported(actor: Viewer, first_thread_id: int, last_thread_id: int, at: datetime) -> None:
    """One entry for each imported post that earned something; votes without voters count like others.

    No level is announced for what happened elsewhere.
    """
    require(policy.may_award(actor))
    rows = db.session.execute(_imported_earnings(first_thread_id, last_thread_id)).all()
    awards = [award for row in rows for award in _imported_awards(row, at)]
    for start in range(0, len(awards), BATCH):
        insert_ignore(LedgerEntry.__table__, [_row(a) for a in awards[start : start + BATCH] if a.points])
    _stand_at_once({a.person_id for a in awards})


def _imported_earnings(first: int, last: int) -> Any:
    """Imported posts with the votes that came with them, and whether one was accepted there by whoever asked."""
    ups = sa.func.coalesce(sa.func.sum(sa.case((PostVote.value > 0, 1), else_=0)), 0)
    downs = sa.func.coalesce(sa.func.sum(sa.case((PostVote.value < 0, 1), else_=0)), 0)
    subject = sa.literal("post:") + sa.cast(Post.id, sa.String)
    accepted_here = sa.exists().where(LedgerEntry.subject == subject, LedgerEntry.reason == "accepted")
    accepted = sa.and_(
        Thread.accepted_post_id == Post.id, Post.author_id != Thread.author_id, sa.not_(accepted_here)
    )
    columns = (Post.id, Post.author_id, Post.thread_id, Post.kind, Thread.author_id.label("asker_id"))
    return (
        sa.select(*columns, ups.label("ups"), downs.label("downs"), accepted.label("accepted"))
        .join(Thread, Thread.id == Post.thread_id)
        .outerjoin(PostVote, sa.and_(PostVote.post_id == Post.id, PostVote.person_id.is_(None)))
        .where(Thread.id.between(first, last), Post.deleted_at.is_(None), Post.origin_key.is_not(None))
        .group_by(*columns[:4], Thread.author_id, Thread.accepted_post_id)
    )


def _imported_awards(row: Any, at: datetime) -> list[Award]:
    """What a post earned, and for an accepted one what whoever asked earned by saying so."""
    is_answer = row.kind == ANSWER
    up, down = rules.vote_points(1, is_answer=is_answer), rules.vote_points(-1, is_answer=is_answer)
    points = int(row.ups * up + row.downs * down + (rules.ACCEPTED if row.accepted else 0))
    key, subject = f"import:post:{row.id}", f"post:{row.id}"
    awards = [Award(key, row.author_id, points, "imported", subject, at, row.thread_id)]
    if row.accepted:
        thread = f"thread:{row.thread_id}"
        asker = Award(
            f"import:accepting:{row.id}", row.asker_id, rules.ACCEPTING, "imported", thread, at, row.thread_id
        )
        awards.append(asker)
    return awards


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
        queries.hold(ids[start : start + BATCH])
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
