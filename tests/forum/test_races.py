"""Many at once on one thread: no position twice, one vote each, one accepted answer, one case owner."""

import contextvars
import threading
from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db, writing
from core.errors import Conflict
from core.outbox import Event
from core.text import render
from forum import actions, queries
from forum.models import Category, Escalation, Post, PostVote, Tag, Thread
from tests import make

pytestmark = pytest.mark.both


def at_once(app: Flask, jobs: Sequence[Callable[[], object]]) -> list[BaseException]:
    """Run the jobs at the same moment, each in a transaction of its own; returns what went wrong."""
    start = threading.Barrier(len(jobs))
    problems: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        with app.app_context():
            start.wait()
            try:
                with writing():
                    job()
            except Exception as problem:
                problems.append(problem)

    threads = [threading.Thread(target=contextvars.Context().run, args=(run, job)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    return problems


def thread_now(thread_id: int) -> Thread:
    return db.session.get_one(Thread, thread_id, populate_existing=True)


@pytest.mark.slow
def test_parallel_replies_get_positions_without_gaps(context, question):
    writers, thread_id = [make.actor(f"Writer {n}") for n in range(8)], question.id

    def write(number: int) -> Callable[[], object]:
        actor, body = writers[number % 8], render(f"Reply {number}")
        return lambda: actions.reply(actor, queries.thread(actor, thread_id), body)

    assert at_once(context, [write(n) for n in range(16)]) == []
    positions = db.session.execute(
        sa.select(Post.position).where(Post.thread_id == thread_id).order_by(Post.position)
    ).scalars()
    assert list(positions) == list(range(1, 18))
    found = thread_now(question.id)
    assert (found.post_count, found.reply_count, found.answer_count) == (17, 16, 16)


def test_a_reply_sent_many_times_at_once_is_one_reply(context, question, ben):
    body, thread_id = render("Clicked in a hurry"), question.id
    send = [lambda: actions.reply(ben, queries.thread(ben, thread_id), body)] * 6
    assert at_once(context, send) == []
    assert thread_now(question.id).post_count == 2


def test_a_thread_sent_many_times_at_once_is_one_thread(context, ana, room):
    body, room_id = render("Clicked in a hurry"), room.id
    send = [
        lambda: actions.start_thread(ana, category_id=room_id, title="Hurry up", body=body, tags=["quick"])
    ] * 6
    assert at_once(context, send) == []
    titles = db.session.execute(sa.select(Thread.title).where(Thread.title == "Hurry up")).scalars().all()
    assert len(titles) == 1
    assert db.session.get_one(Category, room_id, populate_existing=True).thread_count == 1
    assert len(db.session.execute(sa.select(Tag.id).where(Tag.name == "quick")).all()) == 1


@pytest.mark.slow
def test_parallel_votes_count_each_person_once(context, question, ben):
    answer = make.answer(question, by=ben)
    voters, post_id = [make.actor(f"Voter {n}") for n in range(5)], answer.id
    jobs = [
        lambda voter=voter: actions.vote(voter, queries.post(voter, post_id), 1)
        for voter in voters
        for _ in range(3)
    ]
    assert at_once(context, jobs) == []
    assert db.session.get_one(Post, post_id, populate_existing=True).score == 5
    votes = sa.select(sa.func.count()).where(PostVote.post_id == post_id)
    assert db.session.execute(votes).scalar() == 5


def test_two_answers_accepted_at_once_leave_one(context, question, ana, ben, dev):
    ids, thread_id = [make.answer(question, by=ben).id, make.answer(question, by=dev).id], question.id
    jobs = [
        lambda i=i: actions.accept_answer(ana, queries.thread(ana, thread_id), queries.post(ana, i))
        for i in ids * 2
    ]
    assert at_once(context, jobs) == []
    accepted = thread_now(thread_id).accepted_post_id
    kinds = list(db.session.execute(sa.select(Event.kind).order_by(Event.id)).scalars())
    assert accepted in ids
    assert kinds.count("forum.answer_accepted") - kinds.count("forum.answer_unaccepted") == 1
    held = db.session.execute(sa.select(Post.id).where(Post.accepted_at.is_not(None))).scalars().all()
    assert held == [accepted]


def test_never_two_people_on_one_case(context, question):
    agents = [make.actor(f"Agent {n}", "agent") for n in range(4)]
    with writing():
        case_id = actions.escalate(agents[0], make.opening(question), "Look at this", 4).id
    jobs = [lambda a=agent: actions.take_escalation(a, queries.escalation(a, case_id)) for agent in agents]
    problems = at_once(context, jobs)
    assert len(problems) == 3
    assert all(isinstance(problem, Conflict) for problem in problems)
    owner = db.session.get_one(Escalation, case_id, populate_existing=True).owner_id
    assert owner in {agent.id for agent in agents}


def test_deleting_and_restoring_at_once_keeps_the_counts_right(context, question, ben, dev):
    post_id, thread_id = make.answer(question, by=ben).id, question.id
    jobs: list[Callable[[], object]] = []
    for _ in range(4):
        jobs.append(lambda: actions.delete_post(dev, queries.post(dev, post_id), "x"))
        jobs.append(lambda: _restore_if_deleted(dev, post_id))
    at_once(context, jobs)
    found = thread_now(thread_id)
    is_there = db.session.get_one(Post, post_id, populate_existing=True).deleted_at is None
    assert (found.reply_count, found.answer_count) == ((1, 1) if is_there else (0, 0))


def _restore_if_deleted(dev, post_id: int) -> None:
    post = queries.post(dev, post_id)
    if post.deleted_at is not None:
        actions.restore_post(dev, post)
