"""Forms: what is cleaned, what is refused, and in which words."""

from typing import Annotated

import pytest
from flask import Flask
from pydantic import Field
from werkzeug.datastructures import MultiDict

from core.errors import Refused
from core.forms import Email, Form, Line, Prose, WebAddress, errors_of, one_line, parse, web_address


class Letter(Form):
    title: Line = Field(min_length=3, max_length=10)
    body: Prose = Field(default="", max_length=20)
    number: int = Field(default=1, ge=0, le=9)
    loud: bool = False
    tags: list[Annotated[Line, Field(max_length=5)]] = Field(default=[], max_length=2)


class Contact(Form):
    email: Email
    website: WebAddress = Field(default="", max_length=40)


@pytest.fixture(autouse=True)
def request_open(app: Flask):
    with app.test_request_context():
        yield


def refusal(model: type[Form], *pairs: tuple[str, str]) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        parse(model, MultiDict(pairs))
    return caught.value.fields


def test_a_line_loses_line_ends_controls_and_hidden_marks():
    form = parse(Letter, MultiDict([("title", "  a\r\nb\x00\u202e c  ")]))
    assert form.title == "a b c"


def test_prose_keeps_its_lines_and_loses_other_controls():
    form = parse(Letter, MultiDict([("title", "abc"), ("body", "one\r\ntwo\rthree\x07\n\n")]))
    assert form.body == "one\ntwo\nthree"


def test_letters_composed_in_two_ways_are_one_text():
    assert parse(Letter, MultiDict([("title", "cafe\u0301")])).title == "caf\u00e9"


def test_length_is_counted_after_cleaning():
    assert parse(Letter, MultiDict([("title", "   abcdefghij   ")])).title == "abcdefghij"
    assert "10" in refusal(Letter, ("title", "abcdefghijk"))["title"]


def test_only_blanks_are_nothing():
    assert set(refusal(Letter, ("title", "   "))) == {"title"}


def test_an_empty_field_counts_as_not_sent():
    assert refusal(Letter, ("title", ""))["title"] == "Please fill this in."
    assert parse(Letter, MultiDict([("title", "abc"), ("number", "")])).number == 1


def test_a_plain_field_sent_twice_is_refused():
    assert set(refusal(Letter, ("title", "abc"), ("title", "def"))) == {"title"}


def test_a_list_field_takes_all_values_within_its_bounds():
    assert parse(Letter, MultiDict([("title", "abc"), ("tags", "x"), ("tags", "y")])).tags == ["x", "y"]
    assert set(refusal(Letter, ("title", "abc"), ("tags", "x"), ("tags", "y"), ("tags", "z"))) == {"tags"}


def test_wrong_numbers_are_told_at_their_field():
    for value in ("x", "-1", "10", "1e99", "NaN"):
        assert set(refusal(Letter, ("title", "abc"), ("number", value))) == {"number"}


def test_unknown_fields_change_nothing():
    form = parse(Letter, MultiDict([("title", "abc"), ("is_admin", "1"), ("id", "7")]))
    assert not hasattr(form, "is_admin")
    assert not hasattr(form, "id")


def test_a_list_where_a_text_is_expected_is_refused_in_json():
    with pytest.raises(Refused) as caught:
        parse(Letter, {"title": ["abc"]})
    assert set(caught.value.fields) == {"title"}


def test_every_wrong_field_is_told_at_once():
    assert set(refusal(Letter, ("title", "a"), ("number", "x"))) == {"title", "number"}


def test_errors_of_a_whole_form_stand_under_the_empty_name():
    assert errors_of(Refused("No.")) == {"": "No."}
    assert errors_of(Refused("No.", fields={"title": "Short."})) == {"title": "Short."}


def test_an_address_is_kept_in_lower_case():
    assert parse(Contact, MultiDict([("email", " Ana@Example.COM ")])).email == "ana@example.com"


@pytest.mark.parametrize(
    "value",
    [
        "ana",
        "ana@",
        "@example.com",
        "ana@example.com\nbcc: ben@example.com",
        "=?utf-8?q?ana?=@example.com",
        "ana@exa mple.com",
        '"<script>"@example.com',
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(value: str):
    assert set(refusal(Contact, ("email", value))) == {"email"}


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JaVaScRiPt://example.com/%0aalert(1)",
        "data:text/html,x",
        "//example.com",
        "example.com",
        "https://",
        "https://user:secret@example.com",
        'https://example.com/"onmouseover=',
        "ftp://example.com",
    ],
)
def test_a_website_is_http_or_https_with_a_host(value: str):
    assert set(refusal(Contact, ("email", "ana@example.com"), ("website", value))) == {"website"}


def test_a_good_website_stays_as_it_is():
    form = parse(
        Contact, MultiDict([("email", "ana@example.com"), ("website", "https://ana.example.org/a?b=c#d")])
    )
    assert form.website == "https://ana.example.org/a?b=c#d"


def test_names_and_addresses_from_elsewhere_are_cleaned_without_refusing():
    assert one_line("a\nb") == "a b"
    assert web_address("javascript:alert(1)", 100) == ""
    assert web_address("https://example.com/" + "a" * 100, 100) == ""
    assert web_address("https://example.com/a", 100) == "https://example.com/a"
