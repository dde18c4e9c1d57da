"""Points come from facts: each once, in any order, taken back and given back exactly."""

import random
from contextlib import suppress
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from core import clock, outbox, worker
from core.db import db, writing
from core.errors import Forbidden, ProductError
from core.outbox import DeliveryRow
from core.text import render
from forum import actions as forum
from forum.events import ThreadsImported
from forum.models import Post, PostVote, Thread
from ideation import actions as ideation
from ideation.releases import actions as releases
from notices.models import Notice, NoticeMail
from people.models import Person
from people.portability import sections_of
from reputation import actions, rules
from reputation.actions import Award
from reputation.models import LedgerEntry
from tests import make
from tests.reputation.conftest import SYSTEM, ledger_sum, points, reasons


def redeliver() -> None:
    """Every receipt waits again, as after a crash that forgot it was done."""
    with writing():
        db.session.execute(sa.update(DeliveryRow).values(state=outbox.WAITING, run_at=clock.now()))


def test_a_vote_for_an_answer_counts_more_than_one_for_a_question(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    opening = db.session.execute(sa.select(Post).where(Post.position == 1)).scalar_one()
    town.vote(town.dev, answer)
    town.vote(town.dev, opening)
    assert points(town.ben) == rules.ANSWER_UP
    assert points(town.ana) == rules.OPENING_UP


def test_a_vote_that_changes_its_mind_counts_as_it_stands(town):
    answer = town.answer(town.ben, town.ask(town.ana))
    for value, expected in ((1, 10), (-1, 0), (1, 10), (0, 0)):
        town.vote(town.ana, answer, value)
        assert points(town.ben) == expected


def test_points_never_fall_below_nothing_while_the_ledger_remembers(town):
    answer = town.answer(town.ben, town.ask(town.ana))
    town.vote(town.ana, answer, -1)
    assert points(town.ben) == 0
    assert ledger_sum(town.ben) == rules.DOWN


def test_an_accepted_answer_honours_both_and_unaccepting_takes_it_back(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    town.accept(town.ana, thread, answer)
    assert (points(town.ben), points(town.ana)) == (rules.ACCEPTED, rules.ACCEPTING)
    with writing():
        forum.unaccept_answer(town.ana, thread)
    assert (points(town.ben), points(town.ana)) == (0, 0)


@pytest.mark.slow
def test_an_acceptance_by_staff_honours_the_answerer_alone_whoever_ends_it(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    town.accept(town.dev, thread, answer)
    assert (points(town.ben), points(town.ana)) == (rules.ACCEPTED, 0)
    with writing():
        forum.unaccept_answer(town.ana, thread)
    assert (points(town.ben), points(town.ana)) == (0, 0)
    assert ledger_sum(town.ana) == 0


def test_nobody_earns_by_accepting_their_own_answer(town):
    thread = town.ask(town.ana)
    town.accept(town.ana, thread, town.answer(town.ana, thread))
    assert points(town.ana) == 0
    assert reasons(town.ana) == []


@pytest.mark.slow
def test_a_deleted_answer_takes_its_points_and_a_restored_one_brings_them_back(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    town.vote(town.dev, answer)
    town.accept(town.ana, thread, answer)
    whole = points(town.ben), points(town.ana)
    assert whole == (25, 2)
    for _ in range(2):
        with writing():
            forum.delete_post(town.dev, answer, "spam")
        assert (points(town.ben), points(town.ana)) == (0, 0)
        with writing():
            forum.restore_post(town.dev, answer)
        assert (points(town.ben), points(town.ana)) == whole


def test_a_deleted_thread_takes_the_points_of_all_in_it_and_brings_them_back(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    town.vote(town.dev, answer)
    town.accept(town.ana, thread, answer)
    with writing():
        forum.delete_thread(town.dev, thread, "spam")
    assert (points(town.ben), points(town.ana)) == (0, 0)
    with writing():
        forum.restore_thread(town.dev, thread)
    assert (points(town.ben), points(town.ana)) == (25, 2)


def test_a_repeated_delivery_awards_nothing_twice(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    town.vote(town.dev, answer)
    town.accept(town.ana, thread, answer)
    before = points(town.ben), len(reasons(town.ben))
    redeliver()
    assert (points(town.ben), len(reasons(town.ben))) == before


@pytest.mark.slow
def test_ideas_honour_their_author_for_each_voter_and_once_when_they_ship(town):
    cleo = make.actor("Cleo", "product_manager")
    with writing():
        idea = ideation.raise_idea(
            town.ana, title="Spreadsheets", body=render("Please."), category_id=town.room.id
        )
        ideation.vote(town.ben, idea)
    assert points(town.ana) == rules.IDEA_WANTED
    with writing():
        release = releases.draft_release(cleo, title="Spring")
        releases.ship_in(cleo, release, idea)
        releases.publish(cleo, release)
    assert points(town.ana) == rules.IDEA_WANTED + rules.IDEA_SHIPPED
    redeliver()
    assert points(town.ana) == rules.IDEA_WANTED + rules.IDEA_SHIPPED


def test_a_level_is_announced_once_even_when_it_was_lost_in_between(town):
    answer = town.answer(town.ben, town.ask(town.ana))
    voters = [make.actor(f"Voter {i}") for i in range(2)]
    for value in (1, 0, 1):
        for voter in voters:
            town.vote(voter, answer, value)
        points(town.ben)
    statement = sa.select(sa.func.count()).where(Notice.person_id == town.ben.id, Notice.kind == "level")
    assert db.session.execute(statement).scalar_one() == 1
    assert db.session.execute(sa.select(Person.level).where(Person.id == town.ben.id)).scalar_one() == 1


@pytest.mark.slow
def test_imported_posts_bring_their_points_once_and_announce_no_level(town):
    thread = town.ask(town.ana)
    answer = town.answer(town.ben, thread)
    town.accept(town.ana, thread, answer)
    worker.drain()
    with writing():  # as an import would have left it: keys of origin, votes without voters
        db.session.execute(sa.delete(LedgerEntry))
        db.session.execute(sa.delete(NoticeMail))
        db.session.execute(sa.delete(Notice))
        db.session.execute(
            sa.update(Post).values(origin_key=sa.literal("dump:") + sa.cast(Post.id, sa.String))
        )
        votes = [PostVote(post_id=answer.id, value=v, at=clock.now()) for v in (1, 1, 1, -1)]
        db.session.add_all(votes)
        outbox.record(ThreadsImported(thread.id, thread.id), actor=SYSTEM)
    assert points(town.ben) == 3 * rules.ANSWER_UP + rules.DOWN + rules.ACCEPTED
    assert points(town.ana) == rules.ACCEPTING
    with writing():
        outbox.record(ThreadsImported(thread.id, thread.id), actor=SYSTEM)
    assert points(town.ben) == 3 * rules.ANSWER_UP + rules.DOWN + rules.ACCEPTED
    assert db.session.execute(sa.select(Notice.id).where(Notice.kind == "level")).first() is None
    with writing():
        forum.unaccept_answer(town.ana, thread)
    assert (points(town.ben), points(town.ana)) == (3 * rules.ANSWER_UP + rules.DOWN, 0)


def test_only_the_product_awards(town):
    award = Award("gift", town.ben.id, 1000, "accepted", "post:1", clock.now())
    for actor in (town.ana, town.dev, make.actor("Olu", "owner")):
        with pytest.raises(Forbidden), writing():
            actions.award(actor, [award])


def test_the_ledger_is_in_the_export(town):
    town.vote(town.ana, town.answer(town.ben, town.ask(town.ana)))
    points(town.ben)
    (row,) = sections_of(town.ben.id)["reputation.ledger"]
    assert (row["points"], row["reason"]) == (rules.ANSWER_UP, "answer_voted")


# --- whatever happens, in whatever order it is told ---

DEEDS = ("up", "down", "back", "accept", "accept_for", "unaccept", "delete", "restore", "hide", "show")
_titles = count(1)


def do(town, deed: str, thread, answer) -> None:
    """One deed, if it is possible just now."""
    deeds = {
        "up": lambda: forum.vote(town.dev, answer, 1),
        "down": lambda: forum.vote(town.dev, answer, -1),
        "back": lambda: forum.vote(town.dev, answer, 0),
        "accept": lambda: forum.accept_answer(town.ana, thread, answer),
        "accept_for": lambda: forum.accept_answer(town.dev, thread, answer),
        "unaccept": lambda: forum.unaccept_answer(town.dev, thread),
        "delete": lambda: forum.delete_post(town.dev, answer, "spam"),
        "restore": lambda: forum.restore_post(town.dev, answer),
        "hide": lambda: forum.delete_thread(town.dev, thread, "spam"),
        "show": lambda: forum.restore_thread(town.dev, thread),
    }
    with suppress(ProductError), writing():
        deeds[deed]()


def deliver_in_random_order(seed: int) -> None:
    """All receipts, in an order that time and retries could bring about, some of them twice."""
    ids = list(
        db.session.execute(sa.select(DeliveryRow.id).where(DeliveryRow.state != outbox.DONE)).scalars()
    )
    random.Random(seed).shuffle(ids)
    lease = clock.now() + outbox.LEASE
    for number in ids + ids[:2]:
        with writing():
            taken = sa.update(DeliveryRow).where(DeliveryRow.id == number)
            db.session.execute(taken.values(state=outbox.LEASED, lease_until=lease))
        outbox.deliver([number], lease)


def earned(answer_id: int) -> tuple[int, int]:
    """What answerer and asker should have, from what stands in the forum."""
    db.session.expire_all()
    post = db.session.get_one(Post, answer_id)
    thread = db.session.get_one(Thread, post.thread_id)
    if post.deleted_at or thread.deleted_at:
        accepting = thread.accepted_post_id == post.id and thread.deleted_at is None
        return 0, rules.ACCEPTING if accepting else 0
    value = db.session.execute(sa.select(PostVote.value).where(PostVote.post_id == post.id)).scalar() or 0
    is_accepted = thread.accepted_post_id == post.id
    by_asker = is_accepted and thread.accepted_by_id == thread.author_id
    answerer = rules.vote_points(value, is_answer=True) + (rules.ACCEPTED if is_accepted else 0)
    return answerer, rules.ACCEPTING if by_asker else 0


@pytest.mark.slow
@limits(max_examples=25)
@given(deeds=st.lists(st.sampled_from(DEEDS), max_size=9), seed=st.integers(0, 1000))
def test_in_whatever_order_facts_are_told_the_ledger_ends_where_the_forum_stands(town, deeds, seed):
    ana, ben = make.actor("Ana"), make.actor("Ben")
    here = type(town)(ana, ben, town.dev, town.room)
    thread = here.ask(ana, title=f"Question {next(_titles)}")
    answer = here.answer(ben, thread)
    for deed in deeds:
        do(here, deed, thread, answer)
    deliver_in_random_order(seed)
    worker.drain()
    assert (ledger_sum(ben), ledger_sum(ana)) == earned(answer.id)
    for who in (ana, ben):
        assert points(who) == max(0, ledger_sum(who))
