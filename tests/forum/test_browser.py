"""In a real browser: what scripts add to asking, reading, voting and replying."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app import create_app
from core import worker
from core.db import db
from tests import make
from tests.running import Running

pytestmark = pytest.mark.browser
PATIENCE = 20_000


@pytest.fixture
def site(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """The running program with Ana's question and Ben's answer in it."""
    settings = {key: value for key, value in environ.items() if key != "SITE_URL"} | {"LOG_LEVEL": "WARNING"}
    with create_app(settings).app_context():
        ana = make.person("Ana", handle="ana", password=make.PASSWORD)
        make.person("Ben", handle="ben", password=make.PASSWORD)
        question = make.thread(
            "Why is the lamp cold?", by=make.viewer(ana), text="It is cold.\n\nIn the *evening*."
        )
        make.answer(question, "Press the button.", by=make.viewer(ana))
        worker.drain()
        db.session.remove()
        db.engine.dispose()
    running = Running(settings, tmp_path)
    running.start()
    yield running
    running.kill()


def sign_in(page: Page, site: Running, name: str) -> None:
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(make.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.locator(".me-face")).to_be_visible()


def test_asking_shows_what_is_known_already_and_keeps_what_was_typed(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/ask")
    page.get_by_label("Title").press_sequentially("My lamp is cold too")
    expect(page.locator("#similar")).to_contain_text("Why is the lamp cold?", timeout=PATIENCE)
    page.locator("textarea").fill("It was **warm** yesterday.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.locator(".editor-preview strong")).to_have_text("warm")
    page.goto(f"{site.url}/ask")
    expect(page.locator("textarea")).to_have_value("It was **warm** yesterday.")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("h1")).to_have_text("My lamp is cold too")
    page.goto(f"{site.url}/drafts")
    expect(page.locator(".empty")).to_be_visible()


def test_words_written_without_a_network_are_sent_when_it_returns(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    page.context.set_offline(True)
    page.locator("textarea").fill("Written in a tunnel.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    page.locator("textarea").fill("Written in a long tunnel.")
    page.context.set_offline(False)
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    assert draft_of(page, site)["body"] == "Written in a long tunnel."


def test_words_written_while_the_site_is_down_are_sent_when_it_is_back(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/ask")
    page.locator("textarea").fill("Before.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    site.kill()
    page.locator("textarea").fill("Before and after.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    site.start()
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=2 * PATIENCE)
    assert draft_of(page, site)["body"] == "Before and after."


def test_words_that_could_not_be_sent_are_there_on_the_next_visit(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/ask")
    page.locator("textarea").fill("Sent.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    page.route("**/drafts/*", lambda route: route.abort())
    page.locator("textarea").fill("Sent, and then some.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    page.unroute("**/drafts/*")
    page.goto(f"{site.url}/ask")
    expect(page.locator("textarea")).to_have_value("Sent, and then some.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)


def test_words_changed_elsewhere_since_are_not_overwritten(page: Any, site: Running, browser: Any):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    page.route("**/drafts/*", lambda route: route.abort())
    page.locator("textarea").fill("Older words.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    page.unroute("**/drafts/*")
    page.goto(f"{site.url}/drafts")
    other = browser.new_context().new_page()
    sign_in(other, site, "ben")
    other.goto(f"{site.url}/ask")
    other.locator("textarea").fill("Newer words.")
    expect(other.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    other.context.close()
    page.goto(f"{site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    expect(page.locator("textarea")).to_have_value("Newer words.")


def draft_of(page: Any, site: Running) -> dict[str, Any]:
    """What the server has of the question that is being written."""
    fields: dict[str, Any] = page.request.get(f"{site.url}/drafts/thread").json()["fields"]
    return fields


def test_what_scripts_cannot_reach_breaks_no_page_and_is_said_where_it_matters(page: Any, site: Running):
    """The page's fixture fails the test when a script error was not handled."""
    asked = {"fetch", "xhr", "eventsource"}
    sign_in(page, site, "ben")
    page.route("**/*", lambda it: it.abort() if it.request.resource_type in asked else it.continue_())
    page.goto(f"{site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    page.get_by_label("Title").press_sequentially("My lamp is cold too")
    page.locator("textarea").press_sequentially("Dear @an")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    expect(page.locator("[data-failure] p")).to_be_hidden()
    page.goto(f"{site.url}/t/1")
    page.locator("#post-2").get_by_label("Helpful", exact=True).click()
    expect(page.locator(".toast[data-failure]")).to_have_text("That did not get through. Please try again.")
    page.reload()
    page.locator("summary.me-face").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator(".toast[data-failure]")).to_be_visible()


