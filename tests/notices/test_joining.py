"""Somebody from outside turns out to be a member: what was theirs is the member's, and news reaches them once."""

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core import worker
from core.db import db, writing
from core.errors import Forbidden, Refused
from core.viewer import Viewer
from forum import actions as forum
from forum import queries as forum_queries
from forum.models import Follow, Post, Thread
from ideation import queries as ideas
from ideation.models import Idea, IdeaVote
from ideation.releases import queries as releases
from listening import actions as listening
from listening import queries as mentions
from listening.models import DELIVERED, DISCARDED, DRAFT, Mention, OutsideReply
from people import actions as people
from people import queries as persons
from people.models import REMOVED, Person
from people.portability import sections_of
from reputation.models import LedgerEntry
from tests import make
from tests.notices.conftest import SYSTEM, Town, told


@pytest.fixture
def asked_outside(town: Town) -> tuple[Mention, Thread]:
    """A post from outside that Dev made a question of."""
    mention = make.mention("Can I export my list?", title="Exporting my list")
    with writing():
        thread = listening.make_thread(town.dev, mention, category_id=town.questions.id)
    return mention, thread


@pytest.fixture
def wish(town: Town) -> Idea:
    """An idea of somebody outside, with their post as evidence."""
    with writing():
        return listening.raise_idea(town.dev, make.mention("I wish for export"), title="Export as a sheet")


def outsider(name: str = "Ines Outside") -> Person:
    return db.session.execute(sa.select(Person).where(Person.name == name)).scalar_one()


def join(who: Viewer, by: Viewer, proof: str = "Wrote so from both accounts.") -> Person:
    """Say that the person from outside is this member; returns what is left of them."""
    former = outsider()
    with writing():
        (identity,) = persons.identities_of(former.id)
        people.link_identity(by, identity, persons.person(who.id or 0), proof)
    db.session.expire_all()
    return db.session.get_one(Person, former.id)


def replies(state: str) -> list[OutsideReply]:
    worker.drain()
    statement = sa.select(OutsideReply).where(OutsideReply.state == state)
    return list(db.session.execute(statement).scalars())


@pytest.mark.slow
@pytest.mark.both
def test_a_release_tells_them_once_and_drafts_nothing_for_outside(town, wish):
    town.wants(town.ana, wish)
    join(town.ana, town.dev)
    town.publish(wish)
    (notice,) = told(town.ana, "release")
    assert notice.values["why"] == "author"
    assert replies(DRAFT) == []
    assert releases.asker_count([wish.id]) == 1


@pytest.mark.both
def test_threads_posts_follows_and_ideas_are_the_members(town, asked_outside, wish):
    _mention, thread = asked_outside
    versions = {thread.id: thread.version, wish.thread_id: town.thread_of(wish).version}
    join(town.ana, town.dev)
    for thread_id, version in versions.items():
        found = db.session.get_one(Thread, thread_id)
        assert (found.author_id, found.last_post_by_id) == (town.ana.id, town.ana.id)
        assert found.version > version
    assert set(db.session.execute(sa.select(Post.author_id)).scalars()) == {town.ana.id}
    assert town.ana.id in forum_queries.followers(wish.thread_id)
    (evidence,) = ideas.evidence(town.dev, wish.id)
    assert evidence.person.id == town.ana.id


@pytest.mark.both
def test_nothing_but_an_empty_row_is_left_of_them(town, asked_outside, wish):
    former = join(town.ana, town.dev)
    assert (former.kind, former.merged_into_id, former.points) == (REMOVED, town.ana.id, 0)
    here = (Post.author_id, Thread.author_id, Follow.person_id, IdeaVote.person_id)
    for column in (*here, Mention.person_id, OutsideReply.person_id, LedgerEntry.person_id):
        assert former.id not in set(db.session.execute(sa.select(column)).scalars())


@pytest.mark.both
def test_two_votes_of_one_person_are_one_and_a_single_one_stays(town, wish):
    with writing():
        other = listening.raise_idea(town.dev, make.mention("And import"), title="Import from a sheet")
    town.wants(town.ana, wish)
    assert db.session.get_one(Idea, wish.id).vote_count == 2
    join(town.ana, town.dev)
    assert db.session.get_one(Idea, wish.id).vote_count == 1
    assert db.session.get_one(Idea, other.id).vote_count == 1
    voters = db.session.execute(sa.select(IdeaVote.person_id).order_by(IdeaVote.idea_id)).scalars()
    assert list(voters) == [town.ana.id, town.ana.id]


def test_a_muted_idea_stays_muted(town, wish):
    with writing():
        forum.mute(town.ana, town.thread_of(wish))
    join(town.ana, town.dev)
    assert town.ana.id not in forum_queries.followers(wish.thread_id)


@pytest.mark.slow
@pytest.mark.both
def test_news_that_waits_for_outside_is_told_here_instead(town, wish):
    town.publish(wish)
    assert len(replies(DRAFT)) == 1
    join(town.ana, town.dev)
    (notice,) = told(town.ana, "release")
    assert (notice.values["why"], notice.values["idea_id"]) == ("author", wish.id)
    assert (replies(DRAFT), len(replies(DISCARDED))) == ([], 1)


@pytest.mark.slow
def test_news_of_a_late_idea_that_waits_for_outside_is_told_here_instead(town, wish):
    release = town.publish(town.idea(town.ben))
    with writing():
        from ideation.releases import actions

        actions.ship_in(town.cleo, release, wish)
    assert len(replies(DRAFT)) == 1
    join(town.ana, town.dev)
    (notice,) = told(town.ana, "release")
    assert notice.key == f"release:{release.id}:idea:{wish.id}"


