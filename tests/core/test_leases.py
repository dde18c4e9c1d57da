"""Work in hand belongs to a living process: what a dead one had is taken up soon, what a living one has by nobody."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import redis
import sqlalchemy as sa

from core import clock, leases, outbox, worker
from core.db import db, writing
from core.outbox import DeliveryRow, Fact, event, on
from core.site import set_site, stored
from core.viewer import Viewer


@event("test.work_wanted")
@dataclass(frozen=True)
class WorkWanted(Fact):
    work_id: int


@event("test.note_wanted")
@dataclass(frozen=True)
class NoteWanted(Fact):
    note_id: int


class Done:
    """What the test's handlers did, and what they do while they are called."""

    def __init__(self) -> None:
        self.works: list[int] = []
        self.meanwhile: Callable[[], object] = lambda: None


done = Done()


@on(WorkWanted, name="test.work", outside=True)
def _work(fact: WorkWanted, delivery: outbox.Delivery) -> None:
    done.works.append(fact.work_id)
    done.meanwhile()


@on(NoteWanted, name="test.note")
def _note(fact: NoteWanted, delivery: outbox.Delivery) -> None:
    set_site(Viewer.system(), noted=str(fact.note_id))
    done.meanwhile()


@pytest.fixture(autouse=True)
def fresh(context):
    done.__init__()
    return context


@pytest.fixture
def quick_beats(monkeypatch):
    """Leases are renewed all the time."""
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.01)


def want(*ids: int) -> None:
    with writing():
        outbox.record(*[WorkWanted(number) for number in ids], actor=Viewer.system())


def want_note() -> None:
    with writing():
        outbox.record(NoteWanted(1), actor=Viewer.system())


def receipt() -> sa.Row:
    found = db.session.execute(sa.select(DeliveryRow.state, DeliveryRow.lease_until)).one()
    db.session.rollback()
    return found


