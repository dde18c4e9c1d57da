"""Text: what people write is shown as they meant it, and nothing in it can act on the page."""

import dataclasses
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from bleach._vendor import html5lib  # type: ignore[import-not-found]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import text
from core.errors import Refused
from core.text import guard, sanitise
from core.text.markdown import to_html
from core.text.rules import COMMONMARK
from tests.core.spec import hostile
from tests.core.spec.sameness import same

SPEC = Path(__file__).parent / "spec"


def shown(source: str) -> str:
    return text.render(source).html


# What CommonMark says


@cache
def cases() -> list[tuple[str, str, str]]:
    read: dict[str, list[list[str]]] = json.loads((SPEC / "cases.json").read_text())
    return [(section, *case) for section, listed in read.items() for case in listed]


def test_markdown_is_read_as_commonmark_defines_it():
    read_otherwise = [
        f"{section}: {source!r} -> {to_html(source, rules=COMMONMARK)!r}"
        for section, source, html in cases()
        if not same(to_html(source, rules=COMMONMARK), html)
    ]
    assert len(cases()) > 140
    assert read_otherwise == []


# What the house adds


def test_a_newline_is_a_line_break():
    assert shown("One\nTwo") == "<p>One<br>\nTwo</p>"


def test_a_list_may_follow_a_paragraph_at_once():
    assert same(shown("Bring:\n- a\n- b"), "<p>Bring:</p><ul><li>a</li><li>b</li></ul>")


def test_two_spaces_nest_a_list():
    assert same(shown("- a\n  - b\n    - c"), "<ul><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li></ul>")


def test_a_fence_may_stand_in_a_list():
    html = shown("1. Run\n   ```sh\n   make  run\n   ```\n2. Look")
    code = '<pre><code class="language-sh">make  run\n</code></pre>'
    assert same(html, f"<ol><li>Run{code}</li><li>Look</li></ol>")


def test_code_keeps_its_tabs_and_signs():
    assert "<code>\tif a &lt; b &amp;&amp; c:\n\n\n\t\tpass\n</code>" in shown(
        "```\n\tif a < b && c:\n\n\n\t\tpass\n```"
    )


def test_code_names_its_language_and_nothing_else():
    assert '<code class="language-c++">' in shown("```c++ {.evil onclick=x}\nx\n```")
    assert "class" not in shown('```"><b>\nx\n```')


def test_strikethrough_tables_and_task_lists_are_read():
    assert same(shown("~~a~~ H~2~O"), "<p><del>a</del> H~2~O</p>")
    table = shown("Prices:\n| a | b |\n|---|--:|\n| 1 | `2|3` |")
    assert "<p>Prices:</p>" in table
    assert '<td align="right"><code>2|3</code></td>' in table
    tasks = shown("- [x] done\n- [ ] open")
    assert tasks.count('<input type="checkbox" disabled') == 2
    assert tasks.count("checked") == 1


def test_headings_stand_below_those_of_the_page():
    assert same(shown("# a\n## b\n###### c"), "<h3>a</h3><h4>b</h4><h6>c</h6>")
    assert same(text.render_html("<h1>a</h1><h3>b</h3>").html, "<h3>a</h3><h5>b</h5>")
    assert same(text.second_pass("<h3>a</h3>"), "<h3>a</h3>")


def test_names_in_angle_brackets_that_are_no_tags_stay_readable():
    assert same(
        shown("Write <your-name> and List<String>"), "<p>Write &lt;your-name> and List&lt;String></p>"
    )
    assert same(shown("<b>bold</b> <kbd>Ctrl</kbd>"), "<p><b>bold</b> <kbd>Ctrl</kbd></p>")


def test_entities_are_decoded_once():
    assert "&amp;lt;img src=x onerror=alert(1)&amp;gt;" in shown("&amp;lt;img src=x onerror=alert(1)&amp;gt;")
    assert "%253Cimg" in shown("%253Cimg src=x%253E")


def test_folded_sections_hold_markdown():
    html = shown("<details>\n<summary>More</summary>\n\n*a*\n\n</details>")
    assert same(html, "<details><summary>More</summary><p><em>a</em></p></details>")


# Links, pictures, mentions


def test_links_tell_search_engines_that_they_are_not_ours():
    for source in (
        "[a](https://b.example/?c=1&d=2)",
        "<https://b.example/?c=1&d=2>",
        "https://b.example/?c=1&d=2",
    ):
        assert '<a href="https://b.example/?c=1&amp;d=2" rel="nofollow ugc noopener">' in shown(source), (
            source
        )


