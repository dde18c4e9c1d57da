"""In a real browser: the policy holds, nothing scrolls sideways, keys, menus, drafts and the bell work."""

import re
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def wait_for_scripts(page: Any) -> None:
    """The bell says what the first poll answered once every module has run."""
    expect(page.locator("[data-bell-count]")).to_have_text("9")


@pytest.mark.parametrize(
    ("width", "query"), [(360, ""), (360, "?rtl=1"), (768, "?staff=1"), (1280, "?visitor=1")]
)
def test_no_page_scrolls_sideways(page: Any, face_url: str, width: int, query: str):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{face_url}/parts{query}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_search_box_is_one_key_away_and_j_walks_the_rows(page: Any, face_url: str):
    page.goto(f"{face_url}/parts")
    wait_for_scripts(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator("[data-row].is-active").count() == 1
    assert page.evaluate("document.activeElement.matches('[data-row-link]')")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "top-search"


def test_a_menu_opens_by_itself_and_closes_on_escape(page: Any, face_url: str):
    page.goto(f"{face_url}/parts")
    wait_for_scripts(page)
    page.locator("summary.me-face").click()
    assert page.locator(".me .menu-list").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".me .menu-list").is_hidden()


def test_keys_are_explained(page: Any, face_url: str):
    page.goto(f"{face_url}/write")
    wait_for_scripts(page)
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()


def test_what_someone_writes_is_kept_on_the_server(page: Any, face: Flask, face_url: str):
    face.extensions["drafts"].clear()
    page.goto(f"{face_url}/write")
    page.wait_for_selector("markdown-toolbar:defined")
    page.fill("#field-title", "Exports stop")
    page.fill("#field-body", "After 10,000 rows.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved")
    assert face.extensions["drafts"][-1] == (
        "token-of-the-form",
        {"title": "Exports stop", "body": "After 10,000 rows."},
    )


def test_a_draft_that_could_not_be_sent_comes_back_from_the_device(page: Any, face_url: str):
    page.goto(f"{face_url}/write")
    page.wait_for_selector("markdown-toolbar:defined")
    page.route(re.compile(r"/drafts/1$"), lambda route: route.abort())
    page.fill("#field-body", "Written in a tunnel.")
    expect(page.locator("[data-draft-status]")).to_contain_text("kept on this device")
    page.unroute(re.compile(r"/drafts/1$"))
    page.reload()
    expect(page.locator("#field-body")).to_have_value("Written in a tunnel.")


def test_what_was_sent_does_not_come_back_as_a_draft(page: Any, face_url: str):
    page.goto(f"{face_url}/write")
    page.wait_for_selector("markdown-toolbar:defined")
    page.fill("#field-body", "Sent at once.")
    page.locator("#field-body").press("Control+Enter")
    page.wait_for_load_state()
    page.goto(f"{face_url}/write")
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_vote_is_counted_without_leaving_the_page(page: Any, face: Flask, face_url: str):
    face.extensions["votes"].clear()
    page.goto(f"{face_url}/write")
    wait_for_scripts(page)
    page.fill("#field-title", "still here")
    page.locator(".vote-button").click()
    expect(page.locator(".vote.is-voted .vote-count")).to_have_text("4")
    assert page.input_value("#field-title") == "still here"
    token, form = face.extensions["votes"][0]
    assert (token, form["vote"]) == ("token-of-the-form", "1")


def test_a_person_is_offered_after_an_at_sign(page: Any, face_url: str):
    page.goto(f"{face_url}/write")
    page.wait_for_selector("markdown-toolbar:defined")
    page.locator("#field-body").press_sequentially("Thanks @be")
    page.get_by_role("option").click()
    expect(page.locator("#field-body")).to_have_value("Thanks @ben ")


def test_the_toolbar_writes_markdown(page: Any, face_url: str):
    page.goto(f"{face_url}/write")
    page.wait_for_selector("markdown-toolbar:defined")
    page.fill("#field-body", "rows")
    page.locator("#field-body").select_text()
    page.locator("md-bold").click()
    assert page.input_value("#field-body") == "**rows**"


def test_times_become_words_in_the_language_of_the_page(page: Any, face_url: str):
    page.goto(f"{face_url}/parts?rtl=1")
    page.wait_for_selector("relative-time:defined")
    assert re.search(
        r"[\u0600-\u06ff]", page.locator("relative-time").first.evaluate("e => e.shadowRoot.textContent")
    )


def test_a_form_of_somebody_new_says_the_zone_of_the_browser(browser: Any, face_url: str):
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(f"{face_url}/write")
    expect(page.locator("[name=timezone]")).to_have_value("Asia/Tokyo")
    context.close()


def test_the_dark_theme_is_dark(page: Any, face_url: str):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{face_url}/write")
    assert page.evaluate("getComputedStyle(document.body).color") != page.evaluate(
        "(document.documentElement.dataset.theme = 'light', getComputedStyle(document.body).color)"
    )


def test_the_page_can_be_read_without_scripts(browser: Any, face_url: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{face_url}/write")
    assert page.locator("#field-body").is_visible()
    page.locator("summary.me-face").click()
    assert page.locator(".me .menu-list").is_visible()
    context.close()
