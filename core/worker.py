"""Jobs: the same Celery task functions run in a thread at home and on Celery workers over Redis at scale.

At home `Worker` claims receipts and calls the tasks in place (`.apply()`); at scale it is the relay, which hands the
claimed ids to Celery. The database is the truth in both: a receipt is done when the task says so, not when it was sent.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from celery import Celery, Task
from flask import Flask, current_app
from sqlalchemy.orm import Mapped, mapped_column

from core import clock, leases, outbox
from core.config import Settings, settings
from core.db import Model, db, insert_ignore, writing
from core.leases import LEASE, Lease, kept

log = logging.getLogger(__name__)
WAKE_CHANNEL = "fullcircle:wake"
IDLE_SECONDS = 1.0
FULL_SECONDS = 0.1
OUTSIDE_BATCH = 10  # few at a time: each may take seconds, and its lease runs meanwhile
# Receipts that Celery has at once: the lease of what waits there runs.
MOST_IN_HAND = {outbox.Lane.INSIDE: 1000, outbox.Lane.OUTSIDE: 50}

celery = Celery("fullcircle")
celery.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


class ScheduleRow(Model):
    """When a recurring task runs next; claimed by whoever is first."""

    __tablename__ = "schedule"
    name: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    next_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(sa.Text, default="")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring task. It opens its own `writing()` blocks, so that fetching happens outside of transactions."""

    name: str
    every: timedelta
    call: Callable[[], None]


_schedules: dict[str, Schedule] = {}
_releases: list[Callable[[], None]] = []


def every(period: timedelta, *, name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a recurring task under a lasting name."""

    def register(call: Callable[[], None]) -> Callable[[], None]:
        _schedules[name] = Schedule(name, period, call)
        return call

    return register


def on_release(call: Callable[[], None]) -> Callable[[], None]:
    """Register what gives back claims of a feature's own when no other process can hold one, in a write transaction."""
    _releases.append(call)
    return call


class InApp(Task):  # type: ignore[misc]
    """Runs a task inside the app it was set up with, each call in a context of its own."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with flask_app().app_context():
            return self.run(*args, **kwargs)


def flask_app() -> Flask:
    """The app the task functions work for."""
    if current_app:
        return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]
    app: Flask | None = celery.conf.get("flask_app")
    if app is None:
        raise RuntimeError("jobs run inside an app: start them with `fullcircle worker`")
    return app


@celery.task(base=InApp, name="fullcircle.deliver")  # type: ignore[untyped-decorator]
def deliver(ids: list[int], until: str) -> int:
    """Run one handler over its receipts that are leased until then."""
    return outbox.deliver(ids, datetime.fromisoformat(until))


@celery.task(base=InApp, name="fullcircle.run_schedule")  # type: ignore[untyped-decorator]
def run_schedule(name: str, until: str) -> None:
    """Run a recurring task that is leased until then, and note how it went; nothing when another has it by now."""
    lease = Lease(datetime.fromisoformat(until), partial(_renew, name))
    lease.plan()
    with writing():
        is_ours = lease.store()
    if not is_ours:
        return
    error = ""
    try:
        with kept(lease):
            _schedules[name].call()
    except Exception as problem:
        log.exception("schedule %s failed", name)
        error = repr(problem)[:2000]
    with writing():
        _change(name, lease.ends, lease_until=None, last_at=clock.now(), error=error)


def _renew(name: str, ends: Sequence[datetime], until: datetime) -> bool:
    return _change(name, ends, lease_until=until)


def _change(name: str, ends: Sequence[datetime], **values: Any) -> bool:
    """Change the row of a recurring task while its lease is one of these; whether it was."""
    ours = sa.and_(ScheduleRow.name == name, ScheduleRow.lease_until.in_(ends))
    done: Any = db.session.execute(sa.update(ScheduleRow).where(ours).values(**values))
    return bool(done.rowcount == 1)


def claim_schedules() -> list[tuple[str, datetime]]:
    """Take the recurring tasks that are due and set their next time; returns each with its lease's end."""
    moment = clock.now()
    free = sa.or_(ScheduleRow.lease_until.is_(None), ScheduleRow.lease_until < moment)
    due = [
        name
        for (name,) in db.session.execute(
            sa.select(ScheduleRow.name).where(ScheduleRow.next_at <= moment, free)
        )
    ]
    db.session.rollback()
    return [(name, moment + LEASE) for name in due if name in _schedules and _take(name, moment)]


def _take(name: str, moment: datetime) -> bool:
    values = {"next_at": moment + _schedules[name].every, "lease_until": moment + LEASE}
    with writing():
        taken: Any = db.session.execute(
            sa.update(ScheduleRow)
            .where(ScheduleRow.name == name, ScheduleRow.next_at <= moment)
            .values(**values)
        )
    return bool(taken.rowcount == 1)


def prepare_schedules() -> None:
    """Give every registered recurring task its row."""
    moment = clock.now()
    rows = [
        {"name": s.name, "next_at": moment + min(s.every, timedelta(seconds=20)), "error": ""}
        for s in _schedules.values()
    ]
    with writing():
        insert_ignore(ScheduleRow.__table__, rows)


def init(app: Flask, settings: Settings) -> None:
    """Give the app its way to wake the worker, its keeper of leases, and Celery its broker."""
    leases.init(app)
    if settings.redis_url:
        import redis

        celery.conf.broker_url = settings.redis_url
        client = redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)
        app.extensions["fullcircle.wake"] = lambda: _publish_wake(client)
    else:
        alarms = {lane: threading.Event() for lane in (outbox.Lane.INSIDE, outbox.Lane.OUTSIDE)}
        app.extensions["fullcircle.alarms"] = alarms
        app.extensions["fullcircle.wake"] = lambda: _ring(alarms)


