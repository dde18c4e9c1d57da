"""Private means private everywhere: an idea of the staff or of members leaves no trace for anybody else."""

import re

import pytest

from core import worker
from core.db import db, writing
from core.errors import NotFound
from core.viewer import Viewer
from forum import actions as forum
from forum import queries as forum_queries
from forum.models import IDEA, RELEASE, Thread
from ideation import actions, queries
from ideation.queries import Wanted
from ideation.releases import queries as releases
from tests import make

pytestmark = pytest.mark.usefixtures("context")
CANARY = "Zanzibar"
HIDDEN_TAG = "zanzibar-tag"
SURFACES = (
    "/",
    "/?sort=newest",
    "/ideas",
    "/ideas?sort=new",
    "/ideas?sort=active",
    "/ideas?status=open",
    "/ideas?status=planned",
    "/ideas?q=Zanzibar",
    f"/ideas?tag={HIDDEN_TAG}",
    "/ideas/similar?title=Zanzibar+offline+mode",
    "/ask/similar?title=Zanzibar+offline+mode",
    "/roadmap",
    "/releases",
    "/search?q=Zanzibar",
    "/search?q=offline+kind:idea",
    "/feeds/latest.atom",
    "/sitemap.xml",
    "/tags",
    "/tags/suggest?tags=zanz",
)


@pytest.fixture(params=[1, 2], ids=["members", "staff"])
def hidden(request, dev):
    """An idea in a category of members or staff, planned and shipped ones beside it, everything indexed."""
    room = make.category(IDEA, access=request.param, name="Quiet corner")
    idea = make.idea(f"{CANARY} offline mode", by=dev, room=room, tags=[HIDDEN_TAG])
    make.idea(f"{CANARY} on the roadmap", by=dev, room=room, status="planned")
    worker.drain()
    db.session.rollback()
    return idea


def without_what_was_asked(page: str) -> str:
    """The page without its search boxes and the words it repeats from the address."""
    page = re.sub(r"<input[^>]*>|<title>.*?</title>|<h2 class=\"empty-title\">.*?</h2>", "", page)
    return re.sub(r"(href|content)=\"[^\"]*[?&](q|tag|tags|title)=[^\"]*\"", "", page)


def test_no_surface_names_it_to_visitors(hidden, client):
    for path in SURFACES:
        answer = client.get(path)
        assert answer.status_code in (200, 404), path
        assert CANARY not in without_what_was_asked(answer.text), path
        assert "Quiet corner" not in answer.text, path


def test_no_surface_names_an_idea_of_the_staff_to_customers(dev, ana):
    make.idea(f"{CANARY} offline mode", by=dev, room=make.category(IDEA, access=2), tags=[HIDDEN_TAG])
    worker.drain()
    client = make.client_of(ana)
    for path in (*SURFACES, "/ideas/new", f"/people/{dev.handle}"):
        assert CANARY not in without_what_was_asked(client.get(path).text), path


def test_whoever_may_see_it_finds_it_everywhere(hidden, dev):
    client = make.client_of(dev)
    for path in SURFACES:
        if path.startswith(("/feeds", "/sitemap", "/ideas?status=planned", "/roadmap", "/releases", "/tags")):
            continue
        assert "offline" in without_what_was_asked(client.get(path).text), path
    assert "on the roadmap" in client.get("/roadmap").text


def test_its_addresses_are_those_of_nothing(hidden, client):
    for path in ["/ideas/{0}", "/ideas/{0}/anything", "/t/{1}", "/t/{1}/idea"]:
        answer = client.get(path.format(hidden.id, hidden.thread_id))
        gone = client.get(path.format(999_999, 999_999))
        if answer.status_code == 302:  # asked to sign in, whatever stands there
            assert gone.status_code == 302 and "/sign-in" in answer.location
        else:
            assert (answer.status_code, gone.status_code) == (404, 404)
        assert CANARY not in answer.text and "offline" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(
    "path", ["/ideas/{}/vote", "/ideas/{}/status", "/ideas/{}/items", "/ideas/{}/shipping"]
)
def test_posting_to_it_says_no_more_than_posting_to_nothing(dev, ben, path):
    idea = make.idea(by=dev, room=make.category(IDEA, access=2))
    client = make.client_of(ben)
    fields = {"vote": "1", "status": "planned", "title": "Some title", "body": "x"}
    answers = [make.post(client, path.format(i), **fields).status_code for i in (idea.id, 999_999)]
    assert answers[0] == answers[1] and answers[0] in (403, 404)