def test_bare_addresses_end_where_the_sentence_does():
    assert 'href="https://a.example/b_c"' in shown("See (https://a.example/b_c).")
    assert 'href="https://a.example/b"' in shown("https://a.example/b<br>x")
    assert 'href="mailto:ana@a.example"' in shown("Write to ana@a.example.")
    assert "<a" not in shown("`https://a.example`")


@pytest.mark.parametrize("address", ["ftp://a.example/b", "javascript:alert(1)", "b/c", "//a.example"])
def test_other_addresses_are_no_links(address):
    assert "<a" not in shown(f"[text]({address})")
    assert "<a" not in text.render_html(f'<a href="{address}">text</a>').html


def test_there_are_no_links_in_links():
    for inner in ("https://b.example", "www.b.example", "@ana", "ana@b.example"):
        html = shown(f'<a href="https://a.example">{inner}</a>')
        assert html == f'<p><a href="https://a.example" rel="nofollow ugc noopener">{inner}</a></p>'


def test_a_path_of_this_site_is_a_link():
    assert 'href="/threads/7"' in shown("[this](/threads/7)")
    assert 'href="/%5Cevil.example"' in shown("[this](/\\evil.example)")
    assert "<a" not in text.render_html("<a href='/\\evil.example'>this</a>").html


def test_our_own_pictures_stay_and_load_late():
    html = shown('![A `cat`, *asleep*](/files/a.png "t")')
    assert '<img src="/files/a.png" alt="A cat, asleep" title="t" loading="lazy">' in html


def test_a_picture_elsewhere_becomes_a_link():
    for html in (
        shown("![cat](https://b.example/c.png)"),
        text.render_html('<img src="https://b.example/c.png" alt="cat">').html,
    ):
        assert "<img" not in html
        assert '<a href="https://b.example/c.png" rel="nofollow ugc noopener">cat</a>' in html
    assert "c.png</a>" in shown("![](https://b.example/c.png)")


def test_a_picture_elsewhere_inside_a_link_leaves_its_text():
    assert same(
        shown("[![cat](https://b.example/c.png)](https://b.example/)"),
        '<p><a href="https://b.example/" rel="nofollow ugc noopener">cat</a></p>',
    )


def test_a_mention_leads_to_the_profile():
    html = shown("Thanks @Ana-Lima, and @ben!")
    assert '<a class="mention" href="/people/ana-lima" rel="nofollow ugc noopener">@Ana-Lima</a>, and' in html
    assert 'href="/people/ben"' in html


def test_mentions_are_found_where_they_are_shown():
    source = (
        "@ana, @Ben and @ana\n`@cleo` a@dev.example [@sam](/x) \\@olu <b>@dev</b>\n\n    @code\n\n- @olu-2"
    )
    assert text.mentions(source) == ("ana", "ben", "dev", "olu-2")
    assert text.mentions(source) == tuple(
        dict.fromkeys(re.findall(r'class="mention" href="/people/([^"]+)"', shown(source)))
    )


def test_the_hook_decides_where_a_mention_leads():
    known = {"ana": "/people/ana?from=1&to=2"}
    html = text.render("@ana @nobody", mention=known.get).html
    assert 'href="/people/ana?from=1&amp;to=2"' in html
    assert "</a> @nobody" in html


def test_only_links_to_this_site_look_like_mentions():
    for source in (
        '<a class="mention" href="https://evil.example">@ana</a>',
        '<a class="x mention" href="/y">@ana</a>',
    ):
        assert "class" not in shown(source)
        assert "class" not in text.second_pass(source)


def test_a_hundred_mentions_are_enough():
    source = " ".join(f"@member-{n}" for n in range(300))
    assert len(text.mentions(source)) == guard.MAX_MENTIONS
    assert shown(source).count("<a ") == guard.MAX_MENTIONS


# What is kept


def test_a_rendered_text_tells_its_source_and_version():
    rendered = text.render("a\r\nb\0\rc")
    assert (rendered.source, rendered.format) == ("a\nb\nc", "markdown")
    assert rendered.version == text.RENDERER_VERSION > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        rendered.html = "<script>"


def test_imported_html_waits_for_its_second_pass():
    rendered = text.render_html('<p>a\0 <a href="https://b.example">c</a></p>')
    assert (rendered.version, rendered.format) == (text.FAST_VERSION, "html")
    assert text.FAST_VERSION < 0
    assert text.second_pass(rendered.html) == rendered.html


def test_too_long_a_text_is_refused():
    assert len(text.render("a" * text.MAX_SOURCE).html) >= text.MAX_SOURCE
    with pytest.raises(Refused, match="32001"):
        text.render("a" * (text.MAX_SOURCE + 1))
    with pytest.raises(Refused):
        text.render_html("a" * (text.MAX_IMPORT + 1))


