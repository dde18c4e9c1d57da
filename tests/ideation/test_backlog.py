"""The work an idea became: noted by triage, done in the tracker, which is not shipped."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from core.errors import Conflict, Forbidden
from core.outbox import Event
from forum.models import IDEA
from ideation.backlog import actions, queries
from ideation.backlog.models import BacklogItem
from ideation.models import Idea
from tests import make

pytestmark = pytest.mark.usefixtures("context")
TRACKER = "https://tracker.example/issues/7"


def item_of(cleo, idea: Idea, **more) -> BacklogItem:
    with writing():
        return actions.add_item(cleo, idea, title="Column types", tracker_url=TRACKER, **more)


def test_done_in_the_tracker_is_not_shipped(ana, cleo):
    idea = make.idea(by=ana)
    item = item_of(cleo, idea)
    with writing():
        actions.finish_item(cleo, item)
    db.session.expire_all()
    assert db.session.get_one(BacklogItem, item.id).done_at is not None
    assert db.session.get_one(Idea, idea.id).status == "open"


@pytest.mark.both
def test_work_is_done_once_however_often_it_is_said(ana, cleo, at_once):
    item_id = item_of(cleo, make.idea(by=ana)).id
    outcomes = at_once(*[lambda: actions.finish_item(cleo, db.session.get_one(BacklogItem, item_id))] * 3)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2
    facts = sa.select(sa.func.count()).where(Event.kind == "backlog.item_done")
    assert db.session.execute(facts).scalar_one() == 1


@pytest.mark.both
def test_work_that_was_called_done_is_reopened_with_its_reason(ana, cleo):
    item = item_of(cleo, make.idea(by=ana))
    with writing():
        actions.finish_item(cleo, item)
        actions.reopen_item(cleo, item, "It failed on large tables.")
    db.session.expire_all()
    assert db.session.get_one(BacklogItem, item.id).done_at is None
    done, reopened = queries.changes_of([item.id])[item.id]
    assert (done.is_done, done.reason) == (True, "")
    assert (reopened.is_done, reopened.reason, reopened.by.name) == (
        False,
        "It failed on large tables.",
        "Cleo",
    )
    with writing():
        actions.finish_item(cleo, item)
    assert len(queries.changes_of([item.id])[item.id]) == 3


@pytest.mark.both
def test_work_is_reopened_once_however_often_it_is_said(ana, cleo, at_once):
    item = item_of(cleo, make.idea(by=ana))
    with writing():
        actions.finish_item(cleo, item)
    outcomes = at_once(
        *[lambda: actions.reopen_item(cleo, db.session.get_one(BacklogItem, item.id), "Why")] * 3
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2
    assert len(queries.changes_of([item.id])[item.id]) == 2


def test_work_that_is_not_done_cannot_be_reopened(ana, cleo):
    item = item_of(cleo, make.idea(by=ana))
    with pytest.raises(Conflict), writing():
        actions.reopen_item(cleo, item, "Never was.")


def test_only_triage_plans_work(ana, dev, cleo):
    idea = make.idea(by=ana)
    item = item_of(cleo, idea)
    for actor in (ana, dev):
        with pytest.raises(Forbidden), writing():
            actions.add_item(actor, idea, title="Mine")
        with pytest.raises(Forbidden), writing():
            actions.finish_item(actor, item)
        with pytest.raises(Forbidden), writing():
            actions.reopen_item(actor, item, "Mine")


def test_the_address_in_the_tracker_is_the_teams_own(ana, cleo, client):
    idea = make.idea(by=ana)
    item_of(cleo, idea)
    path = f"/ideas/{idea.id}"
    for reader in (client, make.client_of(ana)):
        page = reader.get(path, follow_redirects=True).text
        assert "Column types" in page and TRACKER not in page
    assert TRACKER in make.client_of(cleo).get(path, follow_redirects=True).text


def test_a_refused_item_keeps_its_form(ana, cleo):
    idea = make.idea(by=ana)
    fields = {"title": "Column types", "tracker_url": "javascript:alert(1)"}
    answer = make.post(make.client_of(cleo), f"/ideas/{idea.id}/items", **fields)
    assert answer.status_code == 422
    assert 'value="Column types"' in answer.text and "https://" in answer.text
    assert db.session.execute(sa.select(BacklogItem)).first() is None


def test_work_is_noted_and_done_by_page(ana, cleo, client):
    idea = make.idea(by=ana)
    path = client.get(f"/ideas/{idea.id}").location
    client.get(path)
    desk = make.client_of(cleo)
    assert make.post(desk, f"/ideas/{idea.id}/items", title="Column types").status_code == 303
    assert "Column types" in client.get(path).text  # the page kept for visitors was dropped
    item = db.session.execute(sa.select(BacklogItem)).scalar_one()
    assert make.post(desk, f"/backlog/{item.id}/done").status_code == 303
    assert make.post(desk, f"/backlog/{item.id}/done").status_code == 409
    assert make.post(desk, "/backlog/999/done").status_code == 404


@pytest.mark.slow
def test_work_is_reopened_by_page_and_only_the_team_reads_why(ana, cleo, client):
    idea = make.idea(by=ana)
    item = item_of(cleo, idea)
    desk, path = make.client_of(cleo), client.get(f"/ideas/{idea.id}").location
    make.post(desk, f"/backlog/{item.id}/done")
    empty = make.post(desk, f"/backlog/{item.id}/done/undo", reason=" ")
    assert empty.status_code == 422
    assert f'id="reopen-{item.id}"' in empty.text
    assert (
        make.post(desk, f"/backlog/{item.id}/done/undo", reason="It failed on large tables.").status_code
        == 303
    )
    assert "It failed on large tables." in desk.get(path).text
    for reader in (client, make.client_of(ana)):
        assert "It failed on large tables." not in reader.get(path).text
    again = make.post(desk, f"/backlog/{item.id}/done/undo", reason="Twice")
    assert again.status_code == 409


def test_work_on_an_idea_nobody_may_see_is_not_there(dev, cleo, client):
    idea = make.idea(by=dev, room=make.category(IDEA, access=2))
    item_of(cleo, idea)
    assert client.get(f"/ideas/{idea.id}").status_code == 404
