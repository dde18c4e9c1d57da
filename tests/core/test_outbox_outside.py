"""Handlers that call other machines run outside of any transaction, and still have a receipt."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock, outbox, worker
from core.db import db, is_writing, writing
from core.outbox import DeliveryRow, Fact, event, on
from core.site import set_site, stored
from core.viewer import Viewer


@event("test.call_wanted")
@dataclass(frozen=True)
class CallWanted(Fact):
    call_id: int


class ProcessKilled(BaseException):
    """Stands for `kill -9` in the middle of a call."""


class Calls:
    """What the test's handler did, and how it is to end."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.was_writing: list[bool] = []
        self.states: list[int] = []
        self.ending: BaseException | None = None


calls = Calls()


@on(CallWanted, name="test.call", outside=True)
def _call(fact: CallWanted, delivery: outbox.Delivery) -> None:
    calls.was_writing.append(is_writing() or db.session().in_transaction())
    with writing():
        set_site(Viewer.system(), **{f"call{fact.call_id}": "begun"})
    calls.made.append(fact.call_id)
    calls.states.append(receipt().state)
    if calls.ending:
        raise calls.ending


@pytest.fixture(autouse=True)
def fresh(context):
    calls.__init__()
    return context


def want(call_id: int) -> None:
    with writing():
        outbox.record(CallWanted(call_id), actor=Viewer.system())


def receipt() -> sa.Row:
    statement = sa.select(DeliveryRow.state, DeliveryRow.tries, DeliveryRow.lease_until)
    row = db.session.execute(statement.where(DeliveryRow.handler == "test.call")).one()
    db.session.rollback()
    return row


def test_an_outside_handler_is_called_without_a_transaction_and_gets_its_receipt_afterwards():
    want(1)
    assert worker.drain() == 1
    assert calls.made == [1]
    assert calls.was_writing == [False]
    assert calls.states == [outbox.LEASED]
    assert receipt().state == outbox.DONE


def test_an_outside_handler_that_fails_is_retried_and_keeps_what_it_stored():
    calls.ending = RuntimeError("the other machine is down")
    want(1)
    worker.drain()
    assert receipt().state == outbox.WAITING
    assert stored("call1") == "begun"
    calls.ending = None
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        worker.drain()
    assert calls.made == [1, 1]
    assert receipt().state == outbox.DONE


def test_an_outside_handler_killed_in_mid_call_is_called_again_when_its_lease_ran_out():
    calls.ending = ProcessKilled()
    want(1)
    with pytest.raises(ProcessKilled):
        worker.drain()
    calls.ending = None
    assert worker.drain() == 0
    assert stored("call1") == "begun"
    with clock.frozen(clock.now() + outbox.LEASE + timedelta(seconds=1)):
        assert worker.drain() == 1
    assert calls.made == [1, 1]


def test_the_lease_of_an_outside_handler_begins_when_it_is_called():
    start = clock.now()
    want(1)
    claims = [c for c in outbox.claim() if c.handler == "test.call"]
    late = start + outbox.LEASE - timedelta(seconds=10)
    calls.ending = ProcessKilled()
    with clock.frozen(late), pytest.raises(ProcessKilled):
        outbox.deliver(claims[0].ids, claims[0].until)
    db.session.rollback()
    assert receipt().lease_until == late + outbox.LEASE
