"""Who asked for what shipped: one row for each person with the strongest reason, and the chain that is shown."""

import pytest

from core import worker
from core.db import db, writing
from core.viewer import Viewer
from forum import actions as forum
from forum.models import IDEA, Thread
from ideation import actions, queries
from ideation.backlog import actions as backlog
from ideation.releases import queries as releases
from ideation.releases.queries import Asker
from tests import make

pytestmark = pytest.mark.usefixtures("context")


def thread_of(idea) -> Thread:
    return db.session.get_one(Thread, idea.thread_id)


def test_each_person_stands_there_once_with_the_strongest_reason(ana, ben, dev):
    idea, cara, eva = make.idea(by=ana), make.actor("Cara"), make.actor("Eva")
    with writing():
        actions.vote(ben, idea)
        actions.vote(cara, idea)
        actions.add_evidence(dev, idea, quote="Please.", origin_key="mention:1", person_id=cara.id)
        forum.follow(eva, thread_of(idea))
    assert {a.person_id: a.why for a in releases.askers([idea.id])} == {
        ana.id: "author",
        cara.id: "evidence",
        ben.id: "voter",
        eva.id: "follower",
    }
    assert releases.asker_count([idea.id]) == 4


def test_of_several_ideas_the_one_asked_for_most_strongly_counts(ana, ben):
    first, second = make.idea(by=ana), make.idea(by=ben)
    with writing():
        actions.vote(ben, first)
    found = {a.person_id: a for a in releases.askers([first.id, second.id])}
    assert found[ben.id] == Asker(ben.id, second.id, "author")
    assert found[ana.id] == Asker(ana.id, first.id, "author")
    assert releases.asker_count([first.id, second.id]) == 2


def test_evidence_on_a_declined_idea_still_makes_an_asker(ana, ben, dev):
    idea = make.idea(by=ana, status="declined")
    with writing():
        actions.add_evidence(dev, idea, quote="Please.", origin_key="mention:1", person_id=ben.id)
    assert Asker(ben.id, idea.id, "evidence") in releases.askers([idea.id])


def test_whoever_muted_an_idea_asked_for_it_but_is_not_told(ana, ben):
    idea, eva = make.idea(by=ana), make.actor("Eva")
    with writing():
        actions.vote(ben, idea)
        forum.mute(ben, thread_of(idea))
        forum.mute(eva, thread_of(idea))
    people = {a.person_id for a in releases.askers([idea.id])}
    assert people == {ana.id, ben.id}
    assert releases.muted(people, [idea.id]) == {ben.id}
    assert (releases.asker_count([idea.id]), releases.told_count([idea.id])) == (2, 1)


def test_whoever_muted_one_idea_of_two_is_told_of_the_other(ana, ben):
    first, second = make.idea(by=ana), make.idea(by=ana)
    with writing():
        for idea in (first, second):
            actions.vote(ben, idea)
        forum.mute(ben, thread_of(first))
    ids = [first.id, second.id]
    assert releases.muted([ana.id, ben.id], ids) == set()
    assert releases.told_count(ids) == 2


def test_nobody_asked_for_nothing():
    assert (releases.askers([]), releases.asker_count([]), releases.told_count([])) == ([], 0, 0)


def test_asking_takes_a_fixed_number_of_statements(ana, statements):
    ids = [make.idea(by=ana).id for _ in range(6)]
    for some in (ids[:1], ids):
        with statements() as counted:
            releases.askers(some)
        assert counted.number == 1


# --- the chain ---


