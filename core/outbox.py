"""The outbox: a fact is stored with the change that made it true, and delivered to each handler with a receipt.

`event` rows are at once activity feed, audit trail and outbox; a `delivery` row per handler is its receipt. Delivery
is at least once; a handler's database effects commit together with its receipt, so these happen exactly once.
"""

import json
import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
from flask import current_app, g, has_request_context
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import BigId, Model, after_commit, db, dialect, id_column, writing
from core.viewer import Viewer

log = logging.getLogger(__name__)

WAITING, LEASED, DONE, DEAD = 0, 1, 2, 3
MAX_TRIES = 8
LEASE = timedelta(minutes=5)
BATCH = 200


class Event(Model):
    """One fact: what happened, to what, by whom, when."""

    __tablename__ = "event"
    __table_args__ = (sa.Index("ix_event_subject", "subject", "id"), sa.Index("ix_event_kind", "kind", "id"))
    id: Mapped[int] = id_column()
    kind: Mapped[str] = mapped_column(sa.String(80))
    subject: Mapped[str] = mapped_column(sa.String(60), default="")
    payload: Mapped[dict[str, Any]]
    actor_id: Mapped[int | None] = mapped_column(BigId)
    request_id: Mapped[str] = mapped_column(sa.String(40), default="")
    at: Mapped[datetime]


class DeliveryRow(Model):
    """The receipt of one event for one handler."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("event_id", "handler"),
        sa.Index(
            "ix_delivery_due",
            "run_at",
            "id",
            sqlite_where=sa.text("state < 2"),
            postgresql_where=sa.text("state < 2"),
        ),
        sa.Index("ix_delivery_state", "state", "id"),
    )
    id: Mapped[int] = id_column()
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"))
    handler: Mapped[str] = mapped_column(sa.String(120))
    state: Mapped[int] = mapped_column(sa.SmallInteger, default=WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(sa.Text, default="")
    done_at: Mapped[datetime | None]


class Fact:
    """Base of every event class: a frozen dataclass of ids, in the past tense."""

    kind: ClassVar[str] = ""

    @property
    def subject(self) -> str:
        """What it happened to, as `thread:7`; the first id field unless overridden."""
        first = fields(self)[0].name  # type: ignore[arg-type]
        return f"{first.removesuffix('_id')}:{getattr(self, first)}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a handler is told besides the fact itself. `key` is unique for event and handler: use it as a unique key."""

    id: int
    event_id: int
    handler: str
    tries: int
    at: datetime
    actor_id: int | None

    @property
    def key(self) -> str:
        """The same on every repeat."""
        return f"{self.event_id}:{self.handler}"


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered reaction; `batched` ones take lists, `outside` ones are called without a transaction."""

    name: str
    call: Callable[..., None]
    batched: bool
    outside: bool = False


F = TypeVar("F", bound=Fact)
_kinds: dict[str, type[Fact]] = {}
_handlers: dict[str, Handler] = {}
_listeners: dict[str, list[Handler]] = defaultdict(list)


def event(kind: str) -> Callable[[type[F]], type[F]]:
    """Name an event class; the name is stored, so it must never change."""

    def register(cls: type[F]) -> type[F]:
        cls.kind = kind
        _kinds[kind] = cls
        return cls

    return register


def on(
    *facts: type[Fact], name: str, batched: bool = False, outside: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a reaction under a lasting `name` such as `reputation.award`.

    The handler is called as `handler(fact, delivery)`, or `handler([(fact, delivery), ...])` when `batched`.
    One that calls other machines is `outside`: no transaction is open around it, so that a slow answer
    holds up nobody; it opens its own `writing()`, and must stand being called again after it did its work.
    """

    def register(call: Callable[..., None]) -> Callable[..., None]:
        handler = Handler(name, call, batched, outside)
        _handlers[name] = handler
        for fact in facts:
            _listeners[fact.kind] = [h for h in _listeners[fact.kind] if h.name != name] + [handler]
        return call

    return register


def record(*facts: Fact, actor: Viewer) -> None:
    """Store facts and a receipt for each of their handlers in the current transaction; wake the worker after commit."""
    moment = clock.now()
    for fact in facts:
        event_id = _store(fact, actor, moment)
        waiting = [
            {
                "event_id": event_id,
                "handler": h.name,
                "state": WAITING,
                "tries": 0,
                "run_at": moment,
                "error": "",
            }
            for h in _listeners.get(fact.kind, ())
        ]
        if waiting:
            db.session.execute(sa.insert(DeliveryRow.__table__), waiting)  # type: ignore[arg-type]
    after_commit(wake)


def _store(fact: Fact, actor: Viewer, moment: datetime) -> int:
    row = {
        "kind": fact.kind,
        "subject": fact.subject,
        "payload": json.loads(json.dumps(asdict(fact))),  # type: ignore[call-overload]
        "actor_id": actor.id,
        "request_id": g.get("request_id", "") if has_request_context() else "",
        "at": moment,
    }
    db.session.flush()
    found = db.session.execute(sa.insert(Event.__table__).values(**row).returning(Event.__table__.c.id))  # type: ignore[arg-type]
    return int(found.scalar_one())


def wake() -> None:
    """Tell the worker that there is something to deliver. It looks by itself every second anyway."""
    alarm = current_app.extensions.get("fullcircle.wake")
    if alarm:
        alarm()


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


