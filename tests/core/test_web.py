"""What every answer carries, and how errors are told to people and to programs."""

import json
import logging

import pytest
import sqlalchemy as sa
from flask import Flask

from core.config import SettingError, load
from core.errors import Conflict, Refused, Unavailable
from core.logs import JsonLines
from tests import make

pytestmark = pytest.mark.own_app


@pytest.fixture
def routes(app: Flask) -> Flask:
    def broken() -> str:
        raise ZeroDivisionError("secret detail")

    def refused() -> str:
        raise Refused("Votes are closed.", fields={"vote": "Too late."})

    def conflict() -> str:
        raise Conflict("Dev has it already.")

    def away() -> str:
        raise Unavailable("Back soon.")

    def no_database() -> str:
        raise sa.exc.OperationalError("SELECT secret", {}, Exception("gone"))

    for view in (broken, refused, conflict, away, no_database):
        app.add_url_rule(f"/try/{view.__name__}", view.__name__, view)
    return app


def test_every_answer_carries_the_security_headers_and_its_id(client):
    for path in ("/", "/nothing-here", "/health"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "object-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == (
            "private, no-store" if path != "/" else "public, max-age=0, must-revalidate"
        )
        assert len(headers["X-Request-ID"]) == 16


def test_what_an_answer_says_itself_is_not_said_twice(routes: Flask):
    def own() -> tuple[str, dict[str, str]]:
        return "picture", {"cache-control": "public", "Content-Security-Policy": "sandbox"}

    routes.add_url_rule("/try/own", "own", own)
    headers = routes.test_client().get("/try/own").headers
    assert headers.getlist("Cache-Control") == ["public"]
    assert headers.getlist("Content-Security-Policy") == ["sandbox"]
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_a_client_that_sends_its_own_forwarding_headers_is_not_believed(client):
    answer = client.get("/sign-in", headers={"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"})
    assert "evil.test" not in answer.get_data(as_text=True)
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.settings(SITE_URL="https://community.example")
def test_behind_https_cookies_are_secure_and_hsts_is_on(client):
    answer = client.get("/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/try/refused", 422),
        ("/try/conflict", 409),
        ("/try/away", 503),
        ("/try/no_database", 503),
        ("/try/broken", 500),
    ],
)
def test_programs_get_problem_json(routes: Flask, path: str, status: int):
    answer = routes.test_client().get(path, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["status"] == status


def test_people_get_a_page_that_says_what_to_do_and_no_inner_detail(routes: Flask):
    page = routes.test_client().get("/try/broken")
    assert page.status_code == 500
    assert "secret detail" not in page.get_data(as_text=True)
    assert "Something went wrong on our side" in page.get_data(as_text=True)
    assert "SELECT secret" not in routes.test_client().get("/try/no_database").get_data(as_text=True)


def test_what_is_not_there_or_not_allowed_says_what_may_help(client, context):
    missing = client.get("/no-such-page")
    assert missing.status_code == 404 and "a search may find it" in missing.text
    refused = make.client_of(make.actor("Ana")).get("/admin")
    assert refused.status_code == 403 and "write to the team" in refused.text


def test_what_the_framework_refuses_is_told_in_plain_words(client):
    refused = client.post("/questions")
    assert refused.status_code == 405
    assert "Not like this" in refused.text and "Method Not Allowed" not in refused.text


def test_what_is_down_says_when_to_come_back(routes: Flask):
    assert routes.test_client().get("/try/away").headers["Retry-After"] == "10"
    assert routes.test_client().get("/try/no_database").headers["Retry-After"] == "10"


def test_a_visitor_who_wants_a_members_page_is_sent_to_sign_in_and_back(client):
    answer = client.get("/notices?before=7")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in?next=/notices?before%3D7"


def test_a_log_line_is_one_line_whatever_users_send():
    record = logging.LogRecord("x", logging.INFO, "", 0, "name\nlevel=error\r\nforged", None, None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "name\nlevel=error\r\nforged"


def test_a_setting_that_cannot_be_read_names_itself(tmp_path):
    with pytest.raises(SettingError, match="PORT must be a whole number"):
        load({"VAR_DIR": str(tmp_path), "PORT": "eighty"})


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    first = load({"VAR_DIR": str(tmp_path)}).secret_key
    assert load({"VAR_DIR": str(tmp_path)}).secret_key == first
    assert len(first) >= 32
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_short_database_addresses_of_hosting_companies_are_understood(tmp_path):
    given = {"VAR_DIR": str(tmp_path), "DATABASE_URL": "postgres://u@h/d"}
    assert load(given).database_url == "postgresql+psycopg://u@h/d"
