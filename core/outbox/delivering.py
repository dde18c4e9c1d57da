"""Handing facts to their handlers: receipts are leased, run, finished, or put off until they are dead letters."""

import logging
import traceback
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache, partial
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import db, dialect, writing
from core.leases import LEASE, Lease, LeaseLost, kept
from core.outbox.facts import Delivery, Fact, Handler, handler_of, is_batched, outside_handlers, revive
from core.outbox.tables import DEAD, DONE, LEASED, WAITING, DeliveryRow, Event

log = logging.getLogger("core.outbox")

MAX_TRIES: Final = 8
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """Receipts leased for one handler `until` a moment, which tells this lease from any other of the same receipts."""

    handler: str
    ids: tuple[int, ...]
    until: datetime


class Lane(Enum):
    """Which handlers a worker's thread takes: those that only touch the database, those that call outside, or all."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    ALL = "all"


def claim(limit: int = BATCH, lane: Lane = Lane.ALL) -> list[Claim]:
    """Lease due receipts, oldest first, grouped by handler. Expired leases are taken again.

    A first lease is short, so that what a killed worker had in hand is soon taken up. Leases that ran out double, so
    that receipts which only waited long for their turn are not taken for those that kill every worker.
    """
    moment = clock.now()
    values = {"moment": moment, "most": limit} | _lane_values(lane)
    values |= {f"until{tries}": moment + LEASE * 2**tries for tries in range(MAX_TRIES)}
    with writing():
        db.session.execute(_BURYING, {"moment": moment})
        rows = db.session.execute(_claiming(lane, dialect()), values).all()
    return _grouped(sorted((row.id, row.handler, row.lease_until) for row in rows))


# The worker sends these many times a second: building them anew would cost more than running them.

_table: Final = DeliveryRow.__table__
_moment: Final = sa.bindparam("moment", type_=_table.c.run_at.type)
_ids: Final = sa.bindparam("ids", expanding=True, type_=_table.c.id.type)
_ends: Final = sa.bindparam("ends", expanding=True, type_=_table.c.lease_until.type)
_ours: Final = sa.and_(_table.c.id.in_(_ids), _table.c.state == LEASED, _table.c.lease_until.in_(_ends))

# A receipt whose process died at every try is dead too.
_BURYING: Final = (
    sa.update(_table)  # type: ignore[arg-type]
    .where(_table.c.state == LEASED, _table.c.lease_until < _moment, _table.c.tries >= MAX_TRIES)
    .values(state=DEAD, error="the worker stopped at every try")
)
_FINISHING: Final = (
    sa.update(_table)  # type: ignore[arg-type]
    .where(_ours)
    .values(state=DONE, done_at=_moment, lease_until=None, error="")
)
_RENEWING: Final = (
    sa.update(_table)  # type: ignore[arg-type]
    .where(_ours)
    .values(lease_until=sa.bindparam("until", type_=_table.c.lease_until.type))
)


@cache
def _claiming(lane: Lane, on: str) -> Any:
    due = sa.or_(
        sa.and_(_table.c.state == WAITING, _table.c.run_at <= _moment),
        sa.and_(_table.c.state == LEASED, _table.c.lease_until < _moment),
    )
    chosen = sa.select(_table.c.id).where(_table.c.state < DONE, due, _in_lane(lane))
    chosen = chosen.order_by(_table.c.id).limit(sa.bindparam("most", type_=sa.Integer()))
    if on == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True)
    until = [sa.bindparam(f"until{tries}", type_=_table.c.lease_until.type) for tries in range(MAX_TRIES)]
    lease = sa.case(dict(enumerate(until[:-1])), value=_table.c.tries, else_=until[-1])
    return (
        sa.update(_table)  # type: ignore[arg-type]
        .where(_table.c.id.in_(chosen.scalar_subquery()))
        .values(state=LEASED, lease_until=lease, tries=_table.c.tries + 1)
        .returning(_table.c.id, _table.c.handler, _table.c.lease_until)
    )


def _in_lane(lane: Lane) -> sa.ColumnElement[bool]:
    if lane is Lane.ALL:
        return sa.true()
    outside = _table.c.handler.in_(sa.bindparam("outside", expanding=True))
    return outside if lane is Lane.OUTSIDE else sa.not_(outside)


def _lane_values(lane: Lane) -> dict[str, Any]:
    return {} if lane is Lane.ALL else {"outside": outside_handlers()}


def release_leases() -> None:
    """What was leased waits again. For a start after which nobody else can have it in hand."""
    table = DeliveryRow.__table__
    db.session.execute(
        sa.update(table).where(table.c.state == LEASED).values(state=WAITING, lease_until=None)  # type: ignore[arg-type]
    )


def has_due(lane: Lane = Lane.ALL) -> bool:
    """Whether anything waits: a cheap read, so that an idle worker writes nothing."""
    values = {"moment": clock.now()} | _lane_values(lane)
    found = db.session.execute(_looking(lane), values).first() is not None
    db.session.rollback()
    return found


@cache
def _looking(lane: Lane) -> sa.Select[tuple[int]]:
    return (
        sa.select(_table.c.id)
        .where(_table.c.state < DONE, sa.or_(_table.c.run_at <= _moment, _table.c.lease_until < _moment))
        .where(sa.or_(_table.c.state == WAITING, _table.c.lease_until < _moment), _in_lane(lane))
        .limit(1)
    )


def in_hand(lane: Lane = Lane.ALL) -> int:
    """How many receipts are leased now."""
    values = {"moment": clock.now()} | _lane_values(lane)
    found = int(db.session.execute(_counting(lane), values).scalar_one())
    db.session.rollback()
    return found


@cache
def _counting(lane: Lane) -> sa.Select[Any]:
    leased = sa.and_(_table.c.state == LEASED, _table.c.lease_until >= _moment)
    return sa.select(sa.func.count()).select_from(_table).where(leased, _in_lane(lane))


def _grouped(rows: Sequence[tuple[int, str, datetime]]) -> list[Claim]:
    """Runs of one handler, keeping the order of ids; batched handlers get their whole share at once."""
    groups: dict[tuple[str, datetime], list[int]] = defaultdict(list)
    for delivery_id, handler, lease in rows:
        groups[handler, lease].append(delivery_id)
    claims = []
    for (name, lease), ids in groups.items():
        size = len(ids) if is_batched(name) else 1
        claims += [Claim(name, tuple(ids[i : i + size]), lease) for i in range(0, len(ids), size)]
    return sorted(claims, key=lambda c: c.ids[0])


def deliver(ids: Sequence[int], until: datetime) -> int:
    """Run one handler over its receipts whose lease runs until then; returns how many were done.

    Passes over receipts that are done or that another lease has now. Never raises for a handler's failure.
    """
    lease = Lease(until, partial(_renew, ids))
    try:
        return _delivered(ids, lease)
    except Exception as error:
        if len(ids) > 1:
            return sum(deliver([one], until) for one in ids)
        _put_off(ids[0], lease, error)
        return 0


def _delivered(ids: Sequence[int], lease: Lease) -> int:
    with writing():
        loaded = _load(ids, lease)
        if not loaded:
            return 0
        handler, taken = handler_of(loaded[0][1].handler), [delivery.id for _, delivery in loaded]
        if handler.outside:
            lease.plan()
            lease.store()  # from here on no message of this receipt finds it free
        else:
            _call(handler, loaded)
            _finish(taken, lease)
    if handler.outside:
        with kept(lease):
            _call(handler, loaded)
        with writing():
            _finish(taken, lease)
    return len(loaded)


def _call(handler: Handler, loaded: list[tuple[Fact, Delivery]]) -> None:
    if handler.batched:
        handler.call(loaded)
        return
    for fact, delivery in loaded:
        handler.call(fact, delivery)


def _load(ids: Sequence[int], lease: Lease) -> list[tuple[Fact, Delivery]]:
    rows = db.session.execute(_loading(dialect()), {"ids": list(ids), "ends": lease.ends}).all()
    return [
        (revive(r.kind, r.payload), Delivery(r.id, r.event_id, r.handler, r.tries, r.at, r.actor_id))
        for r in rows
    ]


@cache
def _loading(on: str) -> sa.Select[Any]:
    """Until the transaction ends nobody else claims these rows: PostgreSQL locks them, SQLite has one writer."""
    d, e = _table, Event.__table__
    statement = (
        sa.select(d.c.id, d.c.event_id, d.c.handler, d.c.tries, e.c.kind, e.c.payload, e.c.at, e.c.actor_id)
        .join(e, e.c.id == d.c.event_id)
        .where(_ours)
        .order_by(d.c.id)
    )
    return statement.with_for_update(of=d, skip_locked=True) if on == "postgresql" else statement


def _finish(ids: Sequence[int], lease: Lease) -> None:
    """Done, if the lease is still ours. Raises LeaseLost, which rolls back what stands in the transaction."""
    values = {"ids": list(ids), "ends": lease.ends, "moment": clock.now()}
    done: Any = db.session.execute(_FINISHING, values)
    if done.rowcount != len(ids):
        raise LeaseLost(f"receipts {list(ids)} were taken by another while they were in hand")


def _renew(ids: Sequence[int], ends: Sequence[datetime], until: datetime) -> bool:
    done: Any = db.session.execute(_RENEWING, {"ids": list(ids), "ends": ends, "until": until})
    return bool(done.rowcount == len(ids))


def _put_off(delivery_id: int, lease: Lease, error: Exception) -> None:
    """Try again later, twice as late each time; after MAX_TRIES it is a dead letter for an admin to see."""
    log.warning("delivery %s failed", delivery_id, exc_info=error)
    ours = {"ids": [delivery_id], "ends": lease.ends}
    with writing():
        tries = db.session.execute(sa.select(_table.c.tries).where(_ours), ours).scalar()
        if tries is None:
            return  # another has it: how it ends there is what counts
        values = {
            "error": "".join(traceback.format_exception(error))[-4000:],
            "lease_until": None,
            "state": DEAD if tries >= MAX_TRIES else WAITING,
            "run_at": clock.now() + timedelta(seconds=min(5 * 2 ** (tries - 1), 3600)),
        }
        db.session.execute(sa.update(_table).where(_ours).values(**values), ours)  # type: ignore[arg-type]