def _in_lane(lane: Lane) -> sa.ColumnElement[bool]:
    if lane is Lane.ALL:
        return sa.true()
    outside = DeliveryRow.handler.in_([h.name for h in _handlers.values() if h.outside])
    return outside if lane is Lane.OUTSIDE else sa.not_(outside)


def claim(limit: int = BATCH, lane: Lane = Lane.ALL) -> list[Claim]:
    """Lease due receipts, oldest first, grouped by handler. Expired leases are taken again."""
    moment = clock.now()
    table = DeliveryRow.__table__
    due = sa.or_(
        sa.and_(table.c.state == WAITING, table.c.run_at <= moment),
        sa.and_(table.c.state == LEASED, table.c.lease_until < moment),
    )
    wanted = sa.and_(table.c.state < DONE, due, _in_lane(lane))
    chosen = sa.select(table.c.id).where(wanted).order_by(table.c.id).limit(limit)
    if dialect() == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True)
    with writing():
        _bury_exhausted(moment)
        rows = db.session.execute(
            sa.update(table)  # type: ignore[arg-type]
            .where(table.c.id.in_(chosen.scalar_subquery()))
            .values(state=LEASED, lease_until=moment + LEASE, tries=table.c.tries + 1)
            .returning(table.c.id, table.c.handler)
        ).all()
    return _grouped(sorted((row.id, row.handler) for row in rows))


def release_leases() -> None:
    """What was leased waits again. For a start after which nobody else can have it in hand."""
    table = DeliveryRow.__table__
    db.session.execute(
        sa.update(table).where(table.c.state == LEASED).values(state=WAITING, lease_until=None)  # type: ignore[arg-type]
    )


def _bury_exhausted(moment: datetime) -> None:
    """A receipt whose process died at every try is dead too."""
    table = DeliveryRow.__table__
    db.session.execute(
        sa.update(table)  # type: ignore[arg-type]
        .where(table.c.state == LEASED, table.c.lease_until < moment, table.c.tries >= MAX_TRIES)
        .values(state=DEAD, error="the worker stopped at every try")
    )


def has_due(lane: Lane = Lane.ALL) -> bool:
    """Whether anything waits: a cheap read, so that an idle worker writes nothing."""
    moment = clock.now()
    table = DeliveryRow.__table__
    statement = (
        sa.select(table.c.id)
        .where(table.c.state < DONE, sa.or_(table.c.run_at <= moment, table.c.lease_until < moment))
        .where(sa.or_(table.c.state == WAITING, table.c.lease_until < moment), _in_lane(lane))
        .limit(1)
    )
    found = db.session.execute(statement).first() is not None
    db.session.rollback()
    return found


def _grouped(rows: Sequence[tuple[int, str]]) -> list[Claim]:
    """Runs of one handler, keeping the order of ids; batched handlers get their whole share at once."""
    groups: dict[str, list[int]] = defaultdict(list)
    for delivery_id, handler in rows:
        groups[handler].append(delivery_id)
    claims = []
    for name, ids in groups.items():
        known = _handlers.get(name)
        size = len(ids) if known and known.batched else 1
        claims += [Claim(name, tuple(ids[i : i + size])) for i in range(0, len(ids), size)]
    return sorted(claims, key=lambda c: c.ids[0])


def deliver(ids: Sequence[int]) -> int:
    """Run one handler over its leased receipts; returns how many were done. Never raises for a handler's failure."""
    try:
        with writing():
            loaded = _load(ids)
            if not loaded:
                return 0
            handler = _handlers[loaded[0][1].handler]
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
    d, e = DeliveryRow.__table__, Event.__table__
    statement = (
        sa.select(d.c.id, d.c.event_id, d.c.handler, d.c.tries, e.c.kind, e.c.payload, e.c.at, e.c.actor_id)
        .join(e, e.c.id == d.c.event_id)
        .where(d.c.id.in_(list(ids)), d.c.state == LEASED)
        .order_by(d.c.id)
    )
    if dialect() == "postgresql":
        statement = statement.with_for_update(of=d, skip_locked=True)
    rows = db.session.execute(statement).all()
    return [
        (revive(r.kind, r.payload), Delivery(r.id, r.event_id, r.handler, r.tries, r.at, r.actor_id))
        for r in rows
    ]


def revive(kind: str, payload: dict[str, Any]) -> Fact:
    """The event object of a stored row; fields that have since gone are passed over."""
    cls = _kinds[kind]
    known = {f.name: _as_tuple(payload[f.name]) for f in fields(cls) if f.name in payload}  # type: ignore[arg-type]
    return cls(**known)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _finish(ids: Iterable[int]) -> None:
    table = DeliveryRow.__table__
    db.session.execute(
        sa.update(table)  # type: ignore[arg-type]
        .where(table.c.id.in_(list(ids)))
        .values(state=DONE, done_at=clock.now(), lease_until=None, error="")
    )


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


def sweep(older_than: timedelta = timedelta(days=30)) -> int:
    """Drop receipts done long ago (the events stay: they are the audit trail)."""
    table = DeliveryRow.__table__
    done: Any = db.session.execute(
        sa.delete(table).where(table.c.state == DONE, table.c.done_at < clock.now() - older_than)  # type: ignore[arg-type]
    )
    return int(done.rowcount)