def test_a_page_without_the_scripts_of_its_parts_still_takes_a_question(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.route("**/js/editor.js", lambda route: route.abort())
    page.goto(f"{site.url}/ask")
    page.get_by_label("Title").fill("Is the editor gone?")
    page.locator("textarea").fill("It seems so.")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("h1")).to_have_text("Is the editor gone?")


def test_voting_stays_on_the_page_and_can_be_taken_back(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/t/1")
    votes = page.locator("#post-2 .post-vote")
    before = page.url
    votes.get_by_label("Helpful", exact=True).click()
    expect(votes.locator(".vote-count")).to_have_text("1")
    expect(votes).to_have_class(re.compile("is-voted"))
    votes.get_by_label("Not helpful").click()
    expect(votes.locator(".vote-count")).to_have_text("-1")
    votes.get_by_label("Not helpful").click()
    expect(votes.locator(".vote-count")).to_have_text("0")
    assert page.url == before


def test_marked_words_are_quoted_and_the_reply_says_to_whom(page: Any, site: Running):
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/t/1")
    page.locator("#post-1 .post-body p").first.select_text()
    page.locator("#post-1").get_by_role("link", name="Reply").click()
    area = page.locator("#reply textarea")
    expect(area).to_have_value("> It is cold.\n\n")
    expect(page.locator("[data-reply-name]")).to_have_text("Ana")
    area.press_sequentially("Is it plugged in?")
    page.get_by_role("button", name="Comment only").click()
    expect(page.locator("#post-3 blockquote")).to_have_text("It is cold.")
    expect(page.locator("#reply textarea")).to_have_value("")


def test_a_reply_elsewhere_is_told_to_open_pages(page: Any, site: Running, browser: Any):
    sign_in(page, site, "ana")
    page.goto(f"{site.url}/t/1")
    page.wait_for_timeout(500)
    other = browser.new_context().new_page()
    sign_in(other, site, "ben")
    other.goto(f"{site.url}/t/1")
    other.locator("#reply textarea").fill("Did you try another bulb?")
    other.get_by_role("button", name="Post the answer").click()
    expect(other.locator("#post-3")).to_be_visible()
    note = page.locator("[data-live-replies]")
    expect(note).to_be_visible(timeout=PATIENCE)
    expect(note).to_have_text("New replies: 1")
    note.get_by_role("link").click()
    expect(page.locator("#post-3")).to_contain_text("another bulb")
    expect(page.locator("[data-live-replies]")).to_be_hidden()
    expect(other.locator("[data-live-replies]")).to_be_hidden()
    other.context.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_of_the_forum_scrolls_sideways(page: Any, site: Running, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, site, "ana")
    for path in (
        "/",
        "/questions",
        "/t/1",
        "/ask",
        "/search?q=lamp",
        "/tags",
        "/drafts",
        "/posts/1/edit",
        "/posts/1/history",
    ):
        page.goto(f"{site.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_without_scripts_a_vote_and_a_reply_work_too(browser: Any, site: Running):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site, "ben")
    page.goto(f"{site.url}/t/1")
    page.locator("#post-2").get_by_label("Helpful", exact=True).click()
    expect(page.locator("#post-2 .vote-count")).to_have_text("1")
    page.locator("#reply textarea").fill("No scripts here.")
    page.get_by_role("button", name="Post the answer").click()
    expect(page.locator("#post-3")).to_contain_text("No scripts here.")
    page.locator("#post-2 details summary").click()
    page.locator("#post-2").get_by_role("link", name="Flag").click()
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#post-2")).to_be_visible()
    context.close()
