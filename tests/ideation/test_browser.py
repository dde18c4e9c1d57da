"""In a real browser: what scripts add to voting."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests import make
from tests.community import Community

pytestmark = pytest.mark.browser


def test_a_vote_shows_at_once_that_the_voter_follows_the_idea_now(page: Any, community: Community):
    with community.app.app_context():
        idea, ben = make.idea("A darker theme", by=make.actor("Ana")), make.actor("Ben")
        path = f"/ideas/{idea.id}/a-darker-theme"
    community.sign_in(page, ben)
    page.goto(community.url + path)
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    page.locator(".vote-button").first.click()
    expect(page.locator(".vote-count").first).to_have_text("2")
    expect(page.locator("#idea-follow")).to_contain_text("Following")
    expect(page.locator("#idea-follow")).to_have_count(1)
    page.locator("#idea-follow summary").click()
    page.get_by_role("button", name="Stop following").click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
