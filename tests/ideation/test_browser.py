"""In a real browser: what scripts add to voting."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from app import create_app
from core import worker
from core.db import db
from tests import make
from tests.running import Running

pytestmark = pytest.mark.browser


@pytest.fixture
def site(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """The running program with Ana's idea in it."""
    settings = {key: value for key, value in environ.items() if key != "SITE_URL"} | {"LOG_LEVEL": "WARNING"}
    with create_app(settings).app_context():
        make.idea("A darker theme", by=make.viewer(make.person("Ana")))
        make.person("Ben", handle="ben", password=make.PASSWORD)
        worker.drain()
        db.session.remove()
        db.engine.dispose()
    running = Running(settings, tmp_path)
    running.start()
    yield running
    running.kill()


def test_a_vote_shows_at_once_that_the_voter_follows_the_idea_now(page: Any, site: Running):
    page.goto(f"{site.url}/sign-in?next=/ideas/1/a-darker-theme")
    page.get_by_label("E-mail").fill("ben@example.com")
    page.get_by_label("Password", exact=True).fill(make.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    page.locator(".vote-button").first.click()
    expect(page.locator(".vote-count").first).to_have_text("2")
    expect(page.locator("#idea-follow")).to_contain_text("Following")
    expect(page.locator("#idea-follow")).to_have_count(1)
    page.locator("#idea-follow summary").click()
    page.get_by_role("button", name="Stop following").click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