def test_half_a_character_pair_does_no_harm():
    assert shown("a \ud800 b") == "<p>a \ufffd b</p>"


@pytest.mark.slow
def test_threads_do_not_disturb_each_other():
    sources = [f"# {n}\n\n[a]: /t/{n}\n\n*x* [a] @m{n} `c{n}` <b>{n}</b>\n\n- {n}\n" * 2 for n in range(24)]
    alone = [shown(source) for source in sources]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shown, sources)) == alone
        assert list(pool.map(text.second_pass, alone)) == alone


# Plain text


def test_plain_text_has_no_tags_and_single_spaces():
    html = "<p>One <b>t</b>wo<br>three</p>\n<ul><li>four</li><li>&lt;five&gt; &amp;</li></ul><!-- six --><p>7"
    assert text.plain(html) == "One two three four <five> & 7"
    assert text.plain("no tags &amp; more") == "no tags & more"


def test_plain_text_is_without_scripts_and_comments():
    assert text.plain("a<script>b</script>c<STYLE>d</style >e<!-- f > g -->h") == "aceh"
    assert text.plain("a<!-- never closed <b>x</b>") == "a"
    assert text.plain('a<img alt="x > y">b') == "a b"


def test_an_excerpt_ends_with_a_word():
    html = "<p>The quick brown fox, jumps.</p>"
    assert text.excerpt(html) == "The quick brown fox, jumps."
    assert text.excerpt(html, 21) == "The quick brown fox…"
    assert text.excerpt(html, 13) == "The quick…"
    assert text.excerpt("<p>Donaudampfschiff</p>", 6) == "Donau…"


@given(st.text(max_size=80), st.integers(1, 60))
def test_an_excerpt_is_never_longer_than_asked(words, length):
    assert len(text.excerpt(words, length)) <= length


# Nothing acts


