"""Flags, and cases with owner, deadline and an outcome that is posted back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock
from core.db import db, writing
from core.errors import Conflict, Forbidden, NotFound
from core.outbox import Event
from core.text import render
from forum import actions, queries
from forum.models import Escalation, Flag
from tests import make


@pytest.fixture
def case(question, dev):
    with writing():
        return actions.escalate(dev, make.opening(question), "Mail is down", 4)


def facts(kind: str) -> list[dict]:
    return list(db.session.execute(sa.select(Event.payload).where(Event.kind == kind)).scalars())


def test_a_member_flags_a_post_once(question, ben, ana):
    opening = make.opening(question)
    with writing():
        first = actions.flag_post(ben, opening, "spam", "advert")
        assert actions.flag_post(ben, opening, "rude").id == first.id
    assert len(facts("forum.post_flagged")) == 1
    with pytest.raises(Forbidden), writing():
        actions.flag_post(ana, opening, "spam")


def test_the_queue_groups_flags_by_post_oldest_first(question, ana, ben, dev):
    answer = make.answer(question, "Buy pills", by=ben)
    with writing():
        actions.flag_post(ana, answer, "spam", "pills")
        actions.flag_post(dev, answer, "rude")
        actions.flag_post(ben, make.opening(question), "other", "why")
    queue = queries.flag_queue(dev)
    assert [(entry.post_id, len(entry.flags)) for entry in queue] == [
        (answer.id, 2),
        (make.opening(question).id, 1),
    ]
    assert (queue[0].flags[0].reason, queue[0].flags[0].note, queue[0].author.name) == (
        "spam",
        "pills",
        ben.name,
    )
    assert queries.waiting(dev) == {"flags": 2, "cases": 0, "late": 0}
    with pytest.raises(Forbidden):
        queries.flag_queue(ana)


def test_agreeing_deletes_the_reply_and_declining_leaves_it(question, ana, ben, dev):
    bad, fine = make.answer(question, "Bad", by=ben), make.answer(question, "Fine", by=ben)
    with writing():
        actions.flag_post(ana, bad, "rude")
        actions.flag_post(ana, fine, "rude")
        actions.agree_with_flags(dev, bad, "Rude")
        assert actions.settle_flags(dev, fine, "declined") == 1
        assert actions.settle_flags(dev, fine, "declined") == 0
    assert bad.deleted_reason == "Rude"
    assert fine.deleted_at is None
    assert queries.flag_queue(dev) == []
    assert {fact["outcome"] for fact in facts("forum.flag_settled")} == {"agreed", "declined"}


def test_only_moderators_settle_flags(question, ana, ben):
    agent = make.actor("Agent", "agent")
    with writing():
        actions.flag_post(ben, make.opening(question), "spam")
    for actor in (ana, agent):
        with pytest.raises(Forbidden), writing():
            actions.settle_flags(actor, make.opening(question), "declined")


def test_a_case_marks_the_thread_and_has_a_deadline(case, question):
    assert question.needs_staff_at is not None
    assert case.due_at - case.opened_at == timedelta(hours=4)
    with pytest.raises(Conflict), writing():
        actions.escalate(make.actor("Sam", "supervisor"), make.opening(question), "Again", 4)


def test_customers_open_no_cases(question, ben):
    with pytest.raises(Forbidden), writing():
        actions.escalate(ben, make.opening(question), "Me first", 1)


def test_a_case_has_one_owner_until_it_is_handed_over(case, dev):
    sam = make.actor("Sam", "supervisor")
    agent = make.actor("Kim", "agent")
    with writing():
        actions.take_escalation(agent, case)
        actions.take_escalation(agent, case)
    with pytest.raises(Conflict, match="Kim"), writing():
        actions.take_escalation(sam, case)
    with writing():
        actions.hand_over_escalation(sam, case, sam.id)
    assert case.owner_id == sam.id
    with pytest.raises(Forbidden), writing():
        actions.hand_over_escalation(agent, case, agent.id)
    with writing():
        actions.hand_over_escalation(sam, case, None)
        actions.take_escalation(agent, case)
    assert case.owner_id == agent.id


def test_the_outcome_is_posted_back_and_the_mark_goes(case, question, dev):
    with writing():
        actions.take_escalation(dev, case)
        post = actions.close_escalation(dev, case, render("Mail works **again**."))
    assert (post.kind, post.reply_to_id, post.author_id) == ("answer", case.post_id, dev.id)
    assert "<strong>again</strong>" in post.html
    db.session.refresh(question)
    assert question.needs_staff_at is None
    assert case.outcome == "Mail works **again**."
    with pytest.raises(Conflict, match="Dev"), writing():
        actions.close_escalation(make.actor("Kim", "agent"), case, render("Twice"))


def test_the_mark_stays_while_another_case_is_open(case, question, ben, dev):
    answer = make.answer(question, by=ben)
    with writing():
        other = actions.escalate(dev, answer, "This too", 8)
        actions.close_escalation(dev, case, render("Done with the first"))
        assert question.needs_staff_at is not None
        reply = actions.close_escalation(dev, other, render("And the second"))
    assert reply.kind == "comment"
    db.session.refresh(question)
    assert question.needs_staff_at is None


def test_a_case_on_a_deleted_thread_is_closed_without_a_reply(case, question, dev):
    with writing():
        actions.delete_thread(dev, question, "x")
        assert actions.close_escalation(dev, case, render("Gone")) is None
    assert case.closed_at is not None


def test_the_queue_of_cases_knows_who_is_late(case, dev, question):
    with clock.frozen(clock.now() + timedelta(hours=5)):
        (entry,) = queries.escalation_queue(dev)
        assert (entry.id, entry.is_late, entry.owner, entry.title) == (case.id, True, None, question.title)
        assert queries.waiting(dev) == {"flags": 0, "cases": 1, "late": 1}
    with writing():
        actions.close_escalation(dev, case, render("Done now"))
    assert queries.escalation_queue(dev) == []
    assert [entry.outcome for entry in queries.escalation_queue(dev, closed=True)] == ["Done now"]


def test_cases_are_not_for_customers(case, ana):
    with pytest.raises(NotFound):
        queries.escalation(ana, case.id)
    assert make.post(make.client_of(ana), f"/escalations/{case.id}/taking").status_code == 404


def test_a_case_from_opening_to_outcome_by_form(question, dev):
    client, opening = make.client_of(dev), make.opening(question)
    make.post(client, f"/posts/{opening.id}/escalation", reason="Look at this", hours="8")
    case = db.session.execute(sa.select(Escalation)).scalar_one()
    assert "Look at this" in client.get(f"/t/{question.id}/{question.slug}").get_data(as_text=True)
    again = make.post(client, f"/posts/{opening.id}/escalation", reason="Look at this", hours="8")
    assert again.status_code == 409
    make.post(client, f"/escalations/{case.id}/taking")
    make.post(client, f"/escalations/{case.id}/closing", body="It is **mended**.")
    page = make.client_of(make.actor("Ana")).get(f"/t/{question.id}/{question.slug}").get_data(as_text=True)
    assert "It is <strong>mended</strong>." in page
    assert "Look at this" not in page


def test_words_for_a_case_that_a_colleague_settled_meanwhile_are_kept_in_the_form(case, dev):
    client = make.client_of(make.actor("Kim", "agent"))
    with writing():
        actions.close_escalation(dev, case, render("Done with it"))
    late = make.post(client, f"/escalations/{case.id}/closing", body="Mail works since noon")
    assert late.status_code == 409
    assert "Dev has settled this case already." in late.text
    assert "Mail works since noon" in late.text
    page = client.get(f"/escalations/{case.id}/closing")
    assert (page.status_code, "This case is settled already." in page.text) == (200, True)
    assert "Post and close the case" not in page.text


def test_flagging_and_settling_by_form(question, ben, dev):
    opening = make.opening(question)
    client = make.client_of(ben)
    assert make.post(client, f"/posts/{opening.id}/flag").status_code == 422
    assert make.post(client, f"/posts/{opening.id}/flag", reason="spam", note="Look").status_code == 303
    assert "1 flag" in make.client_of(dev).get(f"/t/{question.id}/{question.slug}").get_data(as_text=True)
    assert "1 flag" not in client.get(f"/t/{question.id}/{question.slug}").get_data(as_text=True)
    make.post(make.client_of(dev), f"/posts/{opening.id}/flags/settling", outcome="declined")
    assert db.session.execute(sa.select(Flag.outcome)).scalar_one() == "declined"
