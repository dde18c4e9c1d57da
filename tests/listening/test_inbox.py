"""What becomes of a mention: a thread, an idea, or nothing; and of two people at once one is told."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import worker
from core.db import db, writing
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Category, Post, Thread
from ideation import actions as ideation
from ideation.models import IdeaEvidence, IdeaVote
from listening import actions, queries
from listening.models import DISMISSED, HANDLED, NEW
from listening.queries import Wanted
from listening.queries.inbox import MOST
from people.models import OUTSIDE, Person
from tests import make

pytestmark = pytest.mark.usefixtures("context", "room")


@pytest.fixture
def dev() -> Viewer:
    return make.actor("Dev", "agent", "moderator")


@pytest.fixture
def room() -> Category:
    with writing():
        return forum.create_category(Viewer.system(), name="Lamps")


def make_idea(title: str = "Remember the colour of the lamp"):
    from core.text import render

    with writing():
        return ideation.raise_idea(
            make.actor("Ana"), title=title, body=render("It forgets it when power fails.")
        )


def test_one_click_makes_a_thread_in_the_posters_words_and_name(dev, room):
    mention = make.mention("My lamp is cold white", title="Cold white lamp")
    with writing():
        thread = actions.make_thread(dev, mention, category_id=room.id)
    poster = db.session.get_one(Person, thread.author_id)
    assert (poster.kind, poster.name) == (OUTSIDE, "Ines Outside")
    assert (thread.title, thread.origin_label, thread.origin_url) == (
        "Cold white lamp",
        "Mastodon",
        mention.url,
    )
    opening = db.session.execute(sa.select(Post).where(Post.thread_id == thread.id)).scalar_one()
    assert "My lamp is cold white" in opening.html
    assert (mention.state, mention.thread_id, mention.handled_by_id) == (HANDLED, thread.id, dev.id)
    assert mention.person_id == poster.id


def test_text_of_a_post_is_never_read_as_markdown(dev, room):
    mention = make.mention("# Not a heading\n\n* not a list\n<b>not bold</b>")
    with writing():
        thread = actions.make_thread(dev, mention, category_id=room.id)
    html = db.session.execute(sa.select(Post.html).where(Post.thread_id == thread.id)).scalar_one()
    assert html == "<p># Not a heading</p>\n<p>* not a list<br>&lt;b&gt;not bold&lt;/b&gt;</p>"


def test_two_posts_of_one_poster_belong_to_one_person(dev, room):
    first, second = make.mention("one thing", title="One"), make.mention("another thing", title="Another")
    with writing():
        threads = [actions.make_thread(dev, m, category_id=room.id) for m in (first, second)]
    assert threads[0].author_id == threads[1].author_id


def test_two_posters_of_one_name_and_no_page_are_one_only_within_a_source(dev, room):
    here, there = make.source("Here", kind="webhook"), make.source("There", kind="webhook")
    mentions = [
        make.mention("text", source=place, author_url="", author_name="Kim", title=f"Post {n}")
        for n, place in enumerate((here, here, there))
    ]
    with writing():
        authors = [actions.make_thread(dev, m, category_id=room.id).author_id for m in mentions]
    assert authors[0] == authors[1] != authors[2]


def test_of_two_agents_at_once_the_second_is_told_what_stands(dev, room):
    mention = make.mention()
    with writing():
        actions.make_thread(dev, mention, category_id=room.id)
    other = make.actor("Eli", "agent")
    with pytest.raises(Conflict) as caught, writing():
        actions.dismiss(other, queries.mention(other, mention.id))
    assert "Dev has made a thread" in caught.value.message
    with pytest.raises(Conflict), writing():
        actions.make_thread(other, queries.mention(other, mention.id), category_id=room.id)
    assert db.session.execute(sa.select(sa.func.count()).select_from(Thread)).scalar_one() == 1


def test_what_was_seen_must_still_stand(dev, room):
    mention, idea = make.mention(), make_idea()
    with writing():
        actions.link_to_idea(dev, mention, idea)
    with pytest.raises(Conflict), writing():
        actions.make_thread(dev, queries.mention(dev, mention.id), category_id=room.id, seen=NEW)
    with writing():
        actions.make_thread(dev, queries.mention(dev, mention.id), category_id=room.id, seen=HANDLED)
    assert queries.mention(dev, mention.id).thread_id is not None


def test_a_failed_attempt_leaves_the_mention_new(dev):
    mention = make.mention()
    with pytest.raises((NotFound, Forbidden, Refused)), writing():
        actions.make_thread(dev, mention, category_id=999)
    assert queries.mention(dev, mention.id).state == NEW


def test_linking_to_an_idea_is_evidence_and_a_vote_of_the_poster(dev):
    mention, idea = make.mention("please remember the colour"), make_idea()
    with writing():
        actions.link_to_idea(dev, mention, idea)
    evidence = db.session.execute(sa.select(IdeaEvidence)).scalar_one()
    assert (evidence.quote, evidence.origin_label, evidence.origin_url) == (
        "please remember the colour",
        "Mastodon",
        mention.url,
    )
    voters = set(
        db.session.execute(sa.select(IdeaVote.person_id).where(IdeaVote.idea_id == idea.id)).scalars()
    )
    assert mention.person_id in voters
    assert queries.mention(dev, mention.id).state == HANDLED


def test_a_new_idea_belongs_to_the_poster_and_has_the_post_as_evidence(dev):
    mention = make.mention("a sunrise mode please", title="Sunrise mode for lamps")
    with writing():
        idea = actions.raise_idea(dev, mention, title="Sunrise mode for lamps")
    thread = db.session.get_one(Thread, idea.thread_id)
    assert thread.author_id == mention.person_id
    evidence = db.session.execute(sa.select(IdeaEvidence)).scalar_one()
    assert (evidence.origin_key, evidence.person_id) == (f"mention:{mention.id}", mention.person_id)


def test_dismissing_and_reopening_undo_each_other(dev):
    mention = make.mention()
    with writing():
        actions.dismiss(dev, mention)
    assert queries.mention(dev, mention.id).state == DISMISSED
    with writing():
        actions.reopen(dev, queries.mention(dev, mention.id))
    found = queries.mention(dev, mention.id)
    assert (found.state, found.handled_by_id) == (NEW, None)
    with pytest.raises(Conflict), writing():
        actions.reopen(dev, found)


@pytest.mark.parametrize("roles", [("customer",), ("product_manager",)])
def test_only_the_desk_makes_threads_and_dismisses(room, roles):
    mention, actor = make.mention(), make.actor("Cleo", *roles)
    with pytest.raises(Forbidden), writing():
        actions.make_thread(actor, mention, category_id=room.id)
    with pytest.raises(Forbidden), writing():
        actions.dismiss(actor, mention)


def test_a_product_manager_links_but_a_customer_does_not():
    mention, idea = make.mention(), make_idea()
    with pytest.raises(Forbidden), writing():
        actions.link_to_idea(make.actor("Ben"), mention, idea)
    with writing():
        actions.link_to_idea(make.actor("Cleo", "product_manager"), mention, idea)


def test_a_number_that_is_not_counted_to_its_end_says_so(dev, monkeypatch):
    monkeypatch.setattr("admin.views.base.listening.new_count", lambda _asker: MOST)
    assert '<span class="count">999+</span>' in make.client_of(dev).get("/inbox").text
    monkeypatch.setattr("admin.views.base.listening.new_count", lambda _asker: MOST - 1)
    assert '<span class="count">999</span>' in make.client_of(dev).get("/inbox").text


def test_customers_and_visitors_see_no_mention():
    mention = make.mention("secret words")
    for viewer in (Viewer.visitor(), make.actor("Ana")):
        assert queries.inbox(viewer, Wanted(state="any")).rows == ()
        assert queries.counts(viewer) == {NEW: 0, HANDLED: 0, DISMISSED: 0}
        assert queries.new_count(viewer) == 0
        assert queries.source_cards(viewer) == []
        assert queries.source_choices(viewer) == []
        with pytest.raises(NotFound):
            queries.mention(viewer, mention.id)


def test_the_story_tells_who_did_what(dev, room):
    mention = make.mention()
    with writing():
        actions.dismiss(dev, mention)
        actions.reopen(dev, mention)
        actions.make_thread(dev, mention, category_id=room.id)
        actions.write_reply(dev, mention, "Thank you!")
    story = queries.story(dev, mention)
    kinds = [step.kind.removeprefix("listening.") for step in story]
    assert kinds == ["dismissed", "reopened", "thread_made", "reply_drafted"]
    assert {step.by.name for step in story} == {"Dev"}


# --- the list ---


def test_the_list_is_newest_first_and_goes_on_where_it_ended(dev):
    source = make.source("Many", kind="webhook")
    from datetime import timedelta

    from listening.connectors import Item

    items = [
        Item(external_id=str(n), text=f"post {n}", published_at=make.NOON - timedelta(minutes=n // 2))
        for n in range(70)
    ]
    with writing():
        actions.receive(source, items)
    seen: list[int] = []
    before = None
    for _ in range(3):
        page = queries.inbox(dev, Wanted(before=before))
        seen += [row.id for row in page.rows]
        before = page.older
    assert before is None
    assert len(seen) == len(set(seen)) == 70
    times = [queries.mention(dev, i).published_at for i in seen]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("text", "found"), [("lamp", 1), ("LAMP white", 1), ("ines", 2), ("100%", 0), ("_", 0), ("nothing", 0)]
)
def test_words_are_looked_for_in_text_title_and_author(dev, text, found):
    make.mention("My lamp is cold white")
    make.mention("something else", title="Other")
    assert len(queries.inbox(dev, Wanted(text=text)).rows) == found


def test_the_list_takes_two_statements_whatever_its_length(dev, statements):
    for _ in range(12):
        make.mention("words")
    db.session.rollback()
    with statements() as counted:
        queries.inbox(dev, Wanted())
    assert counted.number <= 2


# --- in the browser ---


def test_dev_makes_a_thread_in_the_browser_and_the_thread_names_its_origin(dev, room):
    mention = make.mention("My lamp is cold white", title="Cold white lamp")
    browser = make.client_of(dev)
    page = browser.get(f"/inbox/{mention.id}").text
    assert "Cold white lamp" in page
    assert mention.url in page
    answer = make.post(
        browser, f"/inbox/{mention.id}/thread", category_id=room.id, title="Cold white lamp", tags="light"
    )
    assert answer.status_code == 303
    worker.drain()
    thread = db.session.execute(sa.select(Thread)).scalar_one()
    public = browser.application.test_client().get(f"/t/{thread.id}/{thread.slug}").text
    assert "Mastodon" in public
    assert mention.url in public
    assert "Ines Outside" in public
    assert "Dev" in public
    assert thread.tags == "light"


def test_what_was_typed_is_kept_when_it_is_refused(dev, room):
    mention = make.mention()
    answer = make.post(
        make.client_of(dev), f"/inbox/{mention.id}/thread", category_id=room.id, title="Ab", tags="light"
    )
    assert answer.status_code == 422
    assert 'value="Ab"' in answer.text
    assert 'value="light"' in answer.text
    assert queries.mention(dev, mention.id).state == NEW


def test_a_post_becomes_no_thread_in_a_room_of_ideas(dev):
    mention, ideas = make.mention(), make.category("idea", name="Room of ideas")
    browser = make.client_of(dev)
    assert f'<option value="{ideas.id}"' not in browser.get(f"/inbox/{mention.id}").text
    answer = make.post(
        browser, f"/inbox/{mention.id}/thread", category_id=ideas.id, title="Some title", seen="new"
    )
    assert (answer.status_code, "Please choose another category." in answer.text) == (422, True)
    assert queries.mention(dev, mention.id).state == NEW


# --- several at once ---


@pytest.mark.both
def test_several_are_put_aside_and_brought_back_at_once(dev):
    first, second, third = (make.mention(f"Post {n}") for n in range(3))
    with writing():
        assert actions.dismiss_several(dev, [first.id, second.id]) == 2
    states = {n.id: queries.mention(dev, n.id).state for n in (first, second, third)}
    assert states == {first.id: DISMISSED, second.id: DISMISSED, third.id: NEW}
    assert [step.kind for step in queries.story(dev, queries.mention(dev, first.id))] == [
        "listening.dismissed"
    ]
    with writing():
        assert actions.reopen_several(dev, [first.id, second.id, third.id]) == 2
    assert queries.mention(dev, first.id).handled_by_id is None
    assert queries.counts(dev)[NEW] == 3


def test_what_somebody_else_handled_is_left_as_it_is(dev, room):
    taken, free = make.mention("Post one"), make.mention("Post two")
    with writing():
        actions.make_thread(dev, taken, category_id=room.id, title="A title for it")
    browser = make.client_of(dev)
    answer = make.post(browser, "/inbox/dismissal", mention_id=[taken.id, free.id])
    assert answer.status_code == 303
    page = browser.get("/inbox").text
    assert "1 post put aside." in page and "Somebody was faster with one." in page
    assert queries.mention(dev, taken.id).state == HANDLED


def test_all_that_is_shown_is_put_aside_and_the_filters_stay(dev):
    mentions = [make.mention(f"Post {n}") for n in range(3)]
    browser = make.client_of(dev)
    shown = [mention.id for mention in mentions]
    answer = make.post(browser, "/inbox/dismissal?q=Post&state=new", shown=shown, which="shown")
    assert answer.headers["Location"] == "/inbox?state=new&q=Post"
    assert queries.counts(dev) == {NEW: 0, HANDLED: 0, DISMISSED: 3}
    assert make.post(browser, "/inbox/reopening", mention_id=shown[:1]).status_code == 303
    assert queries.counts(dev) == {NEW: 1, HANDLED: 0, DISMISSED: 2}


def test_choosing_nothing_does_nothing_and_says_so(dev):
    mention, browser = make.mention(), make.client_of(dev)
    make.post(browser, "/inbox/dismissal", shown=[mention.id])
    assert "Choose posts first." in browser.get("/inbox").text
    assert queries.mention(dev, mention.id).state == NEW
    assert make.post(browser, "/inbox/dismissal", mention_id="x").status_code == 422


def test_whoever_may_not_handle_posts_is_offered_no_boxes_and_moves_nothing(dev):
    mention, cleo = make.mention(), make.actor("Cleo", "product_manager")
    browser = make.client_of(cleo)
    assert 'form="several"' not in browser.get("/inbox").text
    assert make.post(browser, "/inbox/dismissal", mention_id=mention.id).status_code == 403
    assert 'form="several"' in make.client_of(dev).get("/inbox").text
    assert 'form="several"' not in make.client_of(dev).get("/inbox?state=handled").text


# --- in the browser, one at a time ---


def test_the_second_agent_sees_a_conflict_with_what_stands(dev, room):
    mention = make.mention()
    browser = make.client_of(dev)
    make.post(browser, f"/inbox/{mention.id}/dismissal", seen="new")
    answer = make.post(
        browser, f"/inbox/{mention.id}/thread", category_id=room.id, title="Some title", seen="new"
    )
    assert answer.status_code == 409
    assert "Dev has put this post aside." in answer.text


def test_ideas_to_link_to_are_those_that_lists_show_however_many_are_gone(dev):
    gone = [make_idea(f"Remember the colour, number {n}") for n in range(7)]
    kept = make_idea("Remember the colour of the lamp")
    for idea in gone:
        with writing():
            thread = db.session.get_one(Thread, idea.thread_id)
            thread.last_post_at += timedelta(days=1)
            forum.delete_thread(dev, thread, "Twice")
    assert [row.id for row in queries.ideas_like(dev, "remember colour")] == [kept.id]


def test_ideas_are_found_by_title_while_typing_and_without_scripts(dev):
    mention, idea = make.mention(), make_idea("Remember the colour of the lamp")
    browser = make.client_of(dev)
    part = browser.get(f"/inbox/{mention.id}/ideas?ideas=colour", headers={"HX-Request": "true"}).text
    assert "Remember the colour" in part
    assert "<html" not in part
    assert "Remember the colour" in browser.get(f"/inbox/{mention.id}?ideas=colour").text
    answer = make.post(browser, f"/inbox/{mention.id}/idea-link", idea_id=idea.id, seen="new")
    assert answer.status_code == 303
    assert "Remember the colour" in browser.get(f"/inbox/{mention.id}").text


@pytest.mark.parametrize(
    "path", ["/inbox", "/inbox/1", "/inbox/replies", "/sources", "/sources/new", "/sources/1"]
)
def test_visitors_are_sent_to_sign_in_and_customers_turned_away(client, path):
    make.mention()
    assert client.get(path).status_code == 302
    assert make.client_of(make.actor("Ana")).get(path).status_code in (403, 404)


@pytest.mark.parametrize("query", ["source=x", "before=x", "source=99999999999999999", "before=-1"])
def test_wrong_filters_are_no_address(dev, query):
    make.mention()
    assert make.client_of(dev).get(f"/inbox?{query}").status_code == 404


def test_unknown_states_show_what_is_new(dev):
    make.mention("words")
    assert "words" in make.client_of(dev).get("/inbox?state=strange").text


def test_a_hostile_post_stays_text_on_every_page(dev, room):
    nasty = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    mention = make.mention(nasty, title=nasty, author_name=nasty, url="https://x.example/1")
    browser = make.client_of(dev)
    for path in ("/inbox", f"/inbox/{mention.id}"):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
