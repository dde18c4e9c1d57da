"""Looking at receipts from outside: how many wait, which were given up, and giving those another life."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import after_commit, db
from core.outbox.facts import wake
from core.outbox.tables import DEAD, DONE, LEASED, WAITING, DeliveryRow, Event

KEPT: Final = timedelta(days=30)  # how long the receipt of what was done is kept
AT_ONCE: Final = 2_000  # receipts dropped in one transaction


def replay(delivery_ids: Sequence[int]) -> int:
    """Give dead letters another life; returns how many."""
    table = DeliveryRow.__table__
    done: Any = db.session.execute(
        sa.update(table)  # type: ignore[arg-type]
        .where(table.c.id.in_(list(delivery_ids)), table.c.state == DEAD)
        .values(state=WAITING, tries=0, run_at=clock.now(), lease_until=None)
    )
    after_commit(wake)
    return int(done.rowcount)


def dead_letters(limit: int = 100) -> Sequence[Any]:
    """Receipts given up, newest first: id, handler, kind, subject, tries, error, at."""
    d, e = DeliveryRow.__table__, Event.__table__
    statement = (
        sa.select(d.c.id, d.c.handler, e.c.kind, e.c.subject, d.c.tries, d.c.error, e.c.at)
        .join(e, e.c.id == d.c.event_id)
        .where(d.c.state == DEAD)
        .order_by(d.c.id.desc())
        .limit(limit)
    )
    return db.session.execute(statement).all()


def backlog() -> dict[str, int]:
    """How many receipts wait, run and are dead."""
    table = DeliveryRow.__table__
    rows = db.session.execute(
        sa.select(table.c.state, sa.func.count()).where(table.c.state != DONE).group_by(table.c.state)
    ).all()
    counts = {int(state): int(number) for state, number in rows}
    return {"waiting": counts.get(WAITING, 0), "running": counts.get(LEASED, 0), "dead": counts.get(DEAD, 0)}


def stamp() -> int:
    """A number that grows with every recorded fact: what cached lists are good for."""
    return int(db.session.execute(sa.select(sa.func.max(Event.id))).scalar() or 0)


def sweep(limit: int = AT_ONCE) -> int:
    """Drop receipts done long ago, at most `limit` (the events stay: they are the audit trail); returns how many."""
    table = DeliveryRow.__table__
    over = sa.and_(table.c.state == DONE, table.c.done_at < clock.now() - KEPT)
    oldest = sa.select(table.c.id).where(over).order_by(table.c.id).limit(limit)
    done: Any = db.session.execute(sa.delete(table).where(table.c.id.in_(oldest)))  # type: ignore[arg-type]
    return int(done.rowcount)