def _ring(alarms: dict[outbox.Lane, threading.Event]) -> None:
    for alarm in alarms.values():
        alarm.set()


def _publish_wake(client: Any) -> None:
    """A lost wake-up costs at most a second: the relay looks by itself."""
    import redis

    try:
        client.publish(WAKE_CHANNEL, b"1")
    except redis.RedisError:
        log.warning("redis did not take the wake-up")


def drain(limit: int = 10_000) -> int:
    """Deliver everything due, here and now; returns how many receipts were done. For tests, seeds and commands."""
    done = 0
    while done < limit:
        claims = outbox.claim()
        if not claims:
            return done
        done += sum(int(deliver.apply(args=_arguments(c)).get()) for c in claims)
    return done


def _arguments(claim: outbox.Claim) -> list[Any]:
    return [list(claim.ids), claim.until.isoformat()]


def release() -> None:
    """Give back every lease, of receipts, schedules and features: only where no other process can hold one."""
    with writing():
        outbox.release_leases()
        db.session.execute(sa.update(ScheduleRow).values(lease_until=None))
        for give_back in _releases:
            give_back()


class Worker:
    """Two threads that claim what is due until stopped, and run it here or send it to Celery.

    One delivers what only touches the database; the other runs schedules and what calls other machines, so that a
    feed that hangs holds up no notice.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=f"outbox-{lane.value}", daemon=True)
            for lane in (outbox.Lane.INSIDE, outbox.Lane.OUTSIDE)
        ]

    def start(self) -> None:
        """Begin. At home nobody else delivers: what a killed process had in hand is taken again at once."""
        with self.app.app_context():
            prepare_schedules()
            if not settings().redis_url:
                release()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish the receipts in hand and end; seconds to wait for them."""
        self._stop.set()
        for alarm in self.app.extensions.get("fullcircle.alarms", {}).values():
            alarm.set()
        for thread in self._threads:
            thread.join(timeout)

    def _run(self, lane: outbox.Lane) -> None:
        wait = _waiter(self.app, lane)
        while not self._stop.is_set():
            try:
                if not self.turn(lane):
                    wait()
            except Exception:
                log.exception("the worker stumbled; it goes on")
                self._stop.wait(IDLE_SECONDS)

    def turn(self, lane: outbox.Lane) -> bool:
        """One look; True when there was something to do."""
        with self.app.app_context():
            if lane is outbox.Lane.OUTSIDE:
                for name, until in claim_schedules():
                    _hand_over(run_schedule, [name, until.isoformat()])
            if not outbox.has_due(lane):
                return False
            if settings().redis_url and outbox.in_hand(lane) >= MOST_IN_HAND[lane]:
                self._stop.wait(FULL_SECONDS)
                return True
            claims = outbox.claim(OUTSIDE_BATCH if lane is outbox.Lane.OUTSIDE else outbox.BATCH, lane)
            for claim in claims:
                if self._stop.is_set():
                    return True
                _hand_over(deliver, _arguments(claim))
            return bool(claims)


def _hand_over(task: Any, args: list[Any]) -> None:
    if settings().redis_url:
        task.apply_async(args=args)
    else:
        task.apply(args=args, throw=True)


def _waiter(app: Flask, lane: outbox.Lane) -> Callable[[], None]:
    """A function that returns at the next wake-up, after a second at the latest."""
    alarms: dict[outbox.Lane, threading.Event] | None = app.extensions.get("fullcircle.alarms")
    if alarms is not None:
        alarm = alarms[lane]

        def wait_here() -> None:
            alarm.wait(IDLE_SECONDS)
            alarm.clear()

        return wait_here
    return _redis_waiter(app)


def _redis_waiter(app: Flask) -> Callable[[], None]:
    import redis

    url = app.extensions["fullcircle.settings"].redis_url
    client = redis.Redis.from_url(url, socket_timeout=5)
    channel = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    channel.subscribe(WAKE_CHANNEL)

    def wait_on_redis() -> None:
        channel.get_message(timeout=IDLE_SECONDS)

    return wait_on_redis


def serve_jobs(app: Flask, concurrency: int) -> None:
    """`fullcircle worker`: the relay and a Celery worker in one process, until stopped."""
    celery.conf["flask_app"] = app
    relay = Worker(app)
    relay.start()
    try:
        celery.worker_main(
            [
                "worker",
                "--pool=threads",
                f"--concurrency={concurrency}",
                "--loglevel=WARNING",
                "--without-mingle",
            ]
        )
    finally:
        relay.stop()
