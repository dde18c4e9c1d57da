"""An item that exists is clean, whatever the channel sent."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.connectors import MAX_TEXT, Item
from listening.connectors.item import safe_link


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://site.example/x",
        "//site.example/x",
        "/admin",
        "http://",
        "http:///x",
        "https://user:word@site.example/",
        "https://site.example/\nx",
        'https://site.example/"onclick=',
        "https://[::1",
        "https://site.example/" + "x" * 500,
    ],
)
def test_only_plain_web_addresses_are_kept_as_links(link):
    item = Item(text="x", url=link, author_url=link)
    assert (item.url, item.author_url) == ("", "")


def test_web_addresses_are_kept_as_they_are():
    assert safe_link(" https://site.example/a?b=c#d ") == "https://site.example/a?b=c#d"


def test_html_is_made_safe_and_gives_the_text():
    item = Item(html='<p onclick="x()">Hello <b>there</b><script>alert(1)</script></p>')
    assert item.html == "<p>Hello <b>there</b></p>"
    assert item.text == "Hello there"


def test_paths_in_a_foreign_post_lead_to_the_foreign_site():
    item = Item(html='<a href="/settings">here</a>', url="https://site.example/posts/1")
    assert 'href="https://site.example/settings"' in item.html


def test_paths_without_a_known_site_lead_nowhere():
    assert "href" not in Item(html='<p><a href="/settings">here</a></p>').html


def test_a_foreign_post_cannot_show_files_of_ours():
    assert "<img" not in Item(html='<p>x<img src="/files/abc/secret.png"></p>').html


def test_names_and_titles_are_one_line_without_hidden_marks():
    item = Item(text="x", title="One\n two\u202e three", author_name="Ana\x00\tB.")
    assert item.title == "One two three"
    assert item.author_name == "Ana B."


def test_very_long_texts_are_cut_and_very_long_html_is_kept_as_text():
    assert len(Item(text="word " * MAX_TEXT).text) == MAX_TEXT
    item = Item(html="<p>word</p>" * 20_000)
    assert item.html == ""
    assert item.text.startswith("word word")


def test_without_an_id_the_same_post_gets_the_same_one():
    first = Item(url="https://site.example/1", title="T", text="words")
    assert first.external_id == Item(url="https://site.example/1", title="T", text="words").external_id
    assert first.external_id != Item(url="https://site.example/1", title="T", text="other words").external_id
    assert len(first.external_id) <= 300


def test_overlong_ids_stay_different():
    one, two = Item(external_id="x" * 400 + "1", text="x"), Item(external_id="x" * 400 + "2", text="x")
    assert one.external_id != two.external_id
    assert len(one.external_id) <= 300


def test_times_without_a_zone_are_utc():
    assert Item(text="x", published_at=datetime(2026, 3, 1)).published_at == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.slow
@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=200))
def test_any_text_makes_an_item_that_cleaning_again_does_not_change(title, text, link):
    item = Item(title=title, text=text, url=link, author_name=title, external_id=text)
    again = Item(
        external_id=item.external_id,
        url=item.url,
        title=item.title,
        text=item.text,
        author_name=item.author_name,
    )
    assert again == item
    assert "\x00" not in item.title + item.text
