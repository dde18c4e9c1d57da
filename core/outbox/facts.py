"""What happened, who wants to hear of it, and storing it beside the change that made it true."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Final, TypeVar

import sqlalchemy as sa
from flask import current_app, g, has_request_context

from core import clock
from core.db import after_commit, change
from core.outbox.tables import WAITING, DeliveryRow, Event
from core.prepared import PreparedChange
from core.viewer import Viewer


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

_STORE: Final = PreparedChange(
    sa.insert(Event.__table__).returning(Event.__table__.c.id),  # type: ignore[arg-type]
    ("kind", "subject", "payload", "actor_id", "request_id", "at"),
)


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

    if batched and outside:
        raise ValueError(f"{name}: what calls other machines is called for one fact at a time")

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
        handlers = tuple(handler.name for handler in _listeners.get(fact.kind, ()))
        if handlers:
            change(_receipts(handlers), {"event": event_id, "moment": moment})
    after_commit(wake)


@lru_cache(maxsize=256)
def _receipts(handlers: tuple[str, ...]) -> PreparedChange:
    """One INSERT for the receipts of one fact for all of these."""
    table = DeliveryRow.__table__
    event, moment = (
        sa.bindparam("event", type_=table.c.event_id.type),
        sa.bindparam("moment", type_=table.c.run_at.type),
    )
    rows = [
        {"event_id": event, "handler": name, "state": WAITING, "tries": 0, "run_at": moment, "error": ""}
        for name in handlers
    ]
    return PreparedChange(sa.insert(table).values(rows))  # type: ignore[arg-type]


def _store(fact: Fact, actor: Viewer, moment: datetime) -> int:
    row = {
        "kind": fact.kind,
        "subject": fact.subject,
        "payload": json.loads(json.dumps(asdict(fact))),  # type: ignore[call-overload]
        "actor_id": actor.id,
        "request_id": g.get("request_id", "") if has_request_context() else "",
        "at": moment,
    }
    return int(change(_STORE, row)[0].id)


def wake() -> None:
    """Tell the worker that there is something to deliver. It looks by itself every second anyway."""
    alarm = current_app.extensions.get("fullcircle.wake")
    if alarm:
        alarm()


def revive(kind: str, payload: dict[str, Any]) -> Fact:
    """The event object of a stored row; fields that have since gone are passed over."""
    cls = _kinds[kind]
    known = {f.name: _as_tuple(payload[f.name]) for f in fields(cls) if f.name in payload}  # type: ignore[arg-type]
    return cls(**known)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def handler_of(name: str) -> Handler:
    """The handler of a name. Raises KeyError for one that is gone: its receipts are put off, not lost."""
    return _handlers[name]


def is_batched(name: str) -> bool:
    """Whether the handler of a name takes lists."""
    return name in _handlers and _handlers[name].batched


def outside_handlers() -> Sequence[str]:
    """Names of those that call other machines."""
    return [handler.name for handler in _handlers.values() if handler.outside]
