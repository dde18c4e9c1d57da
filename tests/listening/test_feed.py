"""Feeds are read as their writers meant them, and refused with a reason when they cannot be."""

import os
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from listening.connectors import Unreadable, feed

FIXTURES = (
    Path(os.environ.get("FULLCIRCLE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "listening"
)
ITEM = "<item><guid>{0}</guid><title>Post {0}</title><description>words</description></item>"


def read(document: str | bytes, content_type: str = "", url: str = "https://talk.example/feed.rss"):
    body = document.encode() if isinstance(document, str) else document
    return feed.read(body, url=url, content_type=content_type)


def refusal(document: str | bytes, content_type: str = "") -> str:
    with pytest.raises(Unreadable) as caught:
        read(document, content_type)
    return caught.value.message


def rss(inside: str) -> str:
    return f'<rss version="2.0"><channel><title>T</title>{inside}</channel></rss>'


def test_rss_gives_posts_newest_first(payloads):
    items, note = read((payloads / "questions.rss").read_bytes())
    assert [item.external_id for item in items] == ["talk-101", "talk-102", "talk-103"]
    assert note == ""
    first = items[0]
    assert first.title == "Lamp forgets its colour & brightness"
    assert first.url == "https://talk.example/posts/101"
    assert first.author_name == "Ines Outside"
    assert first.published_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert first.language == "en"
    assert first.html.startswith("<p>Every time the power goes")
    assert first.text == "Every time the power goes, my lamp starts cold white. Can it remember?"


def test_relative_links_are_completed_and_dangerous_ones_dropped(payloads):
    items, _ = read((payloads / "questions.rss").read_bytes())
    assert items[1].url == "https://talk.example/posts/102"
    assert items[2].url == ""
    assert "onerror" not in items[2].html
    assert items[2].text.endswith("Just trying things")


def test_mail_addresses_of_authors_are_not_kept(payloads):
    items, _ = read((payloads / "questions.rss").read_bytes())
    assert items[1].author_name == "Bo Outside"
    assert items[1].author_external_id.startswith("mail:")
    assert "bo@mail.example" not in repr(items)


def test_a_mail_address_in_place_of_a_name_is_not_shown():
    items, _ = read(
        rss("<item><guid>1</guid><author>bo@mail.example</author><description>x</description></item>")
    )
    assert "bo@mail" not in repr(items)
    assert items[0].author_name == "T"


def test_atom_gives_posts_with_author_pages(payloads):
    (item,), _ = read((payloads / "notes.atom").read_bytes())
    assert item.external_id == "tag:notes.example,2026:7"
    assert (item.author_name, item.author_url) == ("Uwe", "https://notes.example/@uwe")
    assert item.text == "Größe passt, Farbe nicht."
    assert item.published_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_json_feed_gives_posts(payloads):
    items, _ = read((payloads / "posts.json").read_bytes(), url="https://posts.example/feed.json")
    assert [item.external_id for item in items] == ["42", "41"]
    assert 'href="https://posts.example/hub"' in items[0].html
    assert items[1].text == "Two lines\nof text"
    assert (items[1].author_name, items[1].author_url) == ("Kim", "https://posts.example/@kim")


def test_posts_without_a_title_and_posts_with_nothing_at_all():
    inside = "<item><guid isPermaLink='false'>1</guid><description>only words</description></item><item/>"
    items, _ = read(rss(inside))
    assert [(item.external_id, item.title, item.text) for item in items] == [("1", "", "only words")]


def test_a_post_without_an_id_has_a_lasting_one():
    document = rss("<item><link>https://talk.example/9</link><description>words</description></item>")
    assert read(document)[0][0].external_id == read(document)[0][0].external_id
    assert read(document)[0][0].external_id.startswith("made:")


def test_a_huge_feed_gives_its_newest_posts_and_says_so():
    dated = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><description>d</description>"
        f"<pubDate>Mon, 02 Mar 2026 {n // 60:02}:{n % 60:02}:00 GMT</pubDate></item>"
        for n in range(450)
    )
    items, note = read(rss(dated))
    assert len(items) == feed.MAX_ENTRIES
    assert items[0].external_id == "449"
    assert "450" in note


def test_an_empty_feed_is_in_order():
    items, note = read(rss(""))
    assert items == ()
    assert "no posts" in note


# --- what is refused ---


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "sent nothing"),
        ("   \n", "sent nothing"),
        ("just some words", "neither XML nor JSON"),
        ("<!doctype html><html><body>Hi</body></html>", "web page"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', "web page"),
        ('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "begins with <svg>"),
        ('{"items": [}', "broken"),
        ("{" * 50_000, "broken"),
        ('{"items": []}', "not a JSON Feed"),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": 7}', "not a JSON Feed"),
        ("[1, 2]", "not a JSON Feed"),
        ("<rss><channel><item><title>x</item></channel></rss>", "broken XML"),
        ("<rss><channel><item><guid>1</guid><description>cut off in the mid", "broken XML"),
    ],
)
def test_a_wrong_or_broken_feed_is_refused_with_a_reason(document, reason):
    assert reason in refusal(document)


