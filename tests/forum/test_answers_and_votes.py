"""Accepting answers and voting on posts."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from core.errors import Forbidden, NotFound, Refused
from core.outbox import Event
from forum import actions
from forum.models import PostVote
from tests import make


def accepted_facts() -> list[dict]:
    statement = sa.select(Event.payload).where(Event.kind == "forum.answer_accepted").order_by(Event.id)
    return list(db.session.execute(statement).scalars())


def votes_on(post) -> list[tuple[int | None, int]]:
    rows = db.session.execute(
        sa.select(PostVote.person_id, PostVote.value).where(PostVote.post_id == post.id)
    )
    return sorted((row.person_id or 0, row.value) for row in rows)


def test_a_stranger_may_not_accept_an_answer(question, ben):
    answer = make.answer(question, by=ben)
    with pytest.raises(Forbidden), writing():
        actions.accept_answer(make.actor("Stranger"), question, answer)
    assert question.accepted_post_id is None


def test_the_desk_accepts_on_behalf_and_the_fact_says_so(question, ana, ben, dev):
    answer = make.answer(question, by=ben)
    with writing():
        actions.accept_answer(dev, question, answer)
    assert accepted_facts()[-1] == {
        "thread_id": question.id,
        "post_id": answer.id,
        "answer_author_id": ben.id,
        "asker_id": ana.id,
        "on_behalf": True,
    }


def test_accepting_another_answer_withdraws_the_first(question, ana, ben, dev):
    first, second = make.answer(question, by=ben), make.answer(question, by=dev)
    with writing():
        actions.accept_answer(ana, question, first)
        actions.accept_answer(ana, question, second)
    assert question.accepted_post_id == second.id
    assert first.accepted_at is None
    withdrawn = db.session.execute(
        sa.select(Event.payload).where(Event.kind == "forum.answer_unaccepted")
    ).scalars()
    assert [fact["post_id"] for fact in withdrawn] == [first.id]


def test_accepting_twice_is_one_fact(question, ana, ben):
    answer = make.answer(question, by=ben)
    with writing():
        actions.accept_answer(ana, question, answer)
        actions.accept_answer(ana, question, answer)
    assert len(accepted_facts()) == 1


def test_comments_and_answers_of_other_threads_cannot_be_accepted(question, ana, ben):
    comment = make.comment(question, by=ben)
    foreign = make.answer(make.thread("Another", by=ana), by=ben)
    with pytest.raises(Refused), writing():
        actions.accept_answer(ana, question, comment)
    with pytest.raises(NotFound), writing():
        actions.accept_answer(ana, question, foreign)


def test_a_deleted_answer_cannot_be_accepted(question, ana, ben, dev):
    answer = make.answer(question, by=ben)
    with writing():
        actions.delete_post(dev, answer, "x")
    with pytest.raises(NotFound), writing():
        actions.accept_answer(ana, question, answer)


def test_an_accepted_answer_can_be_taken_back(question, ana, ben):
    answer = make.answer(question, by=ben)
    with writing():
        actions.accept_answer(ana, question, answer)
        actions.unaccept_answer(ana, question)
    assert (question.accepted_post_id, question.accepted_at, answer.accepted_at) == (None, None, None)


def test_one_vote_for_each_person_and_post(question, ana, ben, dev):
    answer = make.answer(question, by=ben)
    with writing():
        assert actions.vote(ana, answer, 1) == 1
        assert actions.vote(ana, answer, 1) == 1
        assert actions.vote(dev, answer, -1) == 0
        assert actions.vote(dev, answer, 1) == 2
        assert actions.vote(dev, answer, 0) == 1
    assert votes_on(answer) == [(ana.id, 1)]
    changes = db.session.execute(sa.select(Event.payload).where(Event.kind == "forum.post_voted")).scalars()
    assert [(c["value"], c["previous"]) for c in changes] == [(1, 0), (-1, 0), (1, -1), (0, 1)]


def test_nobody_votes_on_an_own_post(question, ana):
    with pytest.raises(Forbidden), writing():
        actions.vote(ana, make.opening(question), 1)


def test_a_vote_on_the_opening_post_is_the_threads_score(question, ben):
    with writing():
        actions.vote(ben, make.opening(question), 1)
    db.session.refresh(question)
    assert question.score == 1


def test_closed_threads_can_still_be_voted_on(question, ben, dev, ana):
    answer = make.answer(question, by=ben)
    with writing():
        actions.close_thread(dev, question, "Done")
        assert actions.vote(ana, answer, 1) == 1


def test_a_vote_is_up_down_or_taken_back(question, ben, ana):
    answer = make.answer(question, by=ben)
    with pytest.raises(Refused), writing():
        actions.vote(ana, answer, 5)