class Tried:
    """A lease of nothing in particular that counts how often its renewal was tried."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.beats = threading.Semaphore(0)
        self.seen: list[tuple[list[datetime], datetime]] = []
        self.lease = leases.Lease(clock.now(), self.move)

    def move(self, ends: Sequence[datetime], end: datetime) -> bool:
        self.seen.append((list(ends), end))
        self.beats.release()
        if self.failures:
            raise self.failures.pop()
        return True

    def wait(self, beats: int = 2) -> None:
        for _ in range(beats):
            assert self.beats.acquire(timeout=30)


def beating() -> int:
    return sum(thread.name == "leases" for thread in threading.enumerate())


def until(is_so) -> None:
    """Look again and again; a test that waits in vain fails."""
    pause = threading.Event()
    assert any(is_so() or pause.wait(0.01) for _ in range(3000))


# --- receipts ---


@pytest.mark.both
def test_a_message_of_a_lease_that_another_has_now_is_passed_over():
    want(1)
    (old,) = outbox.claim()
    with clock.frozen(clock.now() + outbox.LEASE + timedelta(seconds=1)):
        (new,) = outbox.claim()
        assert outbox.deliver(old.ids, old.until) == 0
        assert done.works == []
        assert outbox.deliver(new.ids, new.until) == 1
    assert done.works == [1]


@pytest.mark.both
def test_a_message_that_comes_twice_while_its_call_takes_long_is_passed_over():
    want(1)
    (claim,) = outbox.claim()
    again: list[int] = []
    done.meanwhile = lambda: again.append(outbox.deliver(claim.ids, claim.until))
    assert outbox.deliver(claim.ids, claim.until) == 1
    assert (done.works, again) == ([1], [0])


@pytest.mark.both
def test_a_call_that_takes_long_keeps_its_lease(quick_beats):
    want(1)
    (claim,) = outbox.claim()

    def twice_renewed() -> None:
        for _ in range(2):
            before = receipt().lease_until
            until(lambda: receipt().lease_until > before)  # noqa: B023 - called at once

    done.meanwhile = twice_renewed
    assert outbox.deliver(claim.ids, claim.until) == 1
    assert receipt().state == outbox.DONE


@pytest.mark.both
@pytest.mark.parametrize("ending", [None, RuntimeError("the line was cut")])
def test_who_wakes_up_after_the_lease_was_lost_changes_nothing_of_the_receipt(quick_beats, ending):
    want(1)
    (claim,) = outbox.claim()
    taken: list[outbox.Claim] = []

    def sleeps_while_another_takes_it() -> None:
        with clock.frozen(clock.now() + 10 * outbox.LEASE):
            until(lambda: taken.extend(outbox.claim()) or taken)
        other = Tried()
        with leases.kept(other.lease):
            other.wait()
        if ending:
            raise ending

    done.meanwhile = sleeps_while_another_takes_it
    assert outbox.deliver(claim.ids, claim.until) == 0
    assert tuple(receipt()) == (outbox.LEASED, taken[0].until)


@pytest.mark.both
def test_what_a_handler_wrote_is_undone_when_the_receipt_is_not_its_own_in_the_end():
    want_note()
    (claim,) = outbox.claim()
    done.meanwhile = lambda: db.session.execute(sa.update(DeliveryRow).values(lease_until=clock.now()))
    assert outbox.deliver(claim.ids, claim.until) == 0
    assert stored("noted") == ""
    done.meanwhile = lambda: None
    with clock.frozen(clock.now() + outbox.LEASE):
        assert worker.drain() == 1
    assert stored("noted") == "1"


@pytest.mark.both
def test_a_receipt_that_waits_long_for_its_turn_has_longer_and_longer_leases():
    want(1)
    moment, lengths = clock.now(), []
    for _ in range(outbox.MAX_TRIES):
        with clock.frozen(moment):
            (claim,) = outbox.claim()
            lengths.append((claim.until - moment) / outbox.LEASE)
            assert outbox.claim() == []
        moment = claim.until + timedelta(seconds=1)
    assert lengths == [1, 2, 4, 8, 16, 32, 64, 128]
    with clock.frozen(moment):
        assert outbox.claim() == []
    assert [letter.handler for letter in outbox.dead_letters()] == ["test.work"]


@pytest.mark.both
def test_what_was_done_meanwhile_is_not_put_off_by_a_call_that_fails_late():
    want(1)
    (claim,) = outbox.claim()

    def others_finish_it_and_this_one_fails() -> None:
        with clock.frozen(clock.now() + 2 * outbox.LEASE):
            (newer,) = outbox.claim()
            done.meanwhile = lambda: None
            outbox.deliver(newer.ids, newer.until)
        raise RuntimeError("the line was cut")

    done.meanwhile = others_finish_it_and_this_one_fails
    assert outbox.deliver(claim.ids, claim.until) == 0
    assert db.session.execute(sa.select(DeliveryRow.state)).scalar_one() == outbox.DONE


def test_a_handler_is_not_both_batched_and_outside():
    with pytest.raises(ValueError, match="one fact at a time"):
        on(WorkWanted, name="test.both", batched=True, outside=True)


@pytest.fixture
def queue(redis_server):
    """What Celery was given."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.mark.scale
def test_the_relay_gives_celery_no_more_than_it_can_do_within_a_lease(context, queue, monkeypatch):
    monkeypatch.setitem(worker.MOST_IN_HAND, outbox.Lane.OUTSIDE, 10)
    want(*range(1, 31))
    relay = worker.Worker(context)
    for _ in range(3):
        relay.turn(outbox.Lane.OUTSIDE)
    assert queue.llen("celery") == outbox.in_hand(outbox.Lane.OUTSIDE) == worker.OUTSIDE_BATCH


@pytest.mark.scale
def test_calls_to_the_outside_that_wait_for_their_turn_hold_up_nothing_else(context, queue, monkeypatch):
    for lane in worker.MOST_IN_HAND:
        monkeypatch.setitem(worker.MOST_IN_HAND, lane, 2)
    want(1, 2)
    relay = worker.Worker(context)
    relay.turn(outbox.Lane.OUTSIDE)
    before = queue.llen("celery")
    want_note()
    assert relay.turn(outbox.Lane.INSIDE)
    assert queue.llen("celery") == before + 1


