"""Feeds, robots and the sitemap."""

from xml.etree import ElementTree as ET

from core.db import writing
from forum import actions
from tests import make

ATOM = "{http://www.w3.org/2005/Atom}"


def feed(context, path: str) -> ET.Element:
    answer = context.test_client().get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "application/atom+xml"
    return ET.fromstring(answer.data)


def titles(root: ET.Element) -> list[str | None]:
    return [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]


def test_the_latest_threads_as_a_valid_feed(context, question, ana):
    make.thread('Quotes " & <tags>', by=ana, text="A *text* & more", tags=("c++",))
    root = feed(context, "/feeds/latest.atom")
    assert titles(root) == ['Quotes " & <tags>', "Why is the lamp cold?"]
    entry = root.find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}content").strip() == "<p>A <em>text</em> &amp; more</p>"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == ana.name
    assert entry.find(f"{ATOM}link").get("href").startswith("http://localhost/t/")


def test_feeds_by_category_and_tag(context, question, ana, room):
    make.thread("Elsewhere", by=ana, room=make.category())
    assert titles(feed(context, f"/feeds/c/{room.slug}.atom")) == ["Why is the lamp cold?"]
    assert titles(feed(context, "/feeds/tags/lamp.atom")) == ["Why is the lamp cold?"]
    assert context.test_client().get("/feeds/tags/none.atom").status_code == 404


def test_an_empty_community_has_a_valid_feed(context):
    assert titles(feed(context, "/feeds/latest.atom")) == []


def test_the_sitemap_lists_public_threads(context, question, dev, ana):
    gone = make.thread("Gone", by=ana)
    with writing():
        actions.delete_thread(dev, gone, "x")
    page = context.test_client().get("/sitemap.xml").get_data(as_text=True)
    assert f"http://localhost/t/{question.id}/{question.slug}" in page
    assert f"/t/{gone.id}" not in page
    assert "Sitemap: http://localhost/sitemap.xml" in context.test_client().get("/robots.txt").get_data(
        as_text=True
    )
