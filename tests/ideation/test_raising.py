"""Raising an idea: a thread, an idea, its author's vote and follow, all or nothing."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from core.errors import Forbidden, Refused
from core.outbox import Event
from core.text import render
from core.viewer import Viewer
from forum import queries as forum
from forum.models import IDEA, Draft, Follow, Thread
from ideation import actions, queries
from ideation.models import OPEN, Idea, IdeaVote
from people.models import OUTSIDE
from tests import make

pytestmark = pytest.mark.usefixtures("context")
WORDS = {"title": "Dark mode for the till", "body": "White at night is blinding."}


def raised(actor: Viewer, **more) -> Idea:
    with writing():
        return actions.raise_idea(actor, title=WORDS["title"], body=render(WORDS["body"]), **more)


def number(table) -> int:
    return db.session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_an_idea_begins_with_its_authors_vote_and_follow(ana):
    room = make.category(IDEA)
    idea = raised(ana)
    thread = db.session.get_one(Thread, idea.thread_id)
    assert (thread.kind, thread.category_id, thread.author_id) == (IDEA, room.id, ana.id)
    assert (idea.status, idea.vote_count) == (OPEN, 1)
    vote = db.session.execute(sa.select(IdeaVote)).scalar_one()
    assert (vote.person_id, vote.cast_by_id) == (ana.id, ana.id)
    assert forum.followers(thread.id) == [ana.id]
    kinds = list(db.session.execute(sa.select(Event.kind).order_by(Event.id)).scalars())
    assert {"forum.thread_started", "ideation.idea_raised", "ideation.idea_voted"} <= set(kinds)


def test_nothing_stays_of_an_idea_whose_transaction_failed(ana):
    make.category(IDEA)
    with pytest.raises(RuntimeError), writing():
        actions.raise_idea(ana, title=WORDS["title"], body=render(WORDS["body"]))
        raise RuntimeError
    assert [number(t) for t in (Idea, IdeaVote, Follow, Thread)] == [0, 0, 0, 0]


def test_an_idea_sent_twice_within_a_minute_is_one(ana):
    make.category(IDEA)
    first, second = raised(ana), raised(ana)
    assert first.id == second.id
    assert (number(Idea), number(IdeaVote), number(Thread)) == (1, 1, 1)


def test_a_question_of_the_same_title_does_not_stand_in_the_way(ana):
    only_room = make.category()
    make.thread(WORDS["title"], by=ana, room=only_room)
    idea = raised(ana)
    assert db.session.get_one(Thread, idea.thread_id).kind == IDEA


def test_staff_write_down_a_wish_in_the_name_of_whoever_had_it(ana, dev):
    make.category(IDEA)
    idea = raised(dev, author_id=ana.id)
    assert db.session.get_one(Thread, idea.thread_id).author_id == ana.id
    vote = db.session.execute(sa.select(IdeaVote)).scalar_one()
    assert (vote.person_id, vote.cast_by_id) == (ana.id, dev.id)


def test_customers_may_not_wish_in_anybody_elses_name(ana, ben):
    make.category(IDEA)
    with pytest.raises(Forbidden):
        raised(ana, author_id=ben.id)


def test_ideas_go_only_where_ideas_are_kept(ana):
    make.category(IDEA)
    questions = make.category()
    with pytest.raises(Refused) as refused:
        raised(ana, category_id=questions.id)
    assert "category_id" in refused.value.fields


def test_ideas_cannot_be_put_where_their_author_may_not_look(ana, dev):
    make.category(IDEA)
    hidden = make.category(IDEA, access=2)
    with pytest.raises(Refused):
        raised(ana, category_id=hidden.id)
    assert raised(dev, category_id=hidden.id).id
    assert [room.id for room in queries.idea_rooms(ana)] != [room.id for room in queries.idea_rooms(dev)]


def test_a_private_room_for_ideas_is_never_the_default_of_customers(ana):
    make.category(IDEA, access=2)
    public = make.category(IDEA)
    assert db.session.get_one(Thread, raised(ana).thread_id).category_id == public.id


def test_without_a_room_for_ideas_the_first_public_one_takes_them(ana):
    make.category(access=2)
    public = make.category()
    assert db.session.get_one(Thread, raised(ana).thread_id).category_id == public.id


def test_without_any_room_the_refusal_says_what_to_do(ana):
    with pytest.raises(Refused, match="category"):
        raised(ana)


# --- by form ---


def test_the_form_raises_an_idea_with_its_tags_and_drops_the_draft(ana):
    make.category(IDEA)
    with writing():
        from forum import actions as forum_actions

        forum_actions.save_draft(ana, "idea", WORDS)
    client = make.client_of(ana)
    shown = client.get("/ideas/new").text
    assert WORDS["title"] in shown and WORDS["body"] in shown
    answer = make.post(client, "/ideas", **WORDS, tags="till Night", step="raise")
    assert answer.status_code == 303
    thread = db.session.execute(sa.select(Thread)).scalar_one()
    assert (thread.title, thread.tags) == (WORDS["title"], "night till")
    assert number(Draft) == 0
    assert client.get(answer.location, follow_redirects=True).status_code == 200


def test_a_refused_form_keeps_what_was_typed(ana):
    make.category(IDEA)
    answer = make.post(make.client_of(ana), "/ideas", title="Short", body=WORDS["body"], tags="one!")
    assert answer.status_code == 422
    assert 'value="Short"' in answer.text and WORDS["body"] in answer.text and 'value="one!"' in answer.text
    assert number(Idea) == 0


def test_looking_first_shows_a_preview_and_raises_nothing(ana):
    make.category(IDEA)
    answer = make.post(make.client_of(ana), "/ideas", **(WORDS | {"body": "*Very* dark."}), step="look")
    assert answer.status_code == 200
    assert "<em>Very</em>" in answer.text
    assert number(Idea) == 0


def test_fields_that_the_form_does_not_have_change_nothing(ana, ben):
    make.category(IDEA)
    extra = {"status": "shipped", "vote_count": "99", "votes": "99", "author_id": str(ben.id)}
    extra |= {"thread_id": "1", "kind": "release", "access": "2", "created_at": "2001-01-01", "pinned": "1"}
    assert make.post(make.client_of(ana), "/ideas", **WORDS, **extra).status_code == 303
    idea = db.session.execute(sa.select(Idea)).scalar_one()
    thread = db.session.get_one(Thread, idea.thread_id)
    assert (idea.status, idea.vote_count, thread.author_id, thread.kind) == (OPEN, 1, ana.id, IDEA)
    assert (thread.access, thread.pinned_at) == (0, None)


def test_a_field_sent_twice_is_refused(ana):
    make.category(IDEA)
    answer = make.post(
        make.client_of(ana), "/ideas", title=["First title here", "Second title"], body="x" * 20
    )
    assert answer.status_code == 422 and number(Idea) == 0


def test_the_choice_of_rooms_appears_only_where_there_is_one(ana, dev):
    make.category(IDEA, name="Wishes")
    assert 'name="category_id"' not in make.client_of(ana).get("/ideas/new").text
    make.category(IDEA, access=2, name="Our own wishes")
    make.category(name="Help")
    assert "Our own wishes" not in make.client_of(ana).get("/ideas/new").text
    shown = make.client_of(dev).get("/ideas/new").text
    assert "Wishes" in shown and "Our own wishes" in shown
    assert 'value="Help"' not in shown and ">Help<" not in shown


def test_visitors_are_asked_to_sign_in(client):
    assert "/sign-in" in client.get("/ideas/new").location
    assert make.post(client, "/ideas", **WORDS).status_code == 302


def test_outside_people_can_be_authors(dev):
    make.category(IDEA)
    with writing():
        from people import actions as people

        poster = people.outside_person(dev, channel="forum", external_id="77", name="corner_bakery")
    idea = raised(dev, author_id=poster.id, origin_label="Forum", origin_url="https://shops.example/77")
    thread = db.session.get_one(Thread, idea.thread_id)
    assert (poster.kind, thread.author_id, thread.origin_label) == (OUTSIDE, poster.id, "Forum")
