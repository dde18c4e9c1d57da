"""Hidden experts: a few surely good answers are found before many stale ones, and nothing private leaks."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from core import clock, worker
from core.db import db, writing
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Post, Thread
from reputation import queries
from reputation.expertise import lower_bound, weight
from reputation.rules import LEVELS, level_of, next_level
from tests import make
from tests.make import NOON
from tests.reputation.conftest import SYSTEM

amounts = st.floats(0, 500, allow_nan=False)
rates = st.floats(0, 1, allow_nan=False)


@given(good=amounts, bad=amounts, rate=rates)
def test_the_bound_is_a_rate_below_the_mean(good, bad, rate):
    bound = lower_bound(good, good + bad, rate)
    prior = min(max(rate, 0.01), 0.99)
    assert 0 <= bound <= (good + 4 * prior) / (good + bad + 4) + 1e-9


@given(good=amounts, bad=amounts, rate=rates)
def test_one_more_good_answer_never_lowers_the_bound_and_a_bad_one_never_raises_it(good, bad, rate):
    bound = lower_bound(good, good + bad, rate)
    assert lower_bound(good + 1, good + bad + 1, rate) >= bound - 1e-9
    assert lower_bound(good, good + bad + 1, rate) <= bound + 1e-9


def test_five_good_answers_prove_more_than_one():
    assert lower_bound(5, 5, 0.4) > lower_bound(1, 1, 0.4)


def test_an_answer_counts_half_after_a_year():
    assert weight(NOON, NOON) == 1
    assert abs(weight(NOON - timedelta(days=365), NOON) - 0.5) < 1e-9
    assert weight(NOON + timedelta(days=3), NOON) == 1


@given(points=st.integers(0, 10_000))
def test_levels_are_reached_by_points_and_the_next_one_lies_ahead(points):
    level = level_of(points)
    assert LEVELS[level].points <= points
    ahead = next_level(points)
    assert ahead is None or (ahead.number == level + 1 and ahead.points > points)


# --- the page's query ---


def many_answers(town, who: Viewer, number: int, *, score: int, at, tags: str = "", access: int = 0) -> None:
    """Answers to Ana's questions, written as rows: hundreds by the actions would take minutes."""
    with writing():
        for index in range(number):
            thread = Thread(
                category_id=town.room.id, kind="question", title=f"Question {index}", slug="q", author_id=town.ana.id,
                access=access, tags=tags, created_at=at, last_post_at=at, last_post_by_id=who.id,
            )  # fmt: skip
            db.session.add(thread)
            db.session.flush()
            db.session.add(
                Post(
                    thread_id=thread.id, position=2, kind="answer", author_id=who.id, source="x", html="x",
                    text_version=1, score=score, created_at=at,
                )
            )  # fmt: skip


def names(viewer: Viewer, **more) -> list[str]:
    return [expert.person.name for expert in queries.hidden_experts(viewer, **more)]


@pytest.mark.slow
def test_five_good_answers_are_found_before_five_hundred_mediocre_and_stale_ones(town):
    busy, stale, hidden = make.actor("Busy"), make.actor("Stale"), make.actor("Hidden")
    now = clock.now()
    many_answers(town, busy, 200, score=0, at=now)
    many_answers(town, busy, 50, score=1, at=now)
    many_answers(town, stale, 250, score=1, at=now - timedelta(days=365 * 9))
    many_answers(town, hidden, 5, score=3, at=now)
    found = queries.hidden_experts(town.ana)
    assert found[0].person.name == "Hidden"
    assert (found[0].answers, found[0].good) == (5, 5)


@pytest.mark.slow
def test_whoever_answers_most_is_known_and_left_out_once_there_are_many(town):
    for index in range(queries.WELL_KNOWN):
        many_answers(town, make.actor(f"Famous {index}"), 6, score=5, at=clock.now())
    for index in range(queries.WELL_KNOWN + 1):
        many_answers(town, make.actor(f"Quiet {index}"), 3, score=1, at=clock.now())
    assert all(name.startswith("Quiet") for name in names(town.ana, limit=60))


def test_two_answers_are_too_few_to_say_anything(town):
    many_answers(town, town.ben, 2, score=5, at=clock.now())
    assert names(town.ana) == []


def test_staff_and_answers_to_ones_own_questions_do_not_count(town):
    many_answers(town, town.dev, 5, score=5, at=clock.now())
    many_answers(town, town.ana, 5, score=5, at=clock.now())
    assert names(town.ben) == []


def test_answers_in_places_a_member_may_not_see_do_not_count_for_them(town):
    many_answers(town, town.ben, 5, score=5, at=clock.now(), access=2, tags="secret")
    assert names(town.ana) == []
    assert names(town.ana, tag="secret") == []
    assert names(town.dev) == ["Ben"]


def test_deleted_answers_do_not_count_even_for_moderators(town):
    many_answers(town, town.ben, 3, score=5, at=clock.now())
    with writing():
        db.session.execute(sa.update(Post).values(deleted_at=clock.now()))
    assert names(town.dev) == []


def test_a_tag_asks_for_its_answers_alone_and_a_part_of_its_name_finds_nothing(town):
    many_answers(town, town.ben, 3, score=5, at=clock.now(), tags="export import")
    assert names(town.ana, tag="export") == ["Ben"]
    assert names(town.ana, tag="exp") == names(town.ana, tag="%") == []
    assert queries.hidden_experts(town.ana)[0].topics == ("export", "import")


# --- pages ---


def test_experts_are_shown_to_members_with_what_is_counted(town):
    many_answers(town, town.ben, 4, score=5, at=clock.now(), tags="export")
    page = make.client_of(town.ana).get("/experts").text
    assert "Ben" in page
    assert "4 of 4 answers were good" in page


def test_visitors_are_asked_to_sign_in_before_they_see_experts(town, client):
    assert "/sign-in" in client.get("/experts").headers["Location"]


@pytest.mark.slow
def test_points_from_places_the_reader_may_not_see_are_not_listed(town, client):
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
    thread = town.ask(town.dev, category_id=staff_room.id, title="A secret question")
    town.vote(make.actor("Sam", "supervisor"), db.session.execute(sa.select(Post)).scalar_one())
    town.vote(town.ana, town.answer(town.dev, town.ask(town.ana), "Under File."))
    worker.drain()
    page = client.get(f"/people/{town.dev.handle}/points").text
    assert "How do I export?" in page
    assert "A secret question" not in page
    assert len(queries.entries(Viewer.visitor(), town.dev.id)) == 1
    assert len(queries.entries(town.dev, town.dev.id)) == 2
    assert thread.access == 2


def test_a_profile_shows_level_points_and_topics(town, client):
    many_answers(town, town.ben, 3, score=5, at=clock.now(), tags="export")
    many_answers(town, town.ben, 3, score=5, at=clock.now(), tags="secret", access=2)
    page = client.get(f"/people/{town.ben.handle}").text
    assert "Newcomer" in page
    assert "export" in page
    assert "secret" not in page


def test_a_level_leads_to_ones_own_points(town, client):
    assert make.client_of(town.ben).get("/points").headers["Location"] == f"/people/{town.ben.handle}/points"
    assert "/sign-in" in client.get("/points").headers["Location"]