@pytest.mark.slow
def test_whoever_heard_it_here_already_is_not_told_again(town, wish):
    town.wants(town.ana, wish)
    town.publish(wish)
    assert (len(told(town.ana, "release")), len(replies(DRAFT))) == (1, 1)
    join(town.ana, town.dev)
    assert (len(told(town.ana, "release")), replies(DRAFT)) == (1, [])


@pytest.mark.slow
def test_what_went_out_stays_and_is_not_told_again(town, wish):
    town.publish(wish)
    (draft,) = replies(DRAFT)
    with writing():
        listening.approve_reply(town.dev, draft)
        listening.confirm_posted(town.dev, draft, "https://social.example/posts/99")
    join(town.ana, town.dev)
    assert told(town.ana, "release") == []
    assert len(replies(DELIVERED)) == 1


def test_an_answer_to_a_members_question_from_outside_is_not_drafted(town, asked_outside):
    _mention, thread = asked_outside
    join(town.ana, town.dev)
    answer = town.reply(town.ben, thread, "Under File, Export.")
    with writing():
        forum.accept_answer(town.dev, thread, answer)
    assert replies(DRAFT) == []
    assert {notice.kind for notice in told(town.ana)} == {"answer", "accepted"}


def test_a_wish_not_to_be_contacted_goes_along(town, asked_outside):
    mention, _thread = asked_outside
    with writing():
        listening.refuse_contact_of(town.dev, mention)
    join(town.ana, town.dev)
    assert mentions.contact_refusal(town.ana.id) is not None


def test_points_go_along(town, wish):
    town.wants(town.ben, wish)
    worker.drain()
    points = outsider().points
    assert points > 0
    join(town.ana, town.dev)
    assert persons.person(town.ana.id).points == points


def test_posts_are_found_under_the_member(town, asked_outside):
    worker.drain()
    join(town.ana, town.dev)
    worker.drain()
    found = forum_queries.search(town.dev, f"by:{town.ana.handle} export", 1)
    assert [row.thread.id for row in found.found] == [asked_outside[1].id]


def test_what_comes_later_is_the_members(town, asked_outside):
    join(town.ana, town.dev)
    with writing():
        thread = listening.make_thread(
            town.dev, make.mention("Another question"), category_id=town.questions.id
        )
    assert thread.author_id == town.ana.id


def test_a_kept_page_names_the_member_at_once(context, town, asked_outside):
    _mention, thread = asked_outside
    visitor: FlaskClient = context.test_client()
    path = f"/t/{thread.id}/{thread.slug}"
    assert "Ines Outside" in visitor.get(path).text
    handle = outsider().handle
    join(town.ana, town.dev)
    assert f"/people/{town.ana.handle}" in visitor.get(path).text
    led_on = visitor.get(f"/people/{handle}")
    assert led_on.headers["Location"] == f"/people/{town.ana.handle}"


def test_a_removed_account_takes_the_old_name_along(context, town, asked_outside):
    former = join(town.ana, town.dev)
    old = former.handle
    with writing():
        people.remove_account(SYSTEM, persons.person(town.ana.id))
    assert context.test_client().get(f"/people/{old}").status_code == 404
    db.session.expire_all()
    assert db.session.get_one(Person, former.id).handle == f"removed-{former.id}"


def test_the_proof_stands_in_the_members_export(town, asked_outside):
    join(town.ana, town.dev, "Showed the same code in both places.")
    (row,) = sections_of(town.ana.id)["people.identities"]
    assert row["proof"] == "Showed the same code in both places."


# --- who may say so ---


def test_customers_and_product_managers_may_not_say_who_somebody_is(town, asked_outside):
    for actor in (town.ana, town.cleo):
        with pytest.raises(Forbidden):
            join(town.ana, actor)


def test_an_identity_linked_to_another_member_moves_alone(town, asked_outside):
    join(town.ana, town.dev)
    with writing():
        (identity,) = persons.identities_of(town.ana.id)
        people.link_identity(town.dev, identity, persons.person(town.ben.id))
    assert db.session.get_one(Thread, asked_outside[1].id).author_id == town.ana.id
    assert persons.person(town.ana.id).merged_into_id is None


def test_only_members_can_be_joined(town, asked_outside):
    with pytest.raises(Refused), writing():
        (identity,) = persons.identities_of(outsider().id)
        people.link_identity(town.dev, identity, outsider())


def test_dev_joins_them_on_their_page(town, asked_outside):
    client, handle = make.client_of(town.dev), outsider().handle
    assert f"/people/{handle}/linking" in client.get(f"/people/{handle}").text
    assert "Which member is" in client.get(f"/people/{handle}/linking").text
    wrong = make.post(client, f"/people/{handle}/linking", member="nobody-here", proof="Saw it.")
    assert (wrong.status_code, "There is no member of this handle." in wrong.text) == (422, True)
    right = make.post(client, f"/people/{handle}/linking", member=f"@{town.ana.handle}", proof="Saw it.")
    assert (right.status_code, right.headers["Location"]) == (303, f"/people/{town.ana.handle}")
    assert db.session.get_one(Thread, asked_outside[1].id).author_id == town.ana.id


def test_others_are_not_offered_it(town, asked_outside):
    handle = outsider().handle
    for who in (town.ana, town.cleo):
        client = make.client_of(who)
        assert "/linking" not in client.get(f"/people/{handle}").text
        assert client.get(f"/people/{handle}/linking").status_code == 403
        assert make.post(client, f"/people/{handle}/linking", member="ana", proof="x y z").status_code == 403


def test_members_are_not_merged_by_this_form(town):
    client = make.client_of(town.dev)
    assert client.get(f"/people/{town.ana.handle}/linking").status_code == 403
    body = {"member": town.ben.handle, "proof": "Saw it."}
    assert make.post(client, f"/people/{town.ana.handle}/linking", **body).status_code == 403
