"""Two workers or two people at the same moment: one of them does it, and nothing is there twice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import clock
from core.db import db, writing
from core.errors import Conflict
from core.viewer import Viewer
from forum import actions as forum
from listening import actions, queries
from listening.connectors import Item
from listening.models import Mention, OutsideReply, Source
from tests import make

pytestmark = [pytest.mark.both, pytest.mark.usefixtures("context")]
SYSTEM = Viewer.system()


def at_once(app: Flask, *works: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with a transaction of its own, all starting together; returns results or conflicts."""
    start = threading.Barrier(len(works))
    found: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        with app.app_context():
            start.wait(10)
            try:
                with writing():
                    found[place] = work()
            except Conflict as conflict:
                found[place] = conflict

    threads = [threading.Thread(target=run, args=(n, work)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    db.session.rollback()
    return found


def test_one_of_two_workers_gets_a_feed(app):
    source_id = make.source("Talk", url="https://x.example/").id
    found = at_once(app, *[lambda: actions.claim_check(SYSTEM, source_id)] * 2)
    assert sum(check is not None for check in found) == 1


def test_a_batch_that_two_workers_bring_comes_in_once(app):
    source_id = make.source("Talk", kind="webhook").id
    items = [Item(external_id=str(n), text=f"post {n}") for n in range(50)]

    def bring() -> int:
        return actions.receive(db.session.get_one(Source, source_id), items)

    assert sorted(at_once(app, bring, bring)) == [0, 50]
    assert db.session.execute(sa.select(sa.func.count()).select_from(Mention)).scalar_one() == 50


def test_a_request_that_is_replayed_at_once_is_taken_once(app):
    source_id = make.source("Talk", kind="webhook").id

    def deliver() -> int | None:
        source = db.session.get_one(Source, source_id)
        items = [Item(external_id="1", text="post")]
        return actions.receive_delivery(SYSTEM, source, items, body=b"x", signature="s" * 64)

    found = at_once(app, deliver, deliver)
    assert sum(result == 1 for result in found) == 1
    assert sum(isinstance(result, Conflict) for result in found) == 1


def test_of_two_agents_at_the_same_moment_one_makes_the_thread(app):
    mention_id = make.mention().id
    with writing():
        room_id = forum.create_category(SYSTEM, name="Lamps").id
    agents = [make.actor("Dev", "agent"), make.actor("Eli", "agent")]

    def work(agent: Viewer) -> Callable[[], Any]:
        return lambda: actions.make_thread(agent, queries.mention(agent, mention_id), category_id=room_id).id

    found = at_once(app, *[work(agent) for agent in agents])
    assert sum(isinstance(result, Conflict) for result in found) == 1
    assert sum(isinstance(result, int) for result in found) == 1


def test_of_two_approvals_at_the_same_moment_one_counts(app):
    agents = [make.actor("Dev", "agent"), make.actor("Eli", "agent")]
    with writing():
        reply_id = actions.write_reply(agents[0], make.mention(), "words").id

    def work(agent: Viewer) -> Callable[[], Any]:
        return lambda: actions.approve_reply(agent, queries.reply(agent, reply_id))

    found = at_once(app, *[work(agent) for agent in agents])
    assert sum(isinstance(result, Conflict) for result in found) == 1
    assert db.session.get_one(OutsideReply, reply_id).approved_at <= clock.now()


def test_one_occasion_drafts_one_reply_whoever_comes_first(app):
    mention = make.mention()
    mention_id, dev = mention.id, make.actor("Dev", "agent")
    with writing():
        person_id = actions.write_reply(dev, mention, "x").person_id

    def draft() -> int:
        found = queries.mention(SYSTEM, mention_id)
        return actions.draft_reply(SYSTEM, mention=found, person_id=person_id, key="release:1", body="x").id

    first, second = at_once(app, draft, draft)
    assert first == second
