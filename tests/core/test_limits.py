"""Rate limits: who is counted together, what a refusal says, and what stands while Redis is away."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request
from flask_babel import Babel

from core import limits
from core.config import Settings
from core.errors import Unavailable
from core.limits import limiter
from core.viewer import Viewer
from tests.services import start_redis


@pytest.fixture(params=["process", pytest.param("redis", marks=pytest.mark.scale)])
def redis_or_not(request: Any) -> str:
    return "" if request.param == "process" else str(request.getfixturevalue("redis_url"))


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cookie `who` says who asks."""
    monkeypatch.setattr(limits, "viewer", lambda: Viewer(id=int(request.cookies.get("who", "0")) or None))


def app_with(redis_url: str = "", **changes: Any) -> Flask:
    app = Flask("limits")
    Babel(app)
    settings = Settings(redis_url=redis_url, **changes)
    app.extensions["fullcircle.settings"] = settings
    limits.init(app, settings)

    @app.get("/look")
    @limiter.limit("2 per minute")
    def look() -> str:
        return "seen"

    @app.post("/write")
    @limiter.limit("2 per minute")
    def write() -> str:
        return "written"

    @app.post("/free")
    def free() -> str:
        return "free"

    app.register_error_handler(Unavailable, lambda error: (error.message, error.status))
    return app


def status(
    app: Flask, path: str = "/write", who: int = 0, address: str = "203.0.113.5", **headers: str
) -> int:
    client = app.test_client()
    if who:
        client.set_cookie("who", str(who))
    method = "GET" if path == "/look" else "POST"
    return client.open(
        path, method=method, environ_base={"REMOTE_ADDR": address}, headers=headers
    ).status_code


def test_beyond_the_limit_a_request_is_refused_with_the_time_to_wait(redis_or_not):
    app = app_with(redis_or_not)
    client = app.test_client()
    assert [client.post("/write").status_code for _ in range(2)] == [200, 200]
    refused = client.post("/write")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert client.post("/free").status_code == 200


def test_a_person_is_counted_wherever_they_are_and_a_visitor_by_address(redis_or_not):
    app = app_with(redis_or_not)
    assert [status(app, who=1, address=f"203.0.113.{n}") for n in (1, 2, 3)] == [200, 200, 429]
    assert status(app, who=2, address="203.0.113.1") == 200
    assert [status(app, address="203.0.113.9") for _ in range(3)] == [200, 200, 429]
    assert status(app, address="203.0.113.10") == 200


def test_a_header_that_the_client_writes_gives_no_new_count():
    app = app_with()
    forged: list[dict[str, Any]] = [
        {"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"} for n in range(3)
    ]
    assert [status(app, **headers) for headers in forged] == [200, 200, 429]


def test_all_addresses_of_one_ipv6_network_are_counted_together():
    app = app_with()
    assert [status(app, address=f"2001:db8:1:2::{n:x}") for n in (1, 2, 0xFFFF)] == [200, 200, 429]
    assert status(app, address="2001:db8:1:3::1") == 200


def test_limits_can_be_switched_off():
    app = app_with(rate_limits=False)
    assert {status(app) for _ in range(5)} == {200}


def test_two_apps_in_one_process_count_apart():
    first, second = app_with(), app_with()
    assert [status(first) for _ in range(3)] == [200, 200, 429]
    assert status(second) == 200


@pytest.fixture
def ending_redis() -> Iterator[Any]:
    server = start_redis()
    yield server
    server.stop()


@pytest.mark.scale
def test_while_redis_is_away_reads_go_on_and_limited_writes_wait(ending_redis):
    app = app_with(ending_redis.url)
    assert [status(app), status(app, "/look")] == [200, 200]
    ending_redis.stop()
    assert [status(app), status(app, "/look"), status(app, "/free")] == [503, 200, 200]


def test_a_redis_that_was_never_there_does_not_stop_the_start():
    app = app_with("redis://127.0.0.1:1/0")
    assert [status(app), status(app, "/look")] == [503, 200]