def test_broken_xml_is_told_with_its_line():
    assert "line 3" in refusal("<rss>\n<channel>\n<item></itm>\n</channel></rss>")


def test_a_web_page_tells_which_feed_it_names():
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/blog/feed.xml"></head></html>'
    assert "https://talk.example/blog/feed.xml" in refusal(page)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE rss [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
        '<!DOCTYPE rss [<!ENTITY x "quiet">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_that_declares_entities_is_refused(doctype, encoding):
    document = doctype + rss("<item><guid>1</guid><description>&l9;&x;</description></item>")
    assert "entities" in refusal(document.encode(encoding))


def test_a_bomb_takes_no_memory():
    before = peak_memory()
    big = f'<!DOCTYPE rss [<!ENTITY a "{"x" * 100_000}">]>' + rss("&a;" * 20_000)
    refusal(big)
    assert peak_memory() - before < 60_000_000


def peak_memory():
    """The most bytes this process ever had; Linux counts them in thousands, macOS one by one."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def test_an_external_doctype_is_never_fetched_and_the_feed_is_read():
    doctype = '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/rss-0.91.dtd">'
    items, _ = read(doctype + rss(ITEM.format(1)))
    assert len(items) == 1


def test_very_deep_documents_are_refused():
    assert "deep" in refusal("<rss>" + "<a>" * 2000 + "</a>" * 2000 + "</rss>")


def test_names_of_html_characters_are_understood():
    items, _ = read(
        rss("<item><title>A&nbsp;caf&eacute; &amp; more</title><description>x</description></item>")
    )
    assert items[0].title == "A café & more"


# --- encodings ---


@pytest.mark.parametrize(
    ("encoding", "declared", "header"),
    [
        ("utf-8", "", ""),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-8-sig", "", ""),
        ("iso-8859-1", "iso-8859-1", ""),
        ("windows-1252", "windows-1252", ""),
        ("iso-8859-1", "", "application/rss+xml; charset=ISO-8859-1"),
        ("utf-16", "utf-16", ""),
        ("utf-8", "utf-16", ""),
    ],
)
def test_a_feed_is_read_in_the_encoding_it_states(encoding, declared, header):
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    document = (declaration + rss(ITEM.replace("words", "Größe").format(1))).encode(encoding)
    assert read(document, header)[0][0].text == "Größe"


def test_a_feed_that_is_not_in_the_encoding_it_states_is_refused_by_name():
    document = b'<?xml version="1.0" encoding="utf-8"?>' + rss(
        ITEM.replace("words", "Größe").format(1)
    ).encode("latin-1")
    message = refusal(document)
    assert "utf-8" in message
    assert "byte" in message


@pytest.mark.parametrize("name", ["utf-7", "punycode", "unicode_escape", "rot13", "klingon-8"])
def test_strange_encodings_are_refused_by_name(name):
    document = f'<?xml version="1.0" encoding="{name}"?>'.encode() + rss(ITEM.format(1)).encode()
    assert name in refusal(document)


# --- recorded documents: ours, and those of other projects where they are at hand ---

OURS = Path(__file__).with_name("payloads")
RECORDED = [*sorted(OURS.iterdir()), *sorted((FIXTURES / "fixtures" / "rss").glob("*"))]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_recorded_documents_are_read_or_refused_with_words(path):
    try:
        items, _ = read(path.read_bytes())
    except Unreadable as problem:
        assert path.name.startswith("illformed")
        assert problem.message
    else:
        assert all(item.external_id and (item.text or item.html) for item in items)
        assert "<script" not in "".join(item.html for item in items)
        assert "onclick" not in "".join(item.html for item in items)
