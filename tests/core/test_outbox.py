"""The outbox delivers every fact to every handler, and says so."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock, outbox, worker
from core.db import db, writing
from core.outbox import DeliveryRow, Fact, event, on
from core.site import SiteValue, set_site
from core.viewer import Viewer


@event("test.thing_happened")
@dataclass(frozen=True)
class ThingHappened(Fact):
    thing_id: int


class Heard:
    """What the test's handlers were told, and how often they are to fail."""

    def __init__(self) -> None:
        self.facts: list[int] = []
        self.batches: list[int] = []
        self.failures = 0


heard = Heard()


@on(ThingHappened, name="test.listen")
def _listen(fact: ThingHappened, delivery: outbox.Delivery) -> None:
    set_site(Viewer.system(), **{f"thing{fact.thing_id}": delivery.key})
    if heard.failures > 0:
        heard.failures -= 1
        raise RuntimeError("the handler broke")
    heard.facts.append(fact.thing_id)


@on(ThingHappened, name="test.listen_in_batches", batched=True)
def _listen_in_batches(batch: list[tuple[ThingHappened, outbox.Delivery]]) -> None:
    heard.batches.append(len(batch))


@pytest.fixture(autouse=True)
def fresh(context):
    heard.__init__()
    return context


def happen(*ids: int) -> None:
    with writing():
        outbox.record(*[ThingHappened(i) for i in ids], actor=Viewer.system())


def states() -> dict[str, int]:
    rows = db.session.execute(
        sa.select(DeliveryRow.handler, DeliveryRow.state).where(DeliveryRow.handler.like("test.%"))
    )
    found = dict(rows.all())
    db.session.rollback()
    return found


def test_every_handler_hears_a_fact_once():
    happen(1, 2, 3)
    worker.drain()
    worker.drain()
    assert heard.facts == [1, 2, 3]
    assert heard.batches == [3]
    assert set(states().values()) == {outbox.DONE}


def test_a_fact_whose_transaction_fails_is_never_delivered():
    with pytest.raises(ZeroDivisionError), writing():
        outbox.record(ThingHappened(1), actor=Viewer.system())
        raise ZeroDivisionError
    assert worker.drain() == 0
    assert heard.facts == []


def test_a_failing_handler_is_retried_later_and_holds_up_no_other():
    heard.failures = 1
    happen(1)
    worker.drain()
    assert heard.facts == []
    assert heard.batches == [1]
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        worker.drain()
    assert heard.facts == [1]


def test_a_failed_handler_leaves_no_half_done_work():
    heard.failures = 1
    happen(7)
    worker.drain()
    assert db.session.execute(sa.select(SiteValue.value).where(SiteValue.name == "thing7")).scalar() is None


def test_after_eight_tries_it_is_a_dead_letter_that_can_be_replayed():
    heard.failures = 8
    happen(5)
    moment = clock.now()
    for _ in range(8):
        moment += timedelta(hours=2)
        with clock.frozen(moment):
            worker.drain()
    letters = [letter for letter in outbox.dead_letters() if letter.handler == "test.listen"]
    assert len(letters) == 1
    assert "the handler broke" in letters[0].error
    db.session.rollback()
    with writing():
        assert outbox.replay([letters[0].id]) == 1
    worker.drain()
    assert heard.facts == [5]


def test_a_lease_that_ran_out_is_taken_again():
    happen(1)
    assert outbox.claim()
    assert outbox.claim() == []
    with clock.frozen(clock.now() + outbox.LEASE + timedelta(seconds=1)):
        claims = outbox.claim()
        assert {c.handler for c in claims} == {"test.listen", "test.listen_in_batches"}
        for claim in claims:
            outbox.deliver(claim.ids, claim.until)
    assert heard.facts == [1]


def test_at_home_a_restart_takes_up_at_once_what_a_killed_process_had_in_hand():
    happen(1)
    assert outbox.claim()
    worker.release()
    worker.drain()
    assert heard.facts == [1]


def test_what_calls_outside_does_not_hold_up_the_rest():
    happen(1)
    assert outbox.claim(lane=outbox.Lane.OUTSIDE) == []
    assert outbox.has_due(outbox.Lane.INSIDE)
    assert outbox.claim(lane=outbox.Lane.INSIDE)


def test_a_receipt_done_meanwhile_is_not_done_again():
    happen(1)
    claims = outbox.claim()
    for claim in claims:
        outbox.deliver(claim.ids, claim.until)
        outbox.deliver(claim.ids, claim.until)
    assert heard.facts == [1]


def test_a_reading_context_refuses_to_write():
    from core.engines import ReadOnlyTransaction

    db.session.add(SiteValue(name="x", value="y", changed_at=clock.now()))
    with pytest.raises(ReadOnlyTransaction):
        db.session.flush()
    db.session.rollback()
