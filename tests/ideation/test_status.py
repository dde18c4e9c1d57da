"""Where an idea stands: set by triage, declined only with a public reason, shipped only by a release."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from core.errors import Conflict, Forbidden, Refused
from core.outbox import Event
from ideation import actions, queries
from ideation.models import Idea
from tests import make

pytestmark = pytest.mark.usefixtures("context")


def set_to(actor, idea: Idea, status: str, reason: str = "") -> None:
    with writing():
        actions.change_status(actor, idea, status, reason)


def facts() -> list[dict]:
    statement = sa.select(Event.payload).where(Event.kind == "ideation.status_changed").order_by(Event.id)
    return list(db.session.execute(statement).scalars())


def test_each_step_is_kept_with_its_reason(ana, cleo):
    idea = make.idea(by=ana)
    set_to(cleo, idea, "under_review")
    set_to(cleo, idea, "planned", "Many of you asked.")
    assert [(s.status, s.reason) for s in queries.history(idea.id)] == [
        ("under_review", ""),
        ("planned", "Many of you asked."),
    ]
    assert (idea.status, idea.status_reason, idea.status_by_id) == ("planned", "Many of you asked.", cleo.id)
    assert [(f["previous"], f["status"]) for f in facts()] == [
        ("open", "under_review"),
        ("under_review", "planned"),
    ]


def test_the_same_status_for_the_same_reason_is_no_news(ana, cleo):
    idea = make.idea(by=ana)
    for _ in range(2):
        set_to(cleo, idea, "planned", "Soon.")
    assert len(facts()) == len(queries.history(idea.id)) == 1


def test_declining_needs_a_reason(ana, cleo):
    idea = make.idea(by=ana)
    for reason in ("", "   ", "\n"):
        with pytest.raises(Refused) as refused:
            set_to(cleo, idea, "declined", reason)
        assert "reason" in refused.value.fields
    assert db.session.get_one(Idea, idea.id).status == "open"


def test_a_status_that_is_not_set_by_hand_is_refused(ana, cleo):
    idea = make.idea(by=ana)
    for status in ("shipped", "merged", "", "anything"):
        with pytest.raises(Refused) as refused:
            set_to(cleo, idea, status, "Because.")
        assert "status" in refused.value.fields


def test_a_shipped_idea_stays_shipped(ana, cleo):
    idea = make.idea(by=ana, status="shipped")
    with pytest.raises(Conflict):
        set_to(cleo, idea, "open")


def test_only_product_managers_and_the_owner_triage(ana):
    idea = make.idea(by=ana)
    for role in ("customer", "agent", "moderator", "supervisor"):
        with pytest.raises(Forbidden):
            set_to(make.actor("Sam", role), idea, "planned")
    set_to(make.actor("Olu", "owner"), idea, "planned")
    assert idea.status == "planned"


@pytest.mark.both
def test_steps_that_are_taken_at_once_stand_in_a_line(ana, cleo, at_once):
    idea_id = make.idea(by=ana).id
    steps = ["planned", "under_review", "in_progress"]

    def step(status):
        return lambda: actions.change_status(cleo, queries.idea(cleo, idea_id), status)

    at_once(*(step(status) for status in steps))
    told = facts()
    assert [f["previous"] for f in told] == ["open", *(f["status"] for f in told[:-1])]
    assert db.session.get_one(Idea, idea_id).status == told[-1]["status"]


# --- by page ---


def test_a_decline_without_a_reason_keeps_the_form(ana, cleo):
    idea = make.idea(by=ana)
    client = make.client_of(cleo)
    answer = make.post(client, f"/ideas/{idea.id}/status", status="declined", reason="")
    assert answer.status_code == 422
    assert "A declined idea needs a reason" in answer.text
    assert '<option value="declined" selected>' in answer.text
    assert db.session.get_one(Idea, idea.id).status == "open"


def test_a_reason_that_is_too_long_is_not_lost(ana, cleo):
    idea = make.idea(by=ana)
    long = "No. " * 300
    answer = make.post(make.client_of(cleo), f"/ideas/{idea.id}/status", status="declined", reason=long)
    assert answer.status_code == 422 and long.strip() in answer.text


def test_everybody_reads_the_reason(ana, cleo, client):
    idea = make.idea(by=ana)
    answer = make.post(
        make.client_of(cleo), f"/ideas/{idea.id}/status", status="declined", reason="It does not fit <us>."
    )
    assert answer.status_code == 303
    page = client.get(f"/ideas/{idea.id}", follow_redirects=True).text
    assert "It does not fit &lt;us&gt;." in page and "<us>" not in page


def test_customers_have_no_form_and_no_way_around_it(ana):
    idea = make.idea(by=ana)
    client = make.client_of(ana)
    assert f"/ideas/{idea.id}/status" not in client.get(f"/ideas/{idea.id}", follow_redirects=True).text
    answer = make.post(client, f"/ideas/{idea.id}/status", status="planned", reason="")
    assert answer.status_code == 403
    assert db.session.get_one(Idea, idea.id).status == "open"
