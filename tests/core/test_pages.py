"""Pages kept for visitors: served again only while nothing changed, and never to members."""

import pytest
from flask import Flask

from core.db import writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from tests import make


@pytest.fixture
def thread(context: Flask):
    with writing():
        room = forum.create_category(Viewer.system(), name="Open room")
    ana = make.actor("Ana", handle="ana")
    with writing():
        return forum.start_thread(
            ana, category_id=room.id, title="Where is the export?", body=render("I cannot find it.")
        )


@pytest.fixture
def path(thread) -> str:
    return f"/t/{thread.id}/{thread.slug}"


def renderings(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests that reached Flask."""
    seen: list[str] = []
    app.before_request_funcs.setdefault(None, []).append(lambda: seen.append("asked"))
    return seen


def test_a_second_visitor_gets_the_same_bytes_without_rendering(app: Flask, path: str, monkeypatch):
    seen = renderings(app, monkeypatch)
    first = app.test_client().get(path)
    second = app.test_client().get(path)
    assert first.status_code == second.status_code == 200
    assert first.data == second.data
    assert len(seen) == 1
    assert second.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


def test_any_change_of_the_thread_drops_the_page(app: Flask, path: str, thread):
    client = app.test_client()
    client.get(path)
    with writing():
        forum.reply(make.actor("Ben", handle="ben"), thread, render("It is under Reports."))
    assert "It is under Reports." in client.get(path).get_data(as_text=True)


def test_a_deleted_thread_is_gone_for_visitors_at_once(app: Flask, path: str, thread):
    client = app.test_client()
    assert client.get(path).status_code == 200
    with writing():
        forum.delete_thread(make.actor("Dev", "moderator", handle="dev"), thread, "spam")
    assert client.get(path).status_code == 404


def test_a_member_never_gets_a_visitors_page_nor_a_visitor_a_members(app: Flask, path: str):
    app.test_client().get(path)
    member = make.client_of(make.person("Cleo", handle="cleo"))
    page = member.get(path).get_data(as_text=True)
    assert "sign-out" in page
    assert "sign-out" not in app.test_client().get(path).get_data(as_text=True)


def test_a_kept_page_holds_no_token_and_sets_no_cookie(app: Flask, path: str):
    app.test_client().get(path)
    kept = app.test_client().get(path)
    assert "Set-Cookie" not in kept.headers
    assert "csrf" not in kept.get_data(as_text=True)
    assert "nonce" not in kept.headers["Content-Security-Policy"]


def test_a_browser_that_has_the_page_is_told_so(app: Flask, path: str):
    app.test_client().get(path)
    etag = app.test_client().get(path).headers["ETag"]
    again = app.test_client().get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again.data == b""


def test_hosts_languages_and_queries_do_not_share_a_page(app: Flask, path: str):
    app.test_client().get(path)
    other = app.test_client().get(path, headers={"Host": "evil.test", "X-Forwarded-Host": "evil.test"})
    assert "evil.test" not in app.test_client().get(path).get_data(as_text=True)
    assert other.status_code in (200, 400)
