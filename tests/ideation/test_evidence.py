"""Evidence: customers' own words, whose writers count as voters; and threads that become ideas."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock
from core.db import db, writing
from core.errors import Forbidden, Refused
from core.outbox import Event
from core.text import render
from forum import actions as forum
from forum import queries as forum_queries
from forum.models import IDEA, Post, Thread
from ideation import actions, queries
from ideation.models import Idea, IdeaEvidence, IdeaVote
from people.actions import outside_person
from tests import make

pytestmark = pytest.mark.usefixtures("context")


def vote_of(idea: Idea, person_id: int) -> IdeaVote | None:
    statement = sa.select(IdeaVote).where(IdeaVote.idea_id == idea.id, IdeaVote.person_id == person_id)
    return db.session.execute(statement).scalar_one_or_none()


def attach(dev, idea: Idea, **more) -> None:
    with writing():
        actions.add_evidence(dev, idea, **({"quote": "I want it too.", "origin_key": "mention:1"} | more))


def turn(actor, thread: Thread, **more) -> Idea:
    with writing():
        return actions.turn_into_idea(
            actor, thread, title="Export as a spreadsheet", body=render("Numbers stay numbers."), **more
        )


def test_whoever_said_it_becomes_a_voter_by_the_hand_of_staff(ana, dev):
    idea = make.idea(by=ana)
    with writing():
        poster = outside_person(dev, channel="forum", external_id="9", name="corner_bakery")
    attach(dev, idea, person_id=poster.id, origin_label="Forum", origin_url="https://shops.example/9")
    vote = vote_of(idea, poster.id)
    assert vote is not None and vote.cast_by_id == dev.id
    assert db.session.get_one(Idea, idea.id).vote_count == 2
    assert poster.id in forum_queries.followers(idea.thread_id)
    (row,) = queries.evidence(ana, idea.id)
    assert (row.quote, row.label, row.url) == ("I want it too.", "Forum", "https://shops.example/9")
    assert row.person is not None and row.person.name == "corner_bakery"


def test_the_same_words_are_attached_once(ana, ben, dev):
    idea = make.idea(by=ana)
    for _ in range(2):
        attach(dev, idea, person_id=ben.id)
    assert len(queries.evidence(ana, idea.id)) == 1
    facts = sa.select(sa.func.count()).where(Event.kind == "ideation.evidence_added")
    assert db.session.execute(facts).scalar_one() == 1


def test_evidence_on_a_settled_idea_is_kept_without_a_vote(ana, ben, dev):
    idea = make.idea(by=ana, status="declined")
    attach(dev, idea, person_id=ben.id)
    assert len(queries.evidence(ana, idea.id)) == 1
    assert vote_of(idea, ben.id) is None


def test_long_quotes_are_cut(ana, dev):
    idea = make.idea(by=ana)
    attach(dev, idea, quote="x" * 5_000)
    assert len(queries.evidence(ana, idea.id)[0].quote) == 2_000


def test_customers_attach_nothing(ana, ben):
    idea = make.idea(by=ana)
    with pytest.raises(Forbidden):
        attach(ben, idea, person_id=ana.id)


@pytest.mark.both
def test_the_same_words_attached_at_once_are_there_once(ana, ben, dev, at_once):
    idea_id = make.idea(by=ana).id

    def attach_it():
        found = queries.idea(dev, idea_id)
        actions.add_evidence(dev, found, quote="Me too.", origin_key="mention:5", person_id=ben.id)

    assert at_once(*[attach_it] * 4) == [None] * 4
    rows = sa.select(sa.func.count()).select_from(IdeaEvidence)
    assert db.session.execute(rows).scalar_one() == 1
    assert db.session.get_one(Idea, idea_id).vote_count == 2


# --- what evidence shows, and to whom ---


def test_quotes_of_posts_somebody_may_not_see_are_left_out(ana, ben, dev):
    idea = make.idea(by=ana)
    members = make.thread(by=ben, text="For members only.", room=make.category(access=1))
    staff = make.thread(by=dev, text="Between us.", room=make.category(access=2))
    with writing():
        for thread in (members, staff):
            actions.add_post_as_evidence(dev, idea, make.opening(thread))
    from core.viewer import Viewer

    def seen(viewer):
        return [row.quote for row in queries.evidence(viewer, idea.id)]

    assert seen(Viewer.visitor()) == []
    assert seen(ana) == ["For members only."]
    assert seen(dev) == ["For members only.", "Between us."]


def test_a_quote_of_a_post_is_as_old_as_the_post(ana, ben, dev):
    idea, thread = make.idea(by=ana), make.thread(by=ben, text="I want dark mode.")
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
        actions.add_evidence(dev, idea, quote="I want it too.", origin_key="mention:1")
        db.session.execute(sa.update(Post).values(created_at=clock.now() - timedelta(days=3)))
        db.session.execute(sa.update(IdeaEvidence).values(added_at=clock.now() - timedelta(days=1)))
    written, added = queries.evidence(ana, idea.id)
    assert (added.at - written.at).days == 2


def test_words_that_were_taken_out_of_a_post_are_gone_from_the_evidence_too(ana, ben, dev):
    idea = make.idea(by=ana)
    thread = make.thread(by=ben, text="My password is hunter2. I want dark mode.")
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
    with writing():
        forum.edit_post(ben, make.opening(thread), render("I want dark mode."))
    assert [row.quote for row in queries.evidence(ana, idea.id)] == ["I want dark mode."]


def test_evidence_of_a_deleted_thread_is_shown_to_nobody(ana, ben, dev):
    idea = make.idea(by=ana)
    thread = make.thread(by=ben)
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
        forum.delete_thread(dev, thread, "Spam.")
    assert queries.evidence(ana, idea.id) == queries.evidence(dev, idea.id) == []


# --- a thread becomes an idea ---


def test_the_author_of_the_thread_becomes_the_author_of_the_idea(ben, dev):
    make.category(IDEA)
    thread = make.thread("CSV loses zeros", by=ben, text="Customer *00417* arrives as 417.", tags=["csv"])
    idea = turn(dev, thread)
    stands_on = db.session.get_one(Thread, idea.thread_id)
    assert (stands_on.author_id, stands_on.kind, stands_on.tags) == (ben.id, IDEA, "csv")
    vote = vote_of(idea, ben.id)
    assert vote is not None and vote.cast_by_id == dev.id
    assert ben.id in forum_queries.followers(idea.thread_id)
    (row,) = queries.evidence(ben, idea.id)
    assert (row.quote, row.thread_id) == ("Customer 00417 arrives as 417.", thread.id)
    assert row.thread_title == "CSV loses zeros"


def test_the_channel_of_an_outside_thread_comes_along(dev):
    make.category(IDEA)
    with writing():
        poster = outside_person(dev, channel="forum", external_id="9", name="corner_bakery")
    url = "https://shops.example/9"
    thread = make.thread(by=dev, author_id=poster.id, origin_label="Forum", origin_url=url)
    idea = turn(dev, thread)
    stands_on = db.session.get_one(Thread, idea.thread_id)
    assert (stands_on.author_id, stands_on.origin_label) == (poster.id, "Forum")
    assert queries.evidence(dev, idea.id)[0].url == url


def test_a_thread_becomes_an_idea_only_once(ben, dev, cleo):
    make.category(IDEA)
    thread = make.thread(by=ben)
    turn(dev, thread)
    with pytest.raises(Refused, match="already"):
        turn(cleo, thread)


@pytest.mark.both
def test_of_two_who_turn_a_thread_at_once_one_makes_the_idea(ben, dev, cleo, at_once):
    make.category(IDEA)
    thread_id = make.thread(by=ben).id
    words = render("Numbers stay numbers.")

    def turn_as(actor, title):
        def call():
            thread = forum_queries.thread(actor, thread_id)
            return actions.turn_into_idea(actor, thread, title=title, body=words).id

        return call

    outcomes = at_once(turn_as(dev, "Spreadsheet export"), turn_as(cleo, "Export as a spreadsheet"))
    assert sorted(isinstance(o, Refused) for o in outcomes) == [False, True]
    assert db.session.execute(sa.select(sa.func.count()).select_from(Idea)).scalar_one() == 1


def test_customers_turn_nothing(ana, ben):
    make.category(IDEA)
    with pytest.raises(Forbidden):
        turn(ana, make.thread(by=ben))


def test_ideas_and_deleted_threads_are_not_turned(ana, ben, dev):
    idea = make.idea(by=ana)
    with pytest.raises(Forbidden):
        turn(dev, db.session.get_one(Thread, idea.thread_id))
    thread = make.thread(by=ben)
    with writing():
        forum.delete_thread(dev, thread, "Spam.")
    with pytest.raises(Forbidden):
        turn(dev, thread)


# --- by page ---


def test_staff_find_the_way_from_a_thread_to_an_idea_and_back(ben, dev, ana):
    make.category(IDEA)
    thread = make.thread("CSV loses zeros", by=ben, text="Customer 00417 arrives as 417.")
    path = f"/t/{thread.id}/{thread.slug}"
    desk = make.client_of(dev)
    assert f"/t/{thread.id}/idea" in desk.get(path).text
    assert f"/t/{thread.id}/idea" not in make.client_of(ana).get(path).text
    form = desk.get(f"/t/{thread.id}/idea").text
    assert 'value="CSV loses zeros"' in form and "Customer 00417 arrives as 417." in form
    answer = make.post(desk, f"/t/{thread.id}/idea", title="Keep the zeros", body="Numbers stay as typed.")
    assert answer.status_code == 303
    shown = make.client_of(ana).get(path).text
    assert "This led to the idea" in shown and "Keep the zeros" in shown


def test_a_thread_does_not_tell_of_ideas_its_reader_may_not_see(ana, ben, dev, client):
    thread = make.thread(by=ben)
    idea = make.idea("Plans between us", by=dev, room=make.category(IDEA, access=2))
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
    path = f"/t/{thread.id}/{thread.slug}"
    for reader in (client, make.client_of(ana), make.client_of(ben)):
        page = reader.get(path).text
        assert "Plans between us" not in page and "This led to" not in page
    assert "Plans between us" in make.client_of(dev).get(path).text


def test_the_turn_page_offers_ideas_to_join_by_other_words(ana, ben, dev):
    idea = make.idea("Keep leading zeros", by=ana)
    thread = make.thread("CSV breaks customer numbers", by=ben)
    index()
    desk = make.client_of(dev)
    found = desk.get(f"/t/{thread.id}/idea?q=zeros").text
    assert "Keep leading zeros" in found and "Add as evidence" in found
    answer = make.post(desk, f"/t/{thread.id}/evidence", idea_id=str(idea.id))
    assert (answer.status_code, answer.location) == (303, f"/ideas/{idea.id}")
    assert vote_of(idea, ben.id) is not None


def index() -> None:
    """Let the worker do what it has to, as it would in a moment."""
    from core import worker

    worker.drain()
    db.session.rollback()


def test_turning_twice_by_page_is_refused_where_it_was_written(ben, dev):
    make.category(IDEA)
    thread = make.thread(by=ben)
    turn(dev, thread)
    words = {"title": "Something else entirely", "body": "My words, long enough."}
    answer = make.post(make.client_of(dev), f"/t/{thread.id}/idea", **words)
    assert answer.status_code == 422
    assert "already" in answer.text and "My words, long enough." in answer.text


def test_the_turn_page_warns_when_the_idea_would_be_more_public_than_the_thread(ben, dev):
    make.category(IDEA)
    private = make.thread(by=ben, room=make.category(access=1))
    public = make.thread(by=ben, room=make.category())
    desk = make.client_of(dev)
    assert "members only" in desk.get(f"/t/{private.id}/idea").text
    assert "members only" not in desk.get(f"/t/{public.id}/idea").text


def test_customers_are_turned_away_from_turning(ana, ben):
    idea = make.idea(by=ana)
    thread = make.thread(by=ben)
    client = make.client_of(ana)
    fields = {"title": "Export as a sheet", "body": "Long enough words.", "idea_id": str(idea.id)}
    for path in (f"/t/{thread.id}/idea", f"/t/{thread.id}/evidence"):
        assert make.post(client, path, **fields).status_code == 403
    assert client.get(f"/t/{thread.id}/idea").status_code == 403
