"""Pages are put together from kept pieces: each stands where it belongs, and nobody can make a page take one."""

import re

import pytest
from flask import Flask, Response, render_template_string

from core.templates import Splices
from tests import make

pytestmark = pytest.mark.own_app
PAGE = '{% extends "base.html" %}{% block main %}<p>The page itself</p>{% endblock %}'
MARK = re.compile(r"<![0-9a-f]{16}:")


@pytest.fixture
def pages(app: Flask) -> Flask:
    """One page, returned in each way that a view may return it."""

    def text() -> str:
        return render_template_string(PAGE)

    def with_status() -> tuple[str, int]:
        return render_template_string(PAGE), 422

    def response() -> Response:
        return Response(render_template_string(PAGE))

    def failing_half_way() -> str:
        render_template_string(PAGE)
        raise ZeroDivisionError

    for view in (text, with_status, response, failing_half_way):
        app.add_url_rule(f"/try/{view.__name__}", view.__name__, view)
    return app


@pytest.mark.parametrize("path", ["/try/text", "/try/with_status", "/try/response", "/nothing-here"])
@pytest.mark.parametrize("is_member", [True, False])
def test_a_page_is_whole_however_it_was_returned(pages: Flask, context, path: str, is_member: bool):
    client = make.client_of(make.actor("Ana")) if is_member else pages.test_client()
    for _again in range(2):  # drawn, then kept
        page = client.get(path).text
        assert page.startswith("<!doctype html>")
        assert re.search(r'class="top".*<main.*class="bottom".*class="dock"', page, re.DOTALL)
        assert page.count('<header class="top"') == page.count('<footer class="bottom"') == 1
        assert ("/sign-out" in page) is is_member
        assert MARK.search(page) is None


def test_a_page_that_fails_half_way_leaves_a_plain_failure(pages: Flask):
    pages.testing = False
    answer = pages.test_client().get("/try/failing_half_way")
    assert answer.status_code == 500
    assert "logged as" in answer.text
    assert MARK.search(answer.text) is None


def test_what_looks_like_a_mark_is_only_text(pages: Flask):
    sent = "<!0123456789abcdef:0>"
    page = pages.test_client().get("/search", query_string={"q": sent}).text
    assert "&lt;!0123456789abcdef:0&gt;" in page
    assert sent not in page


def test_the_secret_of_marks_is_another_for_every_page():
    first, second = Splices(), Splices()
    mark = first.add("<b>ä</b>".encode())
    second.add(b"<i>other</i>")
    assert first.put_in(f"<p>ö{mark}</p>").decode() == "<p>ö<b>ä</b></p>"
    assert second.put_in(f"<p>{mark}</p>").decode() == f"<p>{mark}</p>"