def test_counts_hold_only_what_the_viewer_may_see(hidden, dev, ana):
    public = make.idea(by=ana)
    nobody = Viewer.visitor()
    assert sum(queries.status_counts(nobody).values()) == 1
    assert queries.idea_list(nobody, Wanted()).total == 1
    assert [row.id for row in queries.idea_list(nobody, Wanted()).rows] == [public.id]
    assert sum(queries.status_counts(dev).values()) == 3
    assert all(CANARY not in row.title for rows in queries.roadmap(nobody).values() for row in rows)
    assert queries.ideas_by(nobody, dev.id) == []


def test_every_read_by_id_asks_who_wants_to_know(hidden):
    nobody = Viewer.visitor()
    with pytest.raises(NotFound):
        queries.idea(nobody, hidden.id)
    with pytest.raises(NotFound):
        queries.one_row(nobody, hidden.id)
    with pytest.raises(NotFound):
        queries.thread_of(nobody, hidden)
    assert queries.rows_by_ids(nobody, [hidden.id]) == []
    assert queries.rows_by_thread_ids(nobody, [hidden.thread_id]) == []
    assert queries.shippable(nobody) == []


@pytest.mark.slow
def test_a_release_in_a_private_room_is_private(dev, cleo, ana, client):
    idea = make.idea("Seen by all", by=ana)
    release = make.release(f"{CANARY} release", ideas=[idea], published=True)
    with writing():
        hidden = make.category(RELEASE, access=2)
        forum.move_thread(dev, db.session.get_one(Thread, release.thread_id), hidden)
    worker.drain()
    assert releases.release_of_idea(Viewer.visitor(), idea.id) is None
    for path in (f"/releases/{release.id}", "/releases", f"/ideas/{idea.id}", "/", "/roadmap"):
        for reader in (client, make.client_of(ana)):
            answer = reader.get(path, follow_redirects=True)
            assert CANARY not in answer.text and "zanzibar" not in answer.headers.get("Location", "")
    assert CANARY in make.client_of(dev).get("/releases").text


def test_deleted_ideas_leave_lists_and_counts_even_for_moderators(ana, dev, client):
    idea = make.idea(f"{CANARY} mode", by=ana)
    with writing():
        forum.delete_thread(dev, db.session.get_one(Thread, idea.thread_id), "Spam.")
    assert sum(queries.status_counts(dev).values()) == 0
    moderator = make.client_of(dev)
    for path in ("/ideas", "/roadmap", "/"):
        assert CANARY not in moderator.get(path).text
    assert client.get(f"/ideas/{idea.id}").status_code == 404
    page = moderator.get(f"/ideas/{idea.id}", follow_redirects=True).text
    gone = make.client_of(ana).get(f"/ideas/{idea.id}", follow_redirects=True)
    assert (gone.status_code, "The team deleted what you wrote here." in gone.text) == (410, True)
    assert "This idea is deleted" in page and f"/ideas/{idea.id}/vote" not in page


def test_votes_and_follows_of_an_idea_that_became_private_tell_nothing(ana, ben, dev):
    idea = make.idea(f"{CANARY} mode", by=ana)
    with writing():
        actions.vote(ben, idea)
        hidden = make.category(IDEA, access=2)
        forum.move_thread(dev, db.session.get_one(Thread, idea.thread_id), hidden)
    client = make.client_of(ben)
    for path in ("/following", f"/people/{ana.handle}", f"/people/{ben.handle}", "/ideas"):
        assert CANARY not in client.get(path).text, path
    assert idea.thread_id in {i.id for i in forum_queries.thread_list(dev).rows}


def test_pages_of_private_ideas_ask_not_to_be_indexed(hidden, dev, ana, client):
    private = make.client_of(dev).get(f"/ideas/{hidden.id}", follow_redirects=True).text
    assert 'content="noindex"' in private and "og:title" not in private
    public = client.get(f"/ideas/{make.idea(by=ana).id}", follow_redirects=True).text
    assert 'rel="canonical"' in public and "noindex" not in public
