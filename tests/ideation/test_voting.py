"""Votes: one for each person however often and however fast they click, and closed when an idea is settled."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from core.errors import Forbidden, NotFound, Refused
from core.outbox import Event
from core.viewer import Viewer
from forum import actions as forum
from forum import queries as forum_queries
from forum.models import IDEA, Thread
from ideation import actions, queries
from ideation.models import Idea, IdeaVote
from tests import make

pytestmark = pytest.mark.usefixtures("context")


def voters(idea: Idea) -> list[int]:
    statement = sa.select(IdeaVote.person_id).where(IdeaVote.idea_id == idea.id)
    return sorted(db.session.execute(statement).scalars())


def count(idea: Idea) -> int:
    db.session.expire_all()
    return db.session.get_one(Idea, idea.id).vote_count


def facts(kind: str) -> int:
    return db.session.execute(sa.select(sa.func.count()).where(Event.kind == kind)).scalar_one()


def test_voting_twice_is_one_vote_and_one_fact(ana, ben):
    idea = make.idea(by=ana)
    for _ in range(2):
        with writing():
            actions.vote(ben, idea)
    assert voters(idea) == sorted([ana.id, ben.id])
    assert count(idea) == 2
    assert facts("ideation.idea_voted") == 2


def test_voting_follows(ana, ben):
    idea = make.idea(by=ana)
    with writing():
        actions.vote(ben, idea)
    assert ben.id in forum_queries.followers(idea.thread_id)


def test_voting_does_not_end_a_mute(ana, ben):
    idea = make.idea(by=ana)
    with writing():
        forum.mute(ben, queries.thread_of(ben, idea))
        actions.vote(ben, idea)
    assert ben.id not in forum_queries.followers(idea.thread_id)


def test_a_withdrawn_vote_is_gone_and_the_follow_stays(ana, ben):
    idea = make.idea(by=ana)
    with writing():
        actions.vote(ben, idea)
    for _ in range(2):
        with writing():
            actions.withdraw_vote(ben, idea)
    assert voters(idea) == [ana.id]
    assert count(idea) == 1
    assert facts("ideation.idea_vote_withdrawn") == 1
    assert ben.id in forum_queries.followers(idea.thread_id)


def test_votes_are_closed_on_settled_ideas(ana, ben):
    for status in ("shipped", "declined"):
        idea = make.idea(by=ana, status=status)
        for act in (actions.vote, actions.withdraw_vote):
            with pytest.raises(Refused, match="closed"), writing():
                act(ana, idea)
        with pytest.raises(Refused), writing():
            actions.vote(ben, idea)
        assert voters(idea) == [ana.id]


def test_votes_on_a_declined_idea_open_again_with_it(ana, ben, cleo):
    idea = make.idea(by=ana, status="declined")
    with writing():
        actions.change_status(cleo, idea, "open", "We looked again.")
        actions.vote(ben, idea)
    assert count(idea) == 2


def test_merged_ideas_take_no_votes(ana, ben):
    kept, gone = make.idea(by=ana), make.idea(by=ana)
    with writing():
        db.session.get_one(Idea, gone.id).merged_into_id = kept.id
    with pytest.raises(Refused), writing():
        actions.vote(ben, gone)


def test_visitors_and_banned_people_may_not_vote(ana):
    from datetime import timedelta

    from core import clock

    idea = make.idea(by=ana)
    banned = Viewer(id=ana.id, name="Ana", roles=ana.roles, banned_until=clock.now() + timedelta(days=1))
    for nobody in (Viewer.visitor(), banned):
        with pytest.raises(Forbidden), writing():
            actions.vote(nobody, idea)


def test_nobody_votes_on_an_idea_they_cannot_see(ben, dev):
    idea = make.idea(by=dev, room=make.category(IDEA, access=2))
    for act in (actions.vote, actions.withdraw_vote):
        with pytest.raises(NotFound), writing():
            act(ben, idea)


def test_deleted_ideas_take_no_votes_even_from_moderators(ana, dev):
    idea = make.idea(by=ana)
    with writing():
        forum.delete_thread(dev, queries.thread_of(dev, idea), "Spam.")
    with pytest.raises(Forbidden), writing():
        actions.vote(dev, idea)


def test_staff_may_cast_the_vote_of_whoever_asked_elsewhere_and_customers_may_not(ana, ben, dev):
    idea = make.idea(by=ana)
    with pytest.raises(Forbidden), writing():
        actions.vote(ana, idea, person_id=ben.id)
    with writing():
        actions.vote(dev, idea, person_id=ben.id)
    vote = db.session.execute(sa.select(IdeaVote).where(IdeaVote.person_id == ben.id)).scalar_one()
    assert vote.cast_by_id == dev.id
    with writing():
        actions.vote(ben, idea)
    assert count(idea) == 2


@pytest.mark.slow
@pytest.mark.both
def test_votes_that_come_at_once_all_count_and_each_only_once(ana, at_once):
    idea_id = make.idea(by=ana).id
    people = [make.actor() for _ in range(6)]

    def vote_of(person: Viewer):
        return lambda: actions.vote(person, queries.idea(person, idea_id))

    at_once(*(vote_of(person) for person in [*people, *people[:2]]))
    idea = db.session.get_one(Idea, idea_id)
    assert idea.vote_count == 7
    assert voters(idea) == sorted([ana.id, *(p.id for p in people)])
    assert facts("ideation.idea_voted") == 7


@pytest.mark.slow
@pytest.mark.both
def test_a_vote_and_its_withdrawal_at_once_leave_a_count_that_is_true(ana, at_once):
    idea_id = make.idea(by=ana).id
    people = [make.actor() for _ in range(4)]

    def both_of(person: Viewer):
        found = lambda: queries.idea(person, idea_id)  # noqa: E731
        return [
            lambda: actions.vote(person, found()),
            lambda: actions.withdraw_vote(person, found()),
        ]

    at_once(*(call for person in people for call in both_of(person)))
    idea = db.session.get_one(Idea, idea_id)
    assert idea.vote_count == len(voters(idea))


@pytest.mark.both
def test_no_vote_slips_in_while_an_idea_is_declined(ana, cleo, at_once):
    idea_id = make.idea(by=ana).id
    people = [make.actor() for _ in range(4)]

    def vote_of(person: Viewer):
        return lambda: actions.vote(person, queries.idea(person, idea_id))

    def decline():
        actions.change_status(cleo, queries.idea(cleo, idea_id), "declined", "It does not fit.")

    outcomes = at_once(decline, *(vote_of(person) for person in people))
    idea = db.session.get_one(Idea, idea_id)
    refused = sum(isinstance(outcome, Refused) for outcome in outcomes)
    assert idea.status == "declined"
    assert idea.vote_count == len(voters(idea)) == 5 - refused
    late = sa.select(Event.id).where(Event.kind == "ideation.idea_voted")
    declined = sa.select(Event.id).where(Event.kind == "ideation.status_changed")
    assert max(db.session.execute(late).scalars()) < db.session.execute(declined).scalar_one()


# --- by page ---


def test_the_vote_button_without_scripts_leads_back_to_the_idea(ana, ben):
    idea = make.idea(by=ana)
    client = make.client_of(ben)
    answer = make.post(client, f"/ideas/{idea.id}/vote", vote="1")
    assert (answer.status_code, answer.location) == (303, f"/ideas/{idea.id}")
    page = client.get(answer.location, follow_redirects=True).text
    assert 'aria-pressed="true"' in page and 'value="unfollow"' in page


def test_a_vote_by_htmx_answers_the_vote_box_and_on_the_ideas_page_the_follow_that_came_with_it(ana, ben):
    idea = make.idea(by=ana)
    client = make.client_of(ben)
    headers = {"HX-Request": "true"}
    token = post_token(client)
    box = client.post(f"/ideas/{idea.id}/vote", data={"vote": "1", **token}, headers=headers)
    assert box.status_code == 200 and box.text.strip().startswith("<form") and "<html" not in box.text
    assert 'aria-pressed="true"' in box.text and '<span class="vote-count">2</span>' in box.text
    assert 'name="vote" value="0"' in box.text and "vote-inline" not in box.text
    small = client.post(f"/ideas/{idea.id}/vote?size=inline", data={"vote": "0", **token}, headers=headers)
    assert "vote-inline" in small.text and '<span class="vote-count">1</span>' in small.text
    assert 'id="idea-follow" hx-swap-oob="true"' in box.text and "Following" in box.text
    assert "idea-follow" not in small.text


def post_token(client) -> dict[str, str]:
    import re

    page = client.get("/ideas/new").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return {"csrf_token": found[1]}


def test_a_vote_must_say_what_is_wanted(ana, ben):
    idea = make.idea(by=ana)
    client = make.client_of(ben)
    for sent in ({}, {"vote": "2"}, {"vote": ["1", "0"]}):
        assert make.post(client, f"/ideas/{idea.id}/vote", **sent).status_code == 422
    assert count(idea) == 1


def test_a_vote_on_a_settled_idea_is_refused_in_words(ana, ben):
    idea = make.idea(by=ana, status="declined")
    answer = make.post(make.client_of(ben), f"/ideas/{idea.id}/vote", vote="1")
    assert answer.status_code == 422 and "Votes are closed" in answer.text


def test_the_box_of_a_settled_idea_is_no_button(ana, ben):
    idea = make.idea(by=ana, status="declined")
    page = make.client_of(ben).get(f"/ideas/{idea.id}", follow_redirects=True).text
    assert f"/ideas/{idea.id}/vote" not in page and "is-still" in page


def test_visitors_get_a_link_that_brings_them_back(client, ana):
    idea = make.idea(by=ana)
    page = client.get(f"/ideas/{idea.id}", follow_redirects=True).text
    assert f"/sign-in?next=/ideas/{idea.id}" in page
    assert "csrf_token" not in page


def test_the_page_kept_for_visitors_is_dropped_after_a_vote(client, ana, ben, cleo):
    idea = make.idea(by=ana, status="planned")
    pages = (client.get(f"/ideas/{idea.id}").location, "/ideas", "/roadmap")

    def shown() -> set[bool]:
        kept = [client.get(page).text for page in pages]
        assert kept == [client.get(page).text for page in pages]
        return {f'<span class="vote-count">{idea.vote_count}</span>' in page for page in kept}

    assert shown() == {True}
    for act in (actions.vote, actions.withdraw_vote):
        with writing():
            act(ben, idea)
        assert shown() == {True}
    with writing():
        actions.change_status(cleo, idea, "in_progress")
    assert "In progress" in client.get(pages[0]).text


def test_a_kept_page_is_not_served_once_the_idea_is_hidden(client, ana, dev):
    idea = make.idea(by=ana)
    path = client.get(f"/ideas/{idea.id}").location
    assert client.get(path).status_code == 200
    with writing():
        hidden = make.category(IDEA, access=2)
        forum.move_thread(dev, db.session.get_one(Thread, idea.thread_id), hidden)
    assert client.get(path).status_code == 404
