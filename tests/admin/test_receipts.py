"""Receipts of the outbox are kept for a month, what happened for good."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from admin.tasks import sweep_receipts
from core import clock, worker
from core.db import db, writing
from core.outbox import DEAD, DONE, DeliveryRow, Event


def count(table, *rules) -> int:
    return db.session.execute(sa.select(sa.func.count()).select_from(table).where(*rules)).scalar_one()


@pytest.mark.both
def test_receipts_done_a_month_ago_are_dropped_and_what_happened_stays(house):
    worker.drain()
    facts, done = count(Event), count(DeliveryRow, DeliveryRow.state == DONE)
    assert done > 4
    sweep_receipts()
    assert count(DeliveryRow, DeliveryRow.state == DONE) == done
    with clock.frozen(clock.now() + timedelta(days=31)):
        sweep_receipts()
    assert (count(Event), count(DeliveryRow, DeliveryRow.state == DONE)) == (facts, 0)


def test_dead_letters_are_never_dropped_by_themselves(house):
    worker.drain()
    with writing():
        db.session.execute(sa.update(DeliveryRow).values(state=DEAD))
    dead = count(DeliveryRow, DeliveryRow.state == DEAD)
    with clock.frozen(clock.now() + timedelta(days=400)):
        sweep_receipts()
    assert count(DeliveryRow, DeliveryRow.state == DEAD) == dead