ATTRIBUTES = {
    "a": {"href", "title", "rel", "class"},
    "abbr": {"title"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height", "loading"},
    "input": {"type", "disabled", "checked"},
    "li": {"class"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
    "ul": {"class"},
}
NAMES = """
    a abbr b blockquote br caption cite code dd del details dfn dl dt em h3 h4 h5 h6 hr i img input ins
    kbd li mark ol p pre q s samp small strike strong sub summary sup table tbody td tfoot th thead tr u
    ul var
"""
TAGS = frozenset(NAMES.split())


def address_is_safe(value: str) -> bool:
    """As a browser reads it: without control characters and blanks, whatever the case."""
    read = re.sub(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\ufeff]", "", value).lower()
    if read.startswith("/"):
        return not re.match(r"/[/\\]", read)
    return read.startswith(("http://", "https://", "mailto:"))


def faults(tag: str, attributes: dict[str, str]) -> list[str]:
    found = [] if tag in TAGS else [f"<{tag}>"]
    for name, value in attributes.items():
        if name not in ATTRIBUTES.get(tag, ()):
            found.append(f"{tag} {name}")
        if name == "href" and not address_is_safe(value):
            found.append(f"{tag} href={value!r}")
        if name == "src" and (not value.startswith("/files/") or ".." in value):
            found.append(f"{tag} src={value!r}")
        if name == "class" and not re.fullmatch(r"mention|task-list|task-list-item|language-\S+", value):
            found.append(f"{tag} class={value!r}")
    if tag == "a" and attributes.get("rel") != "nofollow ugc noopener":
        found.append("a without rel")
    if tag == "input" and not (attributes.get("type") == "checkbox" and "disabled" in attributes):
        found.append("live input")
    return found


def html5_elements(html: str, scripting: bool) -> Any:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parseFragment(html, scripting=scripting)
    return tree, [(e.tag, e.attrib) for e in tree.iter() if e.tag != "DOCUMENT_FRAGMENT"]


def dangers(html: str) -> list[str]:
    """What html5lib, html5lib on what it wrote itself, and lxml find that may not be there."""
    tree, elements = html5_elements(html, scripting=True)
    again = html5lib.serialize(tree, omit_optional_tags=False, quote_attr_values="always")
    elements += html5_elements(again, scripting=False)[1]
    whole = lxml.html.fromstring(f"<div>{html}</div>")
    elements += [(e.tag, dict(e.attrib)) for e in whole.iterdescendants()]
    return [
        fault
        for tag, attributes in elements
        for fault in faults(tag if isinstance(tag, str) else "!", {str(k): v for k, v in attributes.items()})
    ]


@cache
def vectors() -> dict[str, list[str]]:
    read: dict[str, list[str]] = json.loads((SPEC / "xss.json").read_text())
    return read


def test_there_are_many_ways_to_attack():
    assert sum(map(len, vectors().values())) > 290


@pytest.mark.parametrize(
    "kind", ["plain elements", "handlers", "svg and math", "mutation", "attributes", "markdown"]
)
def test_no_attack_gets_through(kind):
    for vector in vectors()[kind]:
        for make_safe in (shown, lambda html: text.render_html(html).html, text.second_pass):
            assert dangers(make_safe(vector)) == [], vector


@pytest.mark.parametrize(
    "around",
    [
        "[x]({})",
        "[x](<{}>)",
        "![x]({})",
        "<{}>",
        '<a href="{}">x</a>',
        "<a href={}>x</a>",
        '<img src="{}">',
        "[x]: {}\n\n[x]",
    ],
)
def test_no_address_gets_through(around):
    for vector in vectors()["addresses"]:
        attack = around.format(vector)
        assert dangers(shown(attack)) == [], attack
        assert dangers(text.render_html(attack).html) == [], attack


def test_bleach_alone_would_hold_too():
    for kind in ("plain elements", "handlers", "svg and math", "mutation", "attributes"):
        for vector in vectors()[kind]:
            assert dangers(sanitise._last(guard.normalise(vector))) == [], vector


PIECES = """
    < > " ' & ; = / * _ ` [ ] ( ) ! | @ # \\ ~n ~t - <b> </b> <i~a=1> <p> </p> <a~href=/x> </a> <table>
    <td> </table> <svg> <math> <style> <script> <!-- --> <li> <ul> <h1> <img~src=/files/a~alt=x> <input>
    <select> <br> <details> <template> <noscript> <title> &lt; &#60; javascript: https://a.b/ word
"""
FRAGMENTS = st.lists(st.sampled_from(PIECES.split()), max_size=30).map(
    lambda pieces: "".join(pieces).replace("~t", "\t").replace("~n", "\n").replace("~", " ")
)
SOME = settings(
    max_examples=2 * settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)


@pytest.mark.slow
@SOME
@given(FRAGMENTS | st.text(max_size=60))
def test_what_is_safe_is_not_changed_again(source):
    for once in (shown(source), text.second_pass(source)):
        assert text.second_pass(once) == once


@pytest.mark.slow
@SOME
@given(FRAGMENTS)
def test_nothing_random_gets_through(source):
    assert dangers(shown(source)) == []
    assert dangers(text.render_html(source).html) == []


# Nothing takes long


@pytest.mark.slow
@pytest.mark.parametrize("name", hostile.WORST)
def test_no_text_takes_two_seconds(name):
    start = time.process_time()
    text.render(hostile.ALL[name])
    assert time.process_time() - start < 2


def test_imported_formatting_does_not_multiply():
    start = time.process_time()
    html = text.render_html(hostile.SHAPED["open formatting, then paragraphs"]).html
    assert time.process_time() - start < 2
    assert len(html) < 200_000


def depth(html: str) -> int:
    deepest = level = 0
    for closing, name in re.findall(r"<(/?)([a-z0-9]+)", html):
        level += 0 if name in ("br", "hr", "img", "input") else -1 if closing else 1
        deepest = max(deepest, level)
    return deepest


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", ["> " * 5_000 + "a", "<ul><li>" * 3_000, "<b>" * 9_000, hostile.SHAPED["deep lists"][:31_000]]
)
def test_depth_has_a_limit_and_the_text_stays(source):
    for html in (shown(source + "end"), text.render_html(source + "end").html):
        assert depth(html) <= sanitise.MAX_NESTING
        assert "end" in html


@pytest.mark.slow
@pytest.mark.parametrize("source", ["- a\n" * 8_000, "<br>" * 8_000, "*a* " * 8_000, "www.a.b " * 4_000])
def test_elements_have_a_limit_and_the_text_stays(source):
    for html in (shown(source[: text.MAX_SOURCE - 3] + "end"), text.render_html(source + "end").html):
        assert len(re.findall("<[a-z]", html)) <= sanitise.MAX_ELEMENTS
        assert html.rstrip("\n</ulip>").endswith("end")


def test_references_do_not_multiply_what_they_refer_to():
    assert len(shown(hostile.SHAPED["a long target repeated"])) < 4 * guard.MAX_EXPANSION


@pytest.mark.slow
def test_short_rows_do_not_make_a_huge_table():
    assert shown(hostile.SHAPED["short rows of a wide table"]).count("<td") == 0
    small = "|a" * 20 + "|\n" + "|-" * 20 + "|\n" + "|b\n" * 10
    assert shown(small).count("<td") == 200
