"""In a real browser: the inbox on a phone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests import make
from tests.community import Community

pytestmark = pytest.mark.browser


def test_what_is_done_with_chosen_posts_stands_above_the_dock_of_a_phone(page: Any, community: Community):
    with community.app.app_context():
        dev, place = make.actor("Dev", "agent", "moderator"), make.source("Phone forum")
        for number in range(12):
            make.mention(f"Words of post {number}", source=place)
    page.set_viewport_size({"width": 390, "height": 844})
    community.sign_in(page, dev)
    page.goto(f"{community.url}/inbox?source={place.id}")
    page.locator("input[name=mention_id]").first.check()
    page.get_by_role("button", name="Put the chosen aside").click(timeout=5_000)
    expect(page.locator("main")).to_contain_text("1 post put aside")


def test_the_mark_of_where_a_thread_came_from_stands_on_one_line(page: Any, community: Community):
    with community.app.app_context():
        thread = make.thread("Why is the lamp blue?", by=make.actor("Ana"), origin_label="Mastodon")
    page.goto(f"{community.url}/t/{thread.id}")
    mark = page.locator(".thread-meta > span", has_text="from Mastodon")
    assert mark.bounding_box()["height"] < 1.5 * mark.evaluate(
        "e => parseFloat(getComputedStyle(e).lineHeight)"
    )
