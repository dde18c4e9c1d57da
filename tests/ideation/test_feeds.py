"""Ideas and releases in feeds and in the sitemap: those that anybody may see, where they live."""

from xml.etree import ElementTree as ET

import pytest
from flask import Flask

from core.db import db, writing
from forum import actions as forum
from forum.models import IDEA, RELEASE, Thread
from ideation.models import Idea
from ideation.releases.models import Release
from tests import make

ATOM = "{http://www.w3.org/2005/Atom}"


def entries(context: Flask, path: str) -> list[tuple[str, str]]:
    """Title and address of everything in a feed."""
    answer = context.test_client().get(path)
    assert (answer.status_code, answer.mimetype) == (200, "application/atom+xml")
    found = ET.fromstring(answer.data).iter(f"{ATOM}entry")
    return [(e.findtext(f"{ATOM}title"), e.find(f"{ATOM}link").get("href")) for e in found]


@pytest.fixture
def wish(context: Flask, ana) -> Idea:
    """A public idea, beside one for members, one for the staff and a deleted one."""
    for access, name in ((1, "Members only"), (2, "Staff only")):
        make.idea(
            f"An idea that is {name}", by=make.actor("Dev", "agent"), room=make.category(IDEA, access=access)
        )
    gone = make.idea("An idea that is gone", by=ana)
    with writing():
        forum.delete_thread(ana, thread_of(gone), "")
    return make.idea("A darker theme", by=ana)


def thread_of(thing: Idea | Release) -> Thread:
    return db.session.get_one(Thread, thing.thread_id)


def test_public_ideas_have_a_feed_that_leads_to_their_pages(context, wish):
    assert entries(context, "/feeds/ideas.atom") == [
        ("A darker theme", f"http://localhost/ideas/{wish.id}/a-darker-theme")
    ]


def test_public_releases_have_a_feed_that_leads_to_their_pages(context, wish, cleo):
    shown = make.release("Summer", ideas=[wish], by=cleo, published=True)
    make.release("A draft", by=cleo)
    assert entries(context, "/feeds/releases.atom") == [
        ("Summer", f"http://localhost/releases/{shown.id}/summer")
    ]


def test_a_release_nobody_outside_may_read_is_in_no_feed(context, wish, cleo):
    shown = make.release("Summer", ideas=[wish], by=cleo, published=True)
    with writing():
        forum.move_thread(make.actor("Dev", "moderator"), thread_of(shown), make.category(RELEASE, access=2))
    assert entries(context, "/feeds/releases.atom") == []
    assert "/releases/" not in context.test_client().get("/sitemap.xml").text


def test_the_latest_feed_leads_to_where_ideas_live(context, wish):
    assert entries(context, "/feeds/latest.atom") == [
        ("A darker theme", f"http://localhost/ideas/{wish.id}/a-darker-theme")
    ]


def test_the_sitemap_lists_public_ideas_and_releases_where_they_live(context, wish, cleo):
    shown = make.release("Summer", ideas=[wish], by=cleo, published=True)
    question = make.thread("Why is the lamp cold?")
    page = context.test_client().get("/sitemap.xml").text
    listed = {
        loc.text.removeprefix("http://localhost")
        for loc in ET.fromstring(page).iter()
        if loc.tag.endswith("loc")
    }
    assert listed == {
        "/",
        "/ideas",
        "/roadmap",
        "/releases",
        f"/ideas/{wish.id}/a-darker-theme",
        f"/releases/{shown.id}/summer",
        f"/t/{question.id}/{question.slug}",
    }


@pytest.mark.slow
def test_what_the_sitemap_and_the_feeds_name_can_be_opened_at_once(context, wish, cleo):
    make.release("Summer", ideas=[wish], by=cleo, published=True)
    visitor = context.test_client()
    page = ET.fromstring(visitor.get("/sitemap.xml").text)
    paths = [loc.text.removeprefix("http://localhost") for loc in page.iter() if loc.tag.endswith("loc")]
    assert {visitor.get(path).status_code for path in paths} == {200}


def test_lists_and_the_page_of_feeds_name_the_feeds(client, wish):
    assert 'href="/feeds/ideas.atom"' in client.get("/ideas").text
    assert 'href="/feeds/releases.atom"' in client.get("/releases").text
    feeds = client.get("/feeds").text
    assert "/feeds/ideas.atom" in feeds and "/feeds/releases.atom" in feeds


@pytest.mark.slow
def test_the_sitemap_asks_as_often_for_many_as_for_one(context, wish, cleo, statements):
    def cost() -> int:
        with statements() as counted:
            context.test_client().get("/sitemap.xml")
        return counted.number

    make.release("Summer", ideas=[wish], by=cleo, published=True)
    before = cost()
    for _ in range(3):
        make.release(ideas=[make.idea()], by=cleo, published=True)
    assert cost() <= before
