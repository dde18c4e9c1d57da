"""What the tests of reputation share: a question to answer, and a ledger to look into."""

from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from core import worker
from core.db import db, writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Category, Post, Thread
from people.models import Person
from reputation.models import LedgerEntry
from tests import make

SYSTEM = Viewer.system()


@dataclass
class Town:
    """People, and a room to talk in."""

    ana: Viewer
    ben: Viewer
    dev: Viewer
    room: Category

    def ask(self, who: Viewer, **more: Any) -> Thread:
        values = {
            "category_id": self.room.id,
            "title": "How do I export?",
            "body": render("I cannot find it."),
        }
        with writing():
            return forum.start_thread(who, **{**values, **more})

    def answer(self, who: Viewer, thread: Thread, body: str = "Under File, Export.") -> Post:
        with writing():
            return forum.reply(who, thread, render(body))

    def vote(self, who: Viewer, post: Post, value: int = 1) -> None:
        with writing():
            forum.vote(who, post, value)

    def accept(self, who: Viewer, thread: Thread, post: Post) -> None:
        with writing():
            forum.accept_answer(who, thread, post)


@pytest.fixture
def town(context) -> Town:
    with writing():
        room = forum.create_category(SYSTEM, name="Questions")
    return Town(make.actor("Ana"), make.actor("Ben"), make.actor("Dev", "moderator"), room)


def points(who: Viewer) -> int:
    """What the person's page shows, after the worker has done its work."""
    worker.drain()
    return db.session.execute(sa.select(Person.points).where(Person.id == who.id)).scalar_one()


def ledger_sum(who: Viewer) -> int:
    """What the ledger says."""
    total = sa.select(sa.func.coalesce(sa.func.sum(LedgerEntry.points), 0))
    return db.session.execute(total.where(LedgerEntry.person_id == who.id)).scalar_one()


def reasons(who: Viewer) -> list[str]:
    """Why, entry by entry."""
    worker.drain()
    statement = sa.select(LedgerEntry.reason).where(LedgerEntry.person_id == who.id).order_by(LedgerEntry.id)
    return list(db.session.execute(statement).scalars())
