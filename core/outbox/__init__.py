"""The outbox: a fact is stored with the change that made it true, and delivered to each handler with a receipt.

`event` rows are at once activity feed, audit trail and outbox; a `delivery` row per handler is its receipt. Delivery
is at least once; a handler's database effects commit together with its receipt, so these happen exactly once.
"""

from core.leases import LEASE
from core.outbox.delivering import (
    BATCH,
    MAX_TRIES,
    Claim,
    Lane,
    claim,
    deliver,
    has_due,
    in_hand,
    release_leases,
)
from core.outbox.facts import Delivery, Fact, Handler, event, on, record, revive, wake
from core.outbox.receipts import backlog, dead_letters, replay, stamp, sweep
from core.outbox.tables import DEAD, DONE, LEASED, WAITING, DeliveryRow, Event

__all__ = [
    "BATCH",
    "DEAD",
    "DONE",
    "LEASE",
    "LEASED",
    "MAX_TRIES",
    "WAITING",
    "Claim",
    "Delivery",
    "DeliveryRow",
    "Event",
    "Fact",
    "Handler",
    "Lane",
    "backlog",
    "claim",
    "dead_letters",
    "deliver",
    "event",
    "has_due",
    "in_hand",
    "on",
    "record",
    "release_leases",
    "replay",
    "revive",
    "stamp",
    "sweep",
    "wake",
]
