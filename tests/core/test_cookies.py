"""The session cookie is read once in a while: nobody gets another's, and nothing that was changed is lost."""

import pytest
from flask import Flask, flash, get_flashed_messages, session

from core.cookies import KeptCookies

pytestmark = pytest.mark.own_app


@pytest.fixture
def routes(app: Flask) -> Flask:
    app.config["WTF_CSRF_ENABLED"] = False

    def look() -> dict[str, object]:
        return {"name": session.get("name", ""), "told": get_flashed_messages()}

    def name(name: str) -> str:
        session["name"] = name
        return "ok"

    def forget() -> str:
        session.clear()
        return "ok"

    def tell() -> str:
        flash("Told once.")
        return "ok"

    app.add_url_rule("/try/look", view_func=look)
    app.add_url_rule("/try/name/<name>", view_func=name)
    app.add_url_rule("/try/forget", view_func=forget)
    app.add_url_rule("/try/tell", view_func=tell)
    return app


def test_two_browsers_keep_their_own_sessions(routes: Flask):
    ana, ben = routes.test_client(), routes.test_client()
    ana.get("/try/name/Ana")
    ben.get("/try/name/Ben")
    for _ in range(3):
        assert ana.get("/try/look").json["name"] == "Ana"
        assert ben.get("/try/look").json["name"] == "Ben"
        assert routes.test_client().get("/try/look").json["name"] == ""


def test_a_change_is_seen_by_the_next_request(routes: Flask):
    ana = routes.test_client()
    for name in ("Ana", "Lima", "Ana"):
        ana.get(f"/try/name/{name}")
        assert [ana.get("/try/look").json["name"] for _ in range(2)] == [name, name]
    ana.get("/try/forget")
    assert ana.get("/try/look").json["name"] == ""


def test_what_was_told_is_told_once(routes: Flask):
    ana = routes.test_client()
    ana.get("/try/name/Ana")
    for _ in range(2):
        ana.get("/try/tell")
        assert [ana.get("/try/look").json["told"] for _ in range(2)] == [["Told once."], []]


def test_a_cookie_that_was_tampered_with_is_not_believed(routes: Flask):
    ana = routes.test_client()
    ana.get("/try/name/Ana")
    ana.get("/try/look")
    good = ana.get_cookie("session").value
    head, _, tail = good.rpartition(".")
    for bad in (good[:-2], "x" + good, head + "." + tail[::-1], head):
        other = routes.test_client()
        other.set_cookie("session", bad)
        assert other.get("/try/look").json["name"] == ""


def test_a_session_is_checked_once_and_then_known_by_its_cookie(routes: Flask):
    ana = routes.test_client()
    ana.get("/try/name/Ana")
    ana.get("/try/look")
    routes.secret_key = routes.config["SECRET_KEY"] = "another key"
    assert ana.get("/try/look").json["name"] == "Ana"
    assert isinstance(routes.session_interface, KeptCookies)
    routes.extensions["fullcircle.cookies"].clear()
    assert ana.get("/try/look").json["name"] == ""
