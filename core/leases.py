"""Leases: work that a process took stays its own while the process lives, and is free soon after it died."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from flask import Flask, current_app

from core import clock
from core.db import writing

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=15)
BEAT_SECONDS = LEASE.total_seconds() / 3
_KEY: Final = "fullcircle.leases"


class LeaseLost(RuntimeError):
    """The work is another's by now: nothing may be stored in its name."""


class Lease:
    """A hold on some work. When it ends also tells it from any other hold on the same work.

    `ends` are the ends that may be stored now: while a renewal is on its way, or when nobody knows whether it was
    stored, there are two or more. `move(ends, end)` stores a new end where one of these stands, else nothing; it must
    not wait for others, because one thread renews all leases.
    """

    def __init__(self, end: datetime, move: Callable[[Sequence[datetime], datetime], bool]) -> None:
        self.ends: tuple[datetime, ...] = (end,)
        self._move = move

    def plan(self) -> None:
        """A whole lease from now is what `store` will store."""
        self.ends = (*self.ends, clock.now() + LEASE)

    def store(self) -> bool:
        """Store what was planned, in the open write transaction; whether the work was still ours."""
        *before, end = self.ends
        return self._move(before, end)

    def settle(self) -> None:
        """What was planned is stored."""
        self.ends = self.ends[-1:]


class Keeper:
    """Renews the leases of all that this process has in hand: one thread, which lives while there is any."""

    def __init__(self) -> None:
        self._held: list[Lease] = []
        self._change = threading.Condition()
        self._is_beating = False

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """Renew the lease while the block runs. Afterwards none is planned, but a last one may be on its way."""
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        with self._change:
            if not self._is_beating:
                threading.Thread(target=self._beat, args=(app,), name="leases", daemon=True).start()
                self._is_beating = True
            self._held.append(lease)
        try:
            yield
        finally:
            with self._change:
                self._held.remove(lease)
                self._change.notify()

    def _beat(self, app: Flask) -> None:
        while held := self._next():
            for lease in held:
                with app.app_context():
                    _renew(lease)

    def _next(self) -> list[Lease]:
        """After a beat the leases to renew; none as soon as nothing is in hand."""
        with self._change:
            if self._change.wait_for(lambda: not self._held, BEAT_SECONDS):
                self._is_beating = False
            for lease in self._held:
                lease.plan()
            return list(self._held)


def _renew(lease: Lease) -> None:
    try:
        with writing():
            is_stored = lease.store()
    except Exception:  # whatever it was, the other leases and the next beat must have their turn
        log.warning("a lease could not be renewed", exc_info=True)
        return
    if is_stored:
        lease.settle()


def init(app: Flask) -> None:
    """Give the app its keeper."""
    app.extensions[_KEY] = Keeper()


@contextmanager
def kept(lease: Lease) -> Iterator[None]:
    """Renew the lease, three times in its length, for as long as the block takes."""
    keeper: Keeper = current_app.extensions[_KEY]
    with keeper.keeping(lease):
        yield
