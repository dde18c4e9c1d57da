"""The circle in honest numbers: what is counted, the middle and the slowest tenth, and when there is too little."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from admin import queries
from admin.numbers import ENOUGH, share, spread
from core import clock, worker
from core.db import db, writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from ideation import actions as ideation
from ideation.releases import actions as releases
from listening import actions as listening
from listening.models import OutsideReply
from notices import actions as notices
from notices.models import NoticeMail
from tests import make
from tests.admin.conftest import SYSTEM

hours = st.lists(st.integers(-5, 1000).map(lambda n: timedelta(hours=n)), max_size=40)


def test_median_and_p90_of_ten_known_times():
    found = spread([timedelta(hours=n) for n in range(1, 11)])
    assert found.count == 10
    assert found.middle == timedelta(hours=5.5)
    assert found.slow == timedelta(hours=9.1)


@pytest.mark.slow
@given(times=hours)
def test_too_few_times_say_so_and_others_lie_in_order(times):
    found = spread(times)
    assert found.count == len(times)
    if len(times) < ENOUGH:
        assert found.middle is found.slow is None
    else:
        assert timedelta(0) <= found.middle <= found.slow <= max(timedelta(0), *times)


def test_a_rate_of_nothing_is_no_rate():
    assert share(0, 0) is None
    assert share(1, 4) == 0.25


@pytest.fixture
def turned(house):
    """The circle has turned once: an outside wish, an idea, votes, a release."""
    mention = make.mention("I wish for a spreadsheet")
    make.mention("Something else")
    with writing():
        idea = ideation.raise_idea(
            house.ana, title="Spreadsheets", body=render("Please."), category_id=house.thread.category_id
        )
        ideation.raise_idea(
            house.ana, title="A dark theme", body=render("Please."), category_id=house.thread.category_id
        )
        ideation.vote(house.ben, idea)
        listening.link_to_idea(house.dev, mention, idea)
        ideation.change_status(house.cleo, idea, "planned", "Soon.")
        release = releases.draft_release(house.cleo, title="Spring")
        releases.ship_in(house.cleo, release, idea)
        releases.publish(house.cleo, release)
    return house


@pytest.mark.slow
def test_every_stage_is_counted(turned):
    found = queries.circle(turned.sam, 30)
    assert (found.mentions, found.mentions_handled) == (2, 1)
    assert (found.questions, found.answered, found.solved) == (1, 1, 0)
    assert (found.ideas, found.ideas_with_evidence, found.ideas_decided) == (2, 1, 1)
    assert (found.releases, found.shipped, found.askers) == (1, 1, 3)
    assert found.first_answer.count == 1
    assert found.first_answer.middle is None


@pytest.mark.slow
@pytest.mark.both
def test_told_are_those_who_were_reached_not_those_who_were_sent_something(turned):
    assert queries.circle(turned.sam, 30).told == 0
    worker.drain()  # letters to Ana and Ben go out; the reply to outside waits for approval
    found = queries.circle(turned.sam, 30)
    assert found.told == 2
    assert found.closure == pytest.approx(2 / 3)
    with writing():
        db.session.execute(sa.update(NoticeMail).values(dropped_reason="undeliverable"))
    assert queries.circle(turned.sam, 30).told == 0
    with writing():
        notices.mark_read(turned.ana)
    assert queries.circle(turned.sam, 30).told == 1


def outside_reply() -> OutsideReply:
    worker.drain()
    return db.session.execute(sa.select(OutsideReply)).scalar_one()


@pytest.mark.slow
@pytest.mark.both
def test_a_reply_that_reached_its_channel_counts_as_told(turned):
    reply = outside_reply()
    with writing():
        listening.approve_reply(turned.dev, reply)
    assert queries.circle(turned.sam, 30).told == 2
    with writing():
        listening.confirm_posted(turned.dev, reply, "https://social.example/posts/9")
    found = queries.circle(turned.sam, 30)
    assert (found.told, found.closure) == (3, 1)


@pytest.mark.slow
@pytest.mark.both
def test_who_asked_is_counted_once_for_each_release(turned):
    first, second, third = (make.idea(by=turned.ana) for _ in range(3))
    make.release(ideas=[first, second], by=turned.cleo, published=True)
    make.release(ideas=[third], by=turned.cleo, published=True)
    make.release(ideas=[make.idea(by=turned.ben)], by=turned.cleo)  # a draft
    worker.drain()
    found = queries.circle(turned.sam, 30)
    assert (found.releases, found.askers, found.told) == (3, 3 + 1 + 1, 2 + 1 + 1)


@pytest.mark.slow
def test_the_circle_takes_as_many_statements_for_many_releases_as_for_one(turned, statements):
    def cost() -> int:
        with statements() as counted:
            queries.circle(turned.sam, 0)
        return counted.number

    worker.drain()
    before = cost()
    for _ in range(4):
        make.release(ideas=[make.idea(by=turned.ana)], by=turned.cleo, published=True)
    worker.drain()
    assert cost() == before
    assert before <= 20


@pytest.mark.slow
def test_what_lies_before_the_period_is_not_counted(turned):
    worker.drain()
    with clock.frozen(clock.now() + timedelta(days=40)):
        later = queries.circle(turned.sam, 30)
        ever = queries.circle(turned.sam, 0)
    assert (later.mentions, later.questions, later.ideas, later.releases, later.askers) == (0, 0, 0, 0, 0)
    assert later.closure is None
    assert (ever.mentions, ever.questions, ever.releases) == (2, 1, 1)


def test_deleted_questions_are_not_counted(house):
    with writing():
        forum.delete_thread(house.dev, house.thread, "spam")
    assert queries.circle(house.dev, 30).questions == 0


@pytest.mark.slow
def test_the_page_says_when_there_is_too_little(turned):
    page = make.client_of(turned.cleo).get("/circle?days=30").text
    assert "too few to say" in page
    assert make.client_of(turned.cleo).get("/circle?days=99999999999999999999").status_code == 200


def test_numbers_for_visitors_leave_out_what_they_may_not_see(house):
    with writing():
        hidden = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.start_thread(house.dev, category_id=hidden.id, title="Between us", body=render("Hush."))
    assert queries.public_numbers(Viewer.visitor())["threads"] == 1
    assert queries.public_numbers(house.dev)["threads"] == 2