# --- the thread that renews ---


def test_one_thread_renews_all_leases_and_ends_with_the_last(quick_beats):
    first, second = Tried(), Tried()
    with leases.kept(first.lease):
        with leases.kept(second.lease):
            first.wait()
            second.wait()
            assert beating() == 1
        first.wait()
    until(lambda: beating() == 0)


def test_a_renewal_that_could_not_be_stored_is_tried_at_the_next_beat(quick_beats):
    tried = Tried(RuntimeError("the database is away"))
    began = tried.lease.ends
    with leases.kept(tried.lease):
        tried.wait(3)
    (first, one), (second, two), (third, _) = tried.seen[:3]
    assert (first, second) == ([*began], [*began, one])  # the first may have been stored all the same
    assert third == [two]


@pytest.mark.both
def test_a_long_write_transaction_and_a_renewal_do_not_disturb_each_other(quick_beats):
    """At home there is one writer: the renewal of the receipt waits until the transaction is over."""
    want(1)
    (claim,) = outbox.claim()
    first, ended = Tried(), [0]
    last = leases.Lease(clock.now(), lambda ends, end: not ended.append(len(first.seen)))

    def writes_while_renewals_are_tried() -> None:
        with leases.kept(last):
            until(lambda: len(ended) > 1)
            with writing():
                set_site(Viewer.system(), noted="a")
                before = len(ended)
                until(lambda: len(first.seen) > ended[-1] or len(ended) > before + 1)
                set_site(Viewer.system(), also_noted="b")
        renewed = receipt().lease_until
        until(lambda: receipt().lease_until > renewed)

    done.meanwhile = writes_while_renewals_are_tried
    with leases.kept(first.lease):
        assert outbox.deliver(claim.ids, claim.until) == 1
    assert stored("noted") + stored("also_noted") == "ab"
    assert receipt().state == outbox.DONE


# --- recurring tasks ---


@pytest.fixture
def hourly(monkeypatch):
    """A recurring task of this test alone; returns the list of what it did."""
    runs: list[str] = []
    monkeypatch.setattr(worker, "_schedules", {})
    worker.every(timedelta(hours=1), name="test.hourly")(lambda: runs.append("run"))
    worker.prepare_schedules()
    return runs


@pytest.mark.both
def test_a_recurring_task_runs_once_for_each_time_it_was_claimed(hourly):
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        ((name, lease),) = worker.claim_schedules()
        assert worker.claim_schedules() == []
        worker.run_schedule(name, lease.isoformat())
        worker.run_schedule(name, lease.isoformat())
    assert hourly == ["run"]


@pytest.mark.both
def test_a_recurring_task_whose_process_died_runs_again_at_its_next_time(hourly):
    start = clock.now()
    with clock.frozen(start + timedelta(minutes=1)):
        assert worker.claim_schedules()  # and dies
    with clock.frozen(start + timedelta(minutes=62)):
        ((name, lease),) = worker.claim_schedules()
        worker.run_schedule(name, lease.isoformat())
    assert hourly == ["run"]


@pytest.mark.both
def test_a_recurring_task_that_takes_longer_than_its_lease_runs_once_at_a_time(quick_beats, monkeypatch):
    runs: list[list[tuple[str, datetime]]] = []

    def takes_long() -> None:
        until(lambda: lease_of_task() > lease + timedelta(milliseconds=1))
        with clock.frozen(lease + timedelta(milliseconds=1)):
            runs.append(worker.claim_schedules())

    monkeypatch.setattr(worker, "_schedules", {})
    worker.every(timedelta(0), name="test.always")(takes_long)
    worker.prepare_schedules()
    ((name, lease),) = worker.claim_schedules()
    worker.run_schedule(name, lease.isoformat())
    assert runs == [[]]
    assert [name for name, _ in worker.claim_schedules()] == ["test.always"]


def lease_of_task() -> datetime:
    found = db.session.execute(sa.select(worker.ScheduleRow.lease_until)).scalar_one()
    db.session.rollback()
    return found
