"""Who is told: everybody concerned, once, and nobody of what they may not see."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock, outbox
from core.db import db, writing
from core.errors import Forbidden
from core.outbox import DeliveryRow
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Post
from ideation import actions as ideation
from ideation.releases import actions as releases
from ideation.releases import queries as release_queries
from listening import actions as listening
from listening.models import OutsideReply
from notices import actions, queries
from notices.actions import Telling
from people import actions as people
from people import queries as persons
from tests import make
from tests.notices.conftest import SYSTEM, letters, told


def test_somebody_who_asked_in_every_way_is_told_of_the_release_once(town):
    idea = town.idea(town.ana)
    thread = town.thread_of(idea)
    post = town.reply(town.ana, thread, "I need it every month.")
    with writing():
        ideation.add_post_as_evidence(town.cleo, idea, post)
        forum.follow(town.ana, thread)
    town.publish(idea)
    shipped = told(town.ana, "release")
    assert len(shipped) == 1
    assert shipped[0].values["why"] == "author"


@pytest.mark.slow
def test_author_voter_follower_and_witness_are_each_told_with_their_own_reason(town):
    idea = town.idea(town.ana)
    eve, finn = make.actor("Eve"), make.actor("Finn")
    town.wants(town.ben, idea)
    town.follows(eve, town.thread_of(idea))
    question = town.ask(finn)
    opening = db.session.execute(sa.select(Post).where(Post.thread_id == question.id)).scalar_one()
    with writing():
        ideation.add_post_as_evidence(town.cleo, idea, opening)
    town.publish(idea)
    why = {
        who.name: [n.values["why"] for n in told(who, "release")] for who in (town.ana, town.ben, eve, finn)
    }
    assert why == {"Ana": ["author"], "Ben": ["voter"], "Eve": ["follower"], "Finn": ["evidence"]}


def test_two_ideas_in_one_release_are_one_notice(town):
    ideas = [town.idea(town.ana, "Export as a spreadsheet"), town.idea(town.ana, "A dark theme")]
    town.publish(*ideas)
    assert len(told(town.ana, "release")) == 1


def test_an_idea_that_joins_a_published_release_tells_its_people_only(town):
    first, late = town.idea(town.ana, "Export as a spreadsheet"), town.idea(town.ben, "A dark theme")
    release = town.publish(first)
    assert told(town.ben, "release") == []
    with writing():
        releases.ship_in(town.cleo, release, late)
    assert len(told(town.ben, "release")) == 1
    assert len(told(town.ana, "release")) == 1


def test_a_repeated_delivery_tells_nobody_twice(town):
    idea = town.idea(town.ana)
    town.wants(town.ben, idea)
    town.publish(idea)
    before = [n.id for who in (town.ana, town.ben) for n in told(who)]
    with writing():
        db.session.execute(sa.update(DeliveryRow).values(state=outbox.WAITING, run_at=clock.now()))
    assert [n.id for who in (town.ana, town.ben) for n in told(who)] == before


def test_whoever_muted_the_idea_is_not_told(town):
    idea = town.idea(town.ana)
    town.wants(town.ben, idea)
    with writing():
        forum.mute(town.ben, town.thread_of(idea))
    town.publish(idea)
    assert told(town.ben, "release") == []


@pytest.mark.slow
def test_banned_and_removed_people_are_not_told(town):
    idea = town.idea(town.ana)
    eve = make.actor("Eve")
    town.wants(town.ben, idea)
    town.wants(eve, idea)
    with writing():
        people.ban(town.dev, persons.person(town.ben.id), "Spam", clock.now() + timedelta(days=3))
        people.remove_account(SYSTEM, persons.person(eve.id))
    town.publish(idea)
    assert told(town.ben, "release") == told(eve, "release") == []


@pytest.mark.slow
def test_somebody_outside_gets_a_draft_and_no_notice(town):
    idea, mention = town.idea(town.ana), make.mention("I wish for a spreadsheet")
    with writing():
        listening.link_to_idea(town.dev, mention, idea)
    release = town.publish(idea)
    told(town.ana)
    draft = db.session.execute(sa.select(OutsideReply)).scalar_one()
    assert draft.state == "draft"
    assert "Export as a spreadsheet" in draft.body
    assert f"http://localhost/releases/{release.id}" in draft.body
    assert queries.told_about_release(release.id).people == 1  # Ana; a draft is not a delivered reply


@pytest.mark.slow
def test_somebody_outside_who_wishes_no_contact_gets_nothing(town):
    idea, mention = town.idea(town.ana), make.mention("I wish for a spreadsheet")
    with writing():
        listening.link_to_idea(town.dev, mention, idea)
        listening.refuse_contact_of(town.dev, mention)
    town.publish(idea)
    told(town.ana)
    assert db.session.execute(sa.select(OutsideReply)).first() is None


@pytest.mark.slow
def test_a_draft_for_outside_does_not_name_an_idea_that_is_not_public(town):
    idea, mention = town.idea(town.ana, "Secret plan"), make.mention("I wish for a spreadsheet")
    with writing():
        listening.link_to_idea(town.dev, mention, idea)
        hidden = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.move_thread(town.dev, town.thread_of(idea), hidden)
    town.publish(idea)
    told(town.ana)
    draft = db.session.execute(sa.select(OutsideReply)).scalar_one()
    assert "Secret plan" not in draft.body
    assert "Spring" in draft.body


def test_the_asker_hears_of_an_answer_and_other_followers_of_a_reply(town):
    thread = town.ask(town.ana)
    eve = make.actor("Eve")
    town.follows(eve, thread)
    town.reply(town.ben, thread, "Under File, Export.")
    assert [n.kind for n in told(town.ana)] == ["answer"]
    assert [n.kind for n in told(eve)] == ["reply"]
    assert told(town.ben) == []


def test_somebody_mentioned_in_a_thread_they_follow_is_told_once(town):
    thread = town.ask(town.ana)
    town.reply(town.ben, thread, f"Look here, @{town.ana.handle}!")
    assert [n.kind for n in told(town.ana)] == ["mention"]


def test_a_name_that_comes_with_an_edit_is_a_mention_too(town):
    thread = town.ask(town.ana)
    post = town.reply(town.ben, thread, "Somebody else knows.")
    with writing():
        forum.edit_post(town.ben, post, render(f"@{town.cleo.handle} knows."))
    assert [n.kind for n in told(town.cleo)] == ["mention"]


def test_a_post_deleted_before_the_worker_came_is_told_to_nobody(town):
    thread = town.ask(town.ana)
    post = town.reply(town.ben, thread, f"Oops, @{town.cleo.handle}")
    with writing():
        forum.delete_post(town.ben, post)
    assert told(town.ana) == told(town.cleo) == []


def test_nobody_is_told_of_a_thread_they_may_not_see(town):
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
        thread = forum.start_thread(
            town.dev,
            category_id=staff_room.id,
            title="About a customer",
            body=render(f"@{town.ana.handle} is angry."),
        )
        forum.follow_for(SYSTEM, town.ana.id, thread.id, "chosen")
    town.reply(town.dev, thread, "Very.")
    assert told(town.ana) == []


def test_a_mention_in_a_thread_that_went_to_the_staff_before_the_worker_came_is_told_to_nobody(town):
    thread = town.ask(town.ben)
    town.reply(town.dev, thread, f"@{town.ana.handle} said the same, and @{town.cleo.handle} should see it.")
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.move_thread(town.dev, thread, staff_room)
    assert (told(town.ana), letters(town.ana)) == ([], [])
    assert [n.kind for n in told(town.cleo)] == ["mention"]


def test_bell_and_count_lose_what_the_reader_may_not_see_any_more(town):
    thread = town.ask(town.ana)
    town.reply(town.ben, thread, "Under File, Export.")
    assert len(told(town.ana)) == 1
    assert queries.unread_count(town.ana) == 1
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.move_thread(town.dev, thread, staff_room)
    told(town.ana)
    assert queries.unread_count(town.ana) == 0
    assert queries.unread_counts([town.ana.id]) == {town.ana.id: 0}
    assert queries.bell(town.ana) == []
    assert "data-bell-count hidden>0<" in make.client_of(town.ana).get("/settings").text


@pytest.mark.parametrize("what", ["post", "thread"])
def test_a_deleted_post_or_thread_leaves_the_bell(town, what):
    thread = town.ask(town.ana)
    post = town.reply(town.ben, thread, "Under File, Export.")
    assert len(told(town.ana)) == 1
    with writing():
        if what == "post":
            forum.delete_post(town.dev, post, "spam")
        else:
            forum.delete_thread(town.dev, thread, "spam")
    assert queries.unread_count(town.ana) == 0
    assert queries.bell(town.ana) == []


def test_numbers_for_many_at_once_agree_with_each_ones_own(town):
    thread = town.ask(town.ana)
    town.follows(town.dev, thread)
    town.reply(town.ben, thread, "Under File, Export.")
    told(town.ana)
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.move_thread(town.dev, thread, staff_room)
    everybody = [town.ana, town.ben, town.dev]
    alone = {who.id: queries.unread_count(who) for who in everybody}
    assert queries.unread_counts([who.id for who in everybody]) == alone
    assert alone[town.dev.id] == 1


def test_a_choice_against_the_bell_is_honoured(town):
    with writing():
        actions.choose(town.ana, town.ana.id, "answer", bell=False, mail=False)
    town.reply(town.ben, town.ask(town.ana), "Under File, Export.")
    assert told(town.ana) == []


def test_an_accepted_answer_is_told_to_its_author_and_to_the_asker_when_staff_accepted(town):
    thread = town.ask(town.ana)
    post = town.reply(town.ben, thread, "Under File, Export.")
    with writing():
        forum.accept_answer(town.dev, thread, post)
    assert len(told(town.ben, "accepted")) == len(told(town.ana, "accepted")) == 1


@pytest.mark.slow
def test_a_new_status_is_told_to_followers_but_shipping_only_by_the_release(town):
    idea = town.idea(town.ana)
    with writing():
        ideation.change_status(town.cleo, idea, "planned", "Next quarter.")
    assert [n.values["status"] for n in told(town.ana, "status")] == ["planned"]
    town.publish(idea)
    assert len(told(town.ana, "status")) == 1


@pytest.mark.slow
def test_a_case_is_told_to_the_desk_and_its_end_to_whoever_opened_it(town):
    sam, thread = make.actor("Sam", "supervisor"), town.ask(town.ana)
    post = town.reply(town.ben, thread, "Nothing works.")
    with writing():
        case = forum.escalate(town.dev, post, "Angry", 4)
    assert len(told(sam, "staff")) == 1
    assert told(town.dev, "staff") == told(town.cleo, "staff") == []
    with writing():
        forum.close_escalation(sam, case, render("Paid back."))
    assert [n.values["is_new"] for n in told(town.dev, "staff")] == [False]
    assert told(town.ana, "staff") == []


@pytest.mark.both
def test_a_batch_larger_than_a_subject_is_long_is_told_on_both_databases(town):
    crowd = [make.person(f"Person {i}") for i in range(30)]
    with writing():
        told_now = actions.tell(
            SYSTEM, Telling("level", "level:1", values={"level": 1}), [p.id for p in crowd]
        )
    assert told_now == 30
    with writing():
        again = actions.tell(SYSTEM, Telling("level", "level:1", values={"level": 1}), [p.id for p in crowd])
    assert again == 0


def test_only_the_product_tells(town):
    for actor in (town.ana, town.dev, Viewer.visitor()):
        with pytest.raises(Forbidden), writing():
            actions.tell(actor, Telling("level", "level:1"), [town.ben.id])


def test_askers_of_a_release_are_one_row_a_person(town):
    idea = town.idea(town.ana)
    town.wants(town.ben, idea)
    rows = release_queries.askers([idea.id])
    assert sorted(r.person_id for r in rows) == sorted({town.ana.id, town.ben.id})
