"""Releases: drafts of those who make them, published once; publishing alone makes an idea shipped."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.outbox import Event
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import RELEASE, Draft, PostRevision, Thread
from ideation import actions as ideation
from ideation import queries as ideas
from ideation.models import Idea
from ideation.releases import actions, queries
from ideation.releases.models import Release, Shipping
from tests import make

pytestmark = pytest.mark.usefixtures("context")


def facts(kind: str) -> list[dict]:
    statement = sa.select(Event.payload).where(Event.kind == kind).order_by(Event.id)
    return list(db.session.execute(statement).scalars())


def status_of(idea: Idea) -> str:
    db.session.expire_all()
    return db.session.get_one(Idea, idea.id).status


def publish(actor: Viewer, release: Release) -> None:
    with writing():
        actions.publish(actor, release)


# --- drafts ---


def test_an_idea_in_a_draft_is_not_shipped_yet(ana, cleo):
    idea = make.idea(by=ana, status="planned")
    release = make.release("Summer", ideas=[idea])
    assert status_of(idea) == "planned"
    assert facts("releases.published") == []
    assert [i.id for i in queries.ideas_in(release.id)] == [idea.id]
    assert ideas.history(idea.id)[-1].status == "planned"


@pytest.mark.slow
def test_only_makers_see_a_draft(ana, dev, cleo, client):
    idea = make.idea(by=ana)
    release = make.release("Secret plans", ideas=[idea])
    for viewer in (Viewer.visitor(), ana, dev):
        with pytest.raises(NotFound):
            queries.release(viewer, release.id)
        assert queries.release_of_idea(viewer, idea.id) is None
    for reader in (client, make.client_of(ana), make.client_of(dev)):
        assert reader.get(f"/releases/{release.id}").status_code == 404
        for path in ("/releases", f"/ideas/{idea.id}", "/roadmap", "/"):
            assert "Secret plans" not in reader.get(path, follow_redirects=True).text
    maker = make.client_of(cleo)
    for path in ("/releases", f"/releases/{release.id}", f"/ideas/{idea.id}"):
        assert "Secret plans" in maker.get(path, follow_redirects=True).text


def test_an_idea_ships_in_one_release_only(ana, cleo):
    idea = make.idea(by=ana)
    first, second = make.release(ideas=[idea]), make.release()
    with writing():
        actions.ship_in(cleo, first, idea)  # where it stands already: nothing to do
    with pytest.raises(Conflict), writing():
        actions.ship_in(cleo, second, idea)


@pytest.mark.both
def test_of_two_releases_that_take_an_idea_at_once_one_has_it(ana, cleo, at_once):
    idea_id = make.idea(by=ana).id
    release_ids = [make.release().id for _ in range(3)]

    def put_into(release_id):
        return lambda: actions.ship_in(cleo, queries.release(cleo, release_id), ideas.idea(cleo, idea_id))

    outcomes = at_once(*(put_into(i) for i in release_ids))
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2
    assert len(db.session.execute(sa.select(Shipping)).all()) == 1


def test_declined_and_merged_ideas_do_not_ship(ana, cleo):
    declined, merged, release = make.idea(by=ana, status="declined"), make.idea(by=ana), make.release()
    with writing():
        db.session.get_one(Idea, merged.id).merged_into_id = declined.id
    for idea in (declined, merged):
        with pytest.raises(Refused), writing():
            actions.ship_in(cleo, release, idea)


def test_taking_out_is_possible_until_it_is_published(ana, cleo):
    idea = make.idea(by=ana)
    release = make.release(ideas=[idea])
    with writing():
        actions.take_out(cleo, release, idea)
    assert queries.ideas_in(release.id) == []
    with writing():
        actions.ship_in(cleo, release, idea)
    publish(cleo, release)
    with pytest.raises(Refused), writing():
        actions.take_out(cleo, release, idea)
    assert status_of(idea) == "shipped"


# --- publishing ---


def test_publishing_ships_its_ideas_and_opens_a_discussion(ana, ben, cleo):
    first, second = make.idea(by=ana), make.idea(by=ben, status="in_progress")
    release = make.release("Summer", version="4.2", notes="It is **hot**.", ideas=[first, second])
    publish(cleo, release)
    assert (status_of(first), status_of(second)) == ("shipped", "shipped")
    thread = db.session.get_one(Thread, release.thread_id)
    assert (thread.kind, thread.title, thread.author_id) == (RELEASE, "Summer 4.2", cleo.id)
    assert make.opening(thread).html == release.notes_html
    assert facts("releases.published") == [
        {"release_id": release.id, "thread_id": thread.id, "idea_ids": [first.id, second.id]}
    ]
    assert release.published_by_id == cleo.id and release.published_at is not None


def test_publishing_twice_is_a_conflict(ana, cleo):
    release = make.release(ideas=[make.idea(by=ana)], published=True)
    with pytest.raises(Conflict):
        publish(cleo, release)
    assert len(facts("releases.published")) == 1


@pytest.mark.both
def test_of_many_who_publish_at_once_one_does(ana, cleo, at_once):
    make.category(RELEASE)
    release_id = make.release(ideas=[make.idea(by=ana)]).id
    outcomes = at_once(*[lambda: actions.publish(cleo, queries.release(cleo, release_id))] * 4)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
    assert len(facts("releases.published")) == 1
    assert db.session.execute(sa.select(sa.func.count()).where(Thread.kind == RELEASE)).scalar_one() == 1


@pytest.mark.both
def test_an_idea_put_in_while_it_is_published_is_shipped_in_any_case(ana, cleo, at_once):
    make.category(RELEASE)
    early, late = make.idea(by=ana), make.idea(by=ana)
    early_id, late_id, release_id = early.id, late.id, make.release(ideas=[early]).id

    def put_in():
        actions.ship_in(cleo, queries.release(cleo, release_id), ideas.idea(cleo, late_id))

    at_once(lambda: actions.publish(cleo, queries.release(cleo, release_id)), put_in)
    assert {db.session.get_one(Idea, i).status for i in (early_id, late_id)} == {"shipped"}
    told = facts("releases.published")[0]["idea_ids"]
    told += [fact["idea_id"] for fact in facts("releases.idea_added_late")]
    assert sorted(told) == [early_id, late_id]  # each of them is told of once


def test_a_late_idea_ships_at_once_and_is_told_by_itself(ana, ben, cleo):
    release = make.release(ideas=[make.idea(by=ana)], published=True)
    late = make.idea(by=ben)
    with writing():
        actions.ship_in(cleo, release, late)
    assert status_of(late) == "shipped"
    assert facts("releases.idea_added_late") == [
        {"release_id": release.id, "thread_id": release.thread_id, "idea_id": late.id}
    ]
    assert len(facts("releases.published")) == 1


def test_an_idea_that_was_declined_meanwhile_stops_the_release(ana, cleo):
    idea = make.idea("Blockchain invoices", by=ana)
    release = make.release(ideas=[idea])
    with writing():
        ideation.change_status(cleo, idea, "declined", "No.")
    with pytest.raises(Refused, match="Blockchain invoices"):
        publish(cleo, release)
    db.session.expire_all()
    assert status_of(idea) == "declined"
    assert db.session.get_one(Release, release.id).published_at is None


def test_a_release_must_say_something(cleo):
    with pytest.raises(Refused):
        publish(cleo, make.release(notes=""))


def test_two_releases_of_the_same_name_within_a_minute_do_not_share_a_discussion(cleo):
    make.release("Summer", by=cleo, published=True)
    with pytest.raises(Refused, match="another title"):
        make.release("Summer", by=cleo, published=True)


def test_an_archived_or_private_room_is_not_where_releases_go_by_default(cleo):
    old, private = make.category(RELEASE), make.category(RELEASE, access=2)
    with writing():
        forum.archive_category(make.actor("Olu", "owner"), old)
    public = make.category(RELEASE)
    release = make.release(published=True)
    assert db.session.get_one(Thread, release.thread_id).category_id == public.id
    assert old.id < private.id < public.id


# --- who may, and editing ---


def test_only_product_managers_and_the_owner_make_releases(ana):
    idea, draft = make.idea(by=ana), make.release()
    attempts = [
        lambda actor: actions.draft_release(actor, title="Mine"),
        lambda actor: actions.edit_release(actor, draft, title="Mine", version="", notes=render("")),
        lambda actor: actions.ship_in(actor, draft, idea),
        lambda actor: actions.take_out(actor, draft, idea),
        lambda actor: actions.publish(actor, draft),
    ]
    for role in ("customer", "agent", "moderator", "supervisor"):
        actor = make.actor("Sam", role)
        for attempt in attempts:
            with pytest.raises(Forbidden), writing():
                attempt(actor)
    with writing():
        assert actions.draft_release(make.actor("Olu", "owner"), title="Ours").id


def test_an_edit_after_publication_reaches_the_discussion_too(ana, cleo, client):
    release = make.release(
        "Summer", version="1", notes="Old words.", ideas=[make.idea(by=ana)], published=True
    )
    client.get(f"/releases/{release.id}/summer")
    other = make.actor("Carl", "product_manager")
    with writing():
        actions.edit_release(other, release, title="Autumn", version="2", notes=render("New words."))
    thread = db.session.get_one(Thread, release.thread_id)
    opening = make.opening(thread)
    assert (thread.title, opening.source) == ("Autumn 2", "New words.")
    assert db.session.execute(sa.select(PostRevision.source)).scalar_one() == "Old words."
    page = client.get(f"/releases/{release.id}", follow_redirects=True).text
    assert "New words." in page and "Old words." not in page


def test_an_edit_of_a_draft_makes_no_thread(cleo):
    release = make.release()
    with writing():
        actions.edit_release(cleo, release, title="Later", version="", notes=render("Soon."))
    assert (release.title, release.slug, release.thread_id) == ("Later", "later", None)


# --- by page ---


def test_the_whole_way_by_page(ana, cleo, client):
    idea = make.idea("Real spreadsheets", by=ana)
    make.category(RELEASE)
    desk = make.client_of(cleo)
    with writing():
        forum.save_draft(cleo, "release", {"title": "Half written"})
    assert "Half written" in desk.get("/releases/new").text
    made = make.post(desk, "/releases", title="Spreadsheets", version="4.2", body="They are **real**.")
    assert made.status_code == 303
    assert db.session.execute(sa.select(Draft)).first() is None
    release = db.session.execute(sa.select(Release)).scalar_one()
    assert make.post(desk, f"/releases/{release.id}/ideas", idea_id=str(idea.id)).status_code == 303
    draft = desk.get(made.location).text
    assert "Real spreadsheets" in draft and "1 person will be told" in draft
    answer = make.post(desk, f"/releases/{release.id}/publication")
    assert answer.status_code == 303
    page = client.get(answer.location)
    assert page.status_code == 200
    assert "You asked, we shipped" in page.text and "Real spreadsheets" in page.text
    assert page.text.count("<strong>real</strong>") == 1  # the notes are shown once
    assert make.post(desk, f"/releases/{release.id}/publication").status_code == 409
    assert "Spreadsheets" in client.get("/releases").text


def test_an_idea_ships_from_its_own_page_into_a_new_release(ana, cleo):
    idea = make.idea(by=ana)
    desk = make.client_of(cleo)
    short = make.post(desk, f"/ideas/{idea.id}/shipping", title="X")
    assert short.status_code == 422 and 'value="X"' in short.text
    answer = make.post(desk, f"/ideas/{idea.id}/shipping", title="Summer")
    release = db.session.execute(sa.select(Release)).scalar_one()
    assert answer.location == f"/releases/{release.id}/summer"
    assert [i.id for i in queries.ideas_in(release.id)] == [idea.id]


def test_an_idea_ships_from_its_own_page_into_a_draft(ana, cleo):
    idea, release = make.idea(by=ana), make.release()
    answer = make.post(
        make.client_of(cleo), f"/ideas/{idea.id}/shipping", release_id=str(release.id), title=""
    )
    assert answer.status_code == 303
    assert [i.id for i in queries.ideas_in(release.id)] == [idea.id]


def test_a_refused_release_keeps_its_words(cleo):
    desk = make.client_of(cleo)
    fields = {"title": "X", "version": "9.9", "body": "All of my words."}
    release = make.release()
    for path in ("/releases", f"/releases/{release.id}"):
        answer = make.post(desk, path, **fields)
        assert answer.status_code == 422
        assert 'value="9.9"' in answer.text and "All of my words." in answer.text


def test_what_stops_a_release_is_said_on_its_page(cleo):
    release = make.release(notes="")
    answer = make.post(make.client_of(cleo), f"/releases/{release.id}/publication")
    assert answer.status_code == 422 and "Say what is new" in answer.text


def test_no_idea_chosen_is_said_on_the_page(cleo):
    release = make.release()
    for sent in ({}, {"idea_id": "many"}, {"idea_id": "9" * 30}):
        assert make.post(make.client_of(cleo), f"/releases/{release.id}/ideas", **sent).status_code == 422


def test_fields_that_the_form_does_not_have_publish_nothing(cleo):
    extra = {"published_at": "2026-01-01", "thread_id": "1", "created_by_id": "1", "slug": "mine"}
    assert make.post(make.client_of(cleo), "/releases", title="Summer", **extra).status_code == 303
    release = db.session.execute(sa.select(Release)).scalar_one()
    assert (release.published_at, release.thread_id, release.created_by_id) == (None, None, cleo.id)
    assert release.slug == "summer"


def test_customers_and_agents_are_turned_away(ana, dev):
    idea, release = make.idea(by=ana), make.release()
    fields = {"title": "Mine now", "body": "Mine.", "idea_id": str(idea.id)}
    paths = [
        "/releases",
        "/releases/{0}",
        "/releases/{0}/ideas",
        "/releases/{0}/ideas/{1}/removal",
        "/releases/{0}/publication",
        "/ideas/{1}/shipping",
    ]
    for actor in (ana, dev):
        client = make.client_of(actor)
        for path in paths:
            assert make.post(client, path.format(release.id, idea.id), **fields).status_code == 403, path
        for form in ("/releases/new", f"/releases/{release.id}/edit"):
            assert client.get(form).status_code == 403


def test_a_release_whose_discussion_was_deleted_is_gone(ana, dev, client):
    idea = make.idea(by=ana)
    release = make.release("Gone again", ideas=[idea], published=True)
    with writing():
        forum.delete_thread(dev, db.session.get_one(Thread, release.thread_id), "By mistake.")
    assert client.get(f"/releases/{release.id}").status_code == 404
    for path in ("/releases", f"/ideas/{idea.id}"):
        assert "Gone again" not in client.get(path, follow_redirects=True).text
    moderator = make.client_of(dev)
    assert "This release is deleted" in moderator.get(f"/releases/{release.id}", follow_redirects=True).text
    assert "Gone again" not in moderator.get("/releases").text
