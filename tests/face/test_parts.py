"""Parts say what they mean without scripts, escape what people wrote, and name icons that exist."""

import re
from pathlib import Path

import pytest
from flask import Flask, render_template, render_template_string
from lxml import html

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
SPRITE = (TEMPLATES.parent / "static" / "icons.svg").read_text(encoding="utf-8")
EVIL = "<script>alert(1)</script>\" onmouseover='x'"


def draw(face: Flask, text: str, **values: object) -> html.HtmlElement:
    with face.test_request_context("/"):
        return html.fragment_fromstring(render_template_string(text, **values), create_parent="div")


def page(face: Flask, query: str = "") -> html.HtmlElement:
    return html.fromstring(face.test_client().get(f"/parts{query}").data)


def test_every_icon_that_templates_name_is_in_the_sprite():
    known = set(re.findall(r'id="([a-z0-9-]+)"', SPRITE))
    patterns = (r'\bicon\("([a-z0-9-]+)"', r'\bicon_name="([a-z0-9-]+)"', r'\("[a-z]+", "([a-z0-9-]+)", _\(')
    missing = {
        f"{path.relative_to(TEMPLATES)}: {name}"
        for path in TEMPLATES.rglob("*.html")
        for pattern in patterns
        for name in re.findall(pattern, path.read_text(encoding="utf-8"))
        if name not in known and not name.endswith("-")  # "trending-" ~ direction
    }
    assert missing == set()


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "?visitor=1", "?staff=1", "?rtl=1"])
def test_every_part_is_drawn_for_everyone_and_no_id_stands_twice(face: Flask, query: str):
    tree = page(face, query)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert tree.xpath("count(//h1[not(contains(@class, 'confirm'))])") == 1


@pytest.mark.slow
def test_every_control_has_a_name_that_can_be_read_out(face: Flask):
    tree = page(face, "?staff=1")
    labelled = set(tree.xpath("//label/@for"))
    for control in tree.xpath("//input[not(@type='hidden')] | //textarea | //select"):
        assert control.get("aria-label") or control.get("id") in labelled or control.xpath("ancestor::label")
    for button in tree.xpath("//button | //summary | //a"):
        assert button.get("aria-label") or button.text_content().strip() or button.xpath(".//*[@aria-label]")
    for nav in tree.xpath("//nav"):
        assert nav.get("aria-label")


def test_a_page_for_visitors_holds_no_token(face: Flask):
    text = face.test_client().get("/write?visitor=1").get_data(as_text=True)
    assert "token-of-the-form" not in text
    assert "nonce" not in text


def test_the_staff_bar_is_for_staff(face: Flask):
    assert page(face, "?staff=1").xpath("//nav[@class='staffbar']")
    assert not page(face).xpath("//nav[@class='staffbar']")


def test_what_people_wrote_is_text(face: Flask):
    tree = draw(
        face,
        """{% from "parts/lists.html" import thread_row, empty_state %}
        {% from "parts/forms.html" import field, markdown_field %}
        {% from "parts/people.html" import avatar, person_link %}
        {% from "parts/marks.html" import tag_chip, status_pill %}
        {{ thread_row(evil, "/t", evil, excerpt=evil, tags=[(evil, "/x")], category=evil, last_name=evil) }}
        {{ field(evil, "title", value=evil, error=evil, hint=evil, placeholder=evil) }}
        {{ markdown_field(evil, value=evil) }}
        {{ avatar(evil) }}{{ person_link(evil) }}{{ tag_chip(evil) }}{{ status_pill("open", label=evil) }}
        {{ empty_state("inbox", evil, evil, "/x", evil) }}""",
        evil=EVIL,
    )
    assert not tree.xpath("//script | //*[@onmouseover]")
    assert tree.xpath("//textarea")[0].text.lstrip("\n") == EVIL


