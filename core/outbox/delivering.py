"""Handing facts to their handlers: receipts are leased, run, finished, or put off until they are dead letters."""

import logging
import traceback
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import db, dialect, writing
from core.outbox.facts import Delivery, Fact, Handler, handler_of, is_batched, outside_handlers, revive
from core.outbox.tables import DEAD, DONE, LEASED, WAITING, DeliveryRow, Event

log = logging.getLogger("core.outbox")

MAX_TRIES: Final = 8
LEASE: Final = timedelta(minutes=5)
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """Receipts leased for one handler."""

    handler: str
    ids: tuple[int, ...]


class Lane(Enum):
    """Which handlers a worker's thread takes: those that only touch the database, those that call outside, or all."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    ALL = "all"


def claim(limit: int = BATCH, lane: Lane = Lane.ALL) -> list[Claim]:
    """Lease due receipts, oldest first, grouped by handler. Expired leases are taken again."""
    moment = clock.now()
    values = {"moment": moment, "until": moment + LEASE, "most": limit} | _lane_values(lane)
    with writing():
        db.session.execute(_BURYING, {"moment": moment})
        rows = db.session.execute(_claiming(lane, dialect()), values).all()
    return _grouped(sorted((row.id, row.handler) for row in rows))


# The worker sends these many times a second: building them anew would cost more than running them.

_table: Final = DeliveryRow.__table__
_moment: Final = sa.bindparam("moment", type_=_table.c.run_at.type)
_ids: Final = sa.bindparam("ids", expanding=True, type_=_table.c.id.type)

# A receipt whose process died at every try is dead too.
_BURYING: Final = (
    sa.update(_table)  # type: ignore[arg-type]
    .where(_table.c.state == LEASED, _table.c.lease_until < _moment, _table.c.tries >= MAX_TRIES)
    .values(state=DEAD, error="the worker stopped at every try")
)
_FINISHING: Final = (
    sa.update(_table)  # type: ignore[arg-type]
    .where(_table.c.id.in_(_ids))
    .values(state=DONE, done_at=_moment, lease_until=None, error="")
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
    until = sa.bindparam("until", type_=_table.c.lease_until.type)
    return (
        sa.update(_table)  # type: ignore[arg-type]
        .where(_table.c.id.in_(chosen.scalar_subquery()))
        .values(state=LEASED, lease_until=until, tries=_table.c.tries + 1)
        .returning(_table.c.id, _table.c.handler)
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


def _grouped(rows: Sequence[tuple[int, str]]) -> list[Claim]:
    """Runs of one handler, keeping the order of ids; batched handlers get their whole share at once."""
    groups: dict[str, list[int]] = defaultdict(list)
    for delivery_id, handler in rows:
        groups[handler].append(delivery_id)
    claims = []
    for name, ids in groups.items():
        size = len(ids) if is_batched(name) else 1
        claims += [Claim(name, tuple(ids[i : i + size])) for i in range(0, len(ids), size)]
    return sorted(claims, key=lambda c: c.ids[0])


def deliver(ids: Sequence[int]) -> int:
    """Run one handler over its leased receipts; returns how many were done. Never raises for a handler's failure."""
    try:
        with writing():
            loaded = _load(ids)
            if not loaded:
                return 0
            handler = handler_of(loaded[0][1].handler)
            if handler.outside:
                _renew([d.id for _, d in loaded])
            else:
                _call(handler, loaded)
                _finish([d.id for _, d in loaded])
        if handler.outside:
            _call(handler, loaded)
            with writing():
                _finish([d.id for _, d in loaded])
        return len(loaded)
    except Exception as error:
        if len(ids) > 1:
            return sum(deliver([one]) for one in ids)
        _put_off(ids[0], error)
        return 0


def _call(handler: Handler, loaded: list[tuple[Fact, Delivery]]) -> None:
    if handler.batched:
        handler.call(loaded)
        return
    for fact, delivery in loaded:
        handler.call(fact, delivery)


def _load(ids: Sequence[int]) -> list[tuple[Fact, Delivery]]:
    rows = db.session.execute(_loading(dialect()), {"ids": list(ids)}).all()
    return [
        (revive(r.kind, r.payload), Delivery(r.id, r.event_id, r.handler, r.tries, r.at, r.actor_id))
        for r in rows
    ]


@cache
def _loading(on: str) -> sa.Select[Any]:
    d, e = _table, Event.__table__
    statement = (
        sa.select(d.c.id, d.c.event_id, d.c.handler, d.c.tries, e.c.kind, e.c.payload, e.c.at, e.c.actor_id)
        .join(e, e.c.id == d.c.event_id)
        .where(d.c.id.in_(_ids), d.c.state == LEASED)
        .order_by(d.c.id)
    )
    return statement.with_for_update(of=d, skip_locked=True) if on == "postgresql" else statement


def _finish(ids: Iterable[int]) -> None:
    db.session.execute(_FINISHING, {"ids": list(ids), "moment": clock.now()})


def _renew(ids: Iterable[int]) -> None:
    """A whole lease from now: the receipt may have waited for its turn."""
    table = DeliveryRow.__table__
    db.session.execute(
        sa.update(table)  # type: ignore[arg-type]
        .where(table.c.id.in_(list(ids)))
        .values(lease_until=clock.now() + LEASE)
    )


def _put_off(delivery_id: int, error: Exception) -> None:
    """Try again later, twice as late each time; after MAX_TRIES it is a dead letter for an admin to see."""
    log.warning("delivery %s failed", delivery_id, exc_info=error)
    text = "".join(traceback.format_exception(error))[-4000:]
    table = DeliveryRow.__table__
    with writing():
        tries = db.session.execute(sa.select(table.c.tries).where(table.c.id == delivery_id)).scalar_one()
        values: dict[str, Any] = {
            "error": text,
            "lease_until": None,
            "state": DEAD if tries >= MAX_TRIES else WAITING,
        }
        values["run_at"] = clock.now() + timedelta(seconds=min(5 * 2 ** (tries - 1), 3600))
        db.session.execute(sa.update(table).where(table.c.id == delivery_id).values(**values))  # type: ignore[arg-type]