def test_the_chain_leads_from_the_first_words_to_the_release(ana, ben, dev, cleo):
    make.category(IDEA)
    thread = make.thread("CSV loses zeros", by=ben, text="Customer 00417 arrives as 417.")
    idea = make.idea("Real spreadsheets", by=ana)
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
        backlog.add_item(cleo, idea, title="Column types", tracker_url="https://tracker.example/7")
    release = make.release("Summer", ideas=[idea], published=True)
    (link,) = releases.chain(Viewer.visitor(), release.id)
    assert [q.quote for q in link.evidence] == ["Customer 00417 arrives as 417."]
    assert [i.title for i in link.items] == ["Column types"]
    assert (link.idea.title, link.idea.votes) == ("Real spreadsheets", 2)
    assert link.asked_at == min(link.idea.created_at, link.evidence[0].at)


def test_what_was_said_after_the_idea_stands_after_it_in_the_chain(ana, ben, dev, cleo, client):
    thread = make.thread("CSV loses zeros", by=ben, text="Customer 00417 arrives as 417.")
    idea = make.idea("Real spreadsheets", by=ana)
    with writing():
        actions.add_evidence(dev, idea, quote="I wish for that too.", origin_key="mention:1")
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
    release = make.release("Summer", ideas=[idea], published=True)
    page = client.get(f"/releases/{release.id}", follow_redirects=True).text
    chain = page[page.index("You asked, we shipped") :]
    said = [chain.index(words) for words in ("arrives as 417.", "Became an idea", "I wish for that too.")]
    assert said == sorted(said)


@pytest.mark.slow
def test_the_page_shows_the_chain_and_how_many_asked(ana, ben, dev, cleo, client):
    thread = make.thread("CSV loses zeros", by=ben, text="Customer 00417 arrives as 417.")
    idea = make.idea("Real spreadsheets", by=ana)
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(thread))
        backlog.add_item(cleo, idea, title="Column types", tracker_url="https://tracker.example/7")
    release = make.release("Summer", ideas=[idea], published=True)
    worker.drain()
    page = client.get(f"/releases/{release.id}", follow_redirects=True).text
    for words in ("Customer 00417 arrives as 417.", "Real spreadsheets", "Column types", "Summer"):
        assert words in page
    assert f'href="/p/{make.opening(thread).id}"' in page
    assert "2 people asked for this" in page and "people told of this release" in page
    assert "tracker.example" not in page


def test_the_chain_hides_quotes_of_posts_the_viewer_may_not_see(ana, ben, dev):
    private = make.thread(by=ben, text="Only between members.", room=make.category(access=1))
    idea = make.idea(by=ana)
    with writing():
        actions.add_post_as_evidence(dev, idea, make.opening(private))
    release = make.release(ideas=[idea], published=True)

    def quotes(viewer):
        return [q.quote for link in releases.chain(viewer, release.id) for q in link.evidence]

    assert quotes(Viewer.visitor()) == []
    assert quotes(ana) == ["Only between members."]


def test_private_ideas_of_a_public_release_leave_no_trace(ana, ben, dev, client):
    shown = make.idea("For everybody", by=ana)
    hidden = make.idea("For ourselves", by=dev, room=make.category(IDEA, access=2))
    release = make.release("Summer", ideas=[shown, hidden], published=True)
    worker.drain()
    page = client.get(f"/releases/{release.id}", follow_redirects=True).text
    assert "For everybody" in page and "For ourselves" not in page
    assert "1 person asked for this" in page
    assert "For ourselves" not in client.get("/releases").text
    assert "For ourselves" in make.client_of(dev).get(f"/releases/{release.id}", follow_redirects=True).text


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 4])
def test_a_chain_takes_a_fixed_number_of_statements(ana, ben, dev, cleo, number, statements):
    ideas = [make.idea(by=ana) for _ in range(number)]
    with writing():
        for idea in ideas:
            actions.add_evidence(dev, idea, quote="Yes.", origin_key="mention:1", person_id=ben.id)
            backlog.add_item(cleo, idea, title="Work on it")
    release = make.release(ideas=ideas, published=True)
    with statements() as counted:
        assert len(releases.chain(ana, release.id)) == number
    assert counted.number == 6
    assert len(queries.evidence_of(ana, [idea.id for idea in ideas])) == number