def test_a_vote_is_a_form_that_asks_for_the_other_state(face: Flask):
    text = '{% from "parts/votes.html" import vote_box %}{{ vote_box(3, voted, "/ideas/1/vote", "Vote") }}'
    for voted, wanted in ((False, "1"), (True, "0")):
        form = draw(face, text, voted=voted).xpath(".//form[@method='post' and @action='/ideas/1/vote']")[0]
        assert form.xpath("./input[@name='vote']/@value") == [wanted]
        assert form.xpath("./input[@name='csrf_token']")
        assert form.xpath("./button/@aria-pressed") == [str(voted).lower()]


def test_a_visitor_is_offered_to_sign_in_and_vote_later(face: Flask):
    text = """{% from "parts/votes.html" import vote_box %}
        {{ vote_box(3, false, "/v", "Vote", may_vote=false, sign_in_url="/sign-in") }}"""
    tree = draw(face, text)
    assert tree.xpath(".//a/@href") == ["/sign-in"]
    assert not tree.xpath(".//form")


def test_an_error_is_tied_to_its_field_and_summed_up_above(face: Flask):
    tree = draw(
        face,
        """{% from "parts/forms.html" import field, error_summary %}
        {{ error_summary({"title": "Give it a title.", "": "Too fast."}) }}
        {{ field("Title", "title", error="Give it a title.", hint="Short.") }}""",
    )
    entry = tree.xpath(".//input")[0]
    assert entry.get("aria-invalid") == "true"
    assert entry.get("aria-describedby").split() == ["field-title-error", "field-title-hint"]
    assert tree.xpath(".//*[@role='alert']//a/@href") == ["#field-title"]


def test_a_choice_that_is_made_stays_made(face: Flask):
    text = '{% from "parts/forms.html" import select_field %}{{ select_field("C", "c", options, value=2) }}'
    options = [("", "None"), ("Product", [(1, "Exports"), (2, "Billing")])]
    tree = draw(face, text, options=options)
    assert tree.xpath(".//option[@selected]/@value") == ["2"]
    assert tree.xpath(".//optgroup/@label") == ["Product"]


def test_a_time_is_exact_for_machines_and_whole_for_people(face: Flask):
    tree = page(face)
    found = tree.xpath("//time")[0]
    assert found.get("datetime") == "2026-03-02T09:30:00+00:00"
    assert found.get("title") == "02 Mar 2026, 09:30"
    assert found.text_content().strip() == "02 Mar 2026, 09:30"


def test_a_letter_and_its_plain_twin_say_the_same(face: Flask):
    values = {
        "action_url": "https://example.test/t/1",
        "action_label": "Read it",
        "reason": "You follow this.",
    }
    with face.test_request_context("/"):
        for name in ("mail/base.html", "mail/base.txt"):
            text = render_template(name, **values)
            assert all(value in text for value in values.values()), name


def test_the_summary_of_errors_names_the_fields_in_the_order_of_the_form(face: Flask):
    tree = draw(
        face,
        """{% from "parts/forms.html" import error_summary %}
        {% set labels = {"title": "Title", "tags": "Tags", "body": "Text"} %}
        {{ error_summary({"": "Too fast.", "body": "Fill in.", "title": "Fill in."}, labels=labels) }}""",
    )
    assert tree.xpath("//li//text()") == ["Title: Fill in.", "Text: Fill in.", "Too fast."]


def test_the_way_to_a_page_takes_titles_in_any_direction(face: Flask):
    tree = draw(
        face,
        """{% from "parts/lists.html" import breadcrumb %}{{ breadcrumb([("Home", "/"), ("שלום?", "")]) }}""",
    )
    assert tree.xpath("//a/@dir | //span/@dir") == ["auto", "auto"]


def test_the_error_page_says_what_to_do(face: Flask):
    with face.test_request_context("/"):
        text = render_template("error.html", code=404, title="Not found", text=EVIL, reference="ab12")
    tree = html.fromstring(text)
    assert tree.xpath("string(//h1)") == "Not found"
    assert not tree.xpath("//*[@onmouseover]")
    assert tree.xpath("//main//a[@href='/']")
