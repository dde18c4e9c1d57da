"""In a real browser: what scripts add to asking, reading, voting and replying."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from core.viewer import Viewer
from tests import make
from tests.community import Community

pytestmark = pytest.mark.browser
PATIENCE = 20_000


@dataclass
class Talk:
    """Ana's question with an answer of hers, and Ben who reads it."""

    site: Community
    ana: Viewer
    ben: Viewer
    path: str
    opening: int
    answer: int

    third = "[data-posts] article >> nth=2"  # where the next reply stands

    @property
    def url(self) -> str:
        return self.site.url + self.path


@pytest.fixture
def talk(community: Community) -> Talk:
    with community.app.app_context():
        ana, ben = make.actor("Ana"), make.actor("Ben")
        question = make.thread("Why is the lamp cold?", by=ana, text="It is cold.\n\nIn the *evening*.")
        answer = make.answer(question, "Press the button.", by=ana)
        return Talk(community, ana, ben, f"/t/{question.id}", make.opening(question).id, answer.id)


def test_asking_shows_what_is_known_already_and_keeps_what_was_typed(page: Any, talk: Talk):
    talk.site.settle()
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/ask")
    page.get_by_label("Title").press_sequentially("My lamp is cold too")
    expect(page.locator("#similar")).to_contain_text("Why is the lamp cold?", timeout=PATIENCE)
    page.locator("textarea").fill("It was **warm** yesterday.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.locator(".editor-preview strong")).to_have_text("warm")
    page.goto(f"{talk.site.url}/ask")
    expect(page.locator("textarea")).to_have_value("It was **warm** yesterday.")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("h1")).to_have_text("My lamp is cold too")
    page.goto(f"{talk.site.url}/drafts")
    expect(page.locator(".empty")).to_be_visible()


def test_words_written_without_a_network_are_sent_when_it_returns(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    page.context.set_offline(True)
    page.locator("textarea").fill("Written in a tunnel.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    page.locator("textarea").fill("Written in a long tunnel.")
    page.context.set_offline(False)
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    assert draft_of(page, talk)["body"] == "Written in a long tunnel."


def test_words_written_while_the_site_is_down_are_sent_when_it_is_back(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/ask")
    page.locator("textarea").fill("Before.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    talk.site.program.kill()
    page.locator("textarea").fill("Before and after.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    talk.site.program.start()
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=2 * PATIENCE)
    assert draft_of(page, talk)["body"] == "Before and after."


def test_words_that_could_not_be_sent_are_there_on_the_next_visit(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/ask")
    page.locator("textarea").fill("Sent.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    page.route("**/drafts/*", lambda route: route.abort())
    page.locator("textarea").fill("Sent, and then some.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    page.unroute("**/drafts/*")
    page.goto(f"{talk.site.url}/ask")
    expect(page.locator("textarea")).to_have_value("Sent, and then some.")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)


def test_words_changed_elsewhere_since_are_not_overwritten(page: Any, talk: Talk, browser: Any):
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    page.route("**/drafts/*", lambda route: route.abort())
    page.locator("textarea").fill("Older words.")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    page.unroute("**/drafts/*")
    page.goto(f"{talk.site.url}/drafts")
    other = browser.new_context().new_page()
    talk.site.sign_in(other, talk.ben)
    other.goto(f"{talk.site.url}/ask")
    other.locator("textarea").fill("Newer words.")
    expect(other.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    other.context.close()
    page.goto(f"{talk.site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    expect(page.locator("textarea")).to_have_value("Newer words.")


def draft_of(page: Any, talk: Talk) -> dict[str, Any]:
    """What the server has of the question that is being written."""
    fields: dict[str, Any] = page.request.get(f"{talk.site.url}/drafts/thread").json()["fields"]
    return fields


def test_what_scripts_cannot_reach_breaks_no_page_and_is_said_where_it_matters(page: Any, talk: Talk):
    """The page's fixture fails the test when a script error was not handled."""
    asked = {"fetch", "xhr", "eventsource"}
    talk.site.sign_in(page, talk.ben)
    page.route("**/*", lambda it: it.abort() if it.request.resource_type in asked else it.continue_())
    page.goto(f"{talk.site.url}/ask")
    page.wait_for_selector("markdown-toolbar:defined")
    page.get_by_label("Title").press_sequentially("My lamp is cold too")
    page.locator("textarea").press_sequentially("Dear @an")
    expect(page.locator("[data-draft-status]")).to_contain_text("Not saved yet", timeout=PATIENCE)
    expect(page.locator(".toast")).to_have_count(0)
    page.goto(talk.url)
    page.locator(f"#post-{talk.answer}").get_by_label("Helpful", exact=True).click()
    expect(page.locator(".toast")).to_have_text("That did not get through. Please try again.")
    page.reload()
    page.locator("summary.me-face").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator(".toast")).to_have_text("That did not get through. Please try again.")


def test_a_page_without_the_scripts_of_its_parts_still_takes_a_question(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ben)
    page.route("**/js/editor.js", lambda route: route.abort())
    page.goto(f"{talk.site.url}/ask")
    page.get_by_label("Title").fill("Is the editor gone?")
    page.locator("textarea").fill("It seems so.")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("h1")).to_have_text("Is the editor gone?")


def test_voting_stays_on_the_page_and_can_be_taken_back(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ben)
    page.goto(talk.url)
    votes = page.locator(f"#post-{talk.answer} .post-vote")
    before = page.url
    votes.get_by_label("Helpful", exact=True).click()
    expect(votes.locator(".vote-count")).to_have_text("1")
    expect(votes).to_have_class(re.compile("is-voted"))
    votes.get_by_label("Not helpful").click()
    expect(votes.locator(".vote-count")).to_have_text("-1")
    votes.get_by_label("Not helpful").click()
    expect(votes.locator(".vote-count")).to_have_text("0")
    assert page.url == before


def test_marked_words_are_quoted_and_the_reply_says_to_whom(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ben)
    page.goto(talk.url)
    page.locator(f"#post-{talk.opening} .post-body p").first.select_text()
    page.locator(f"#post-{talk.opening}").get_by_role("link", name="Reply").click()
    area = page.locator("#reply textarea")
    expect(area).to_have_value("> It is cold.\n\n")
    expect(page.locator("[data-reply-name]")).to_have_text("Ana")
    area.press_sequentially("Is it plugged in?")
    page.get_by_role("button", name="Comment only").click()
    expect(page.locator("article.post-comment blockquote")).to_have_text("It is cold.")
    expect(page.locator("#reply textarea")).to_have_value("")


def test_a_reply_elsewhere_is_told_to_open_pages(page: Any, talk: Talk, browser: Any):
    talk.site.sign_in(page, talk.ana)
    page.goto(talk.url)
    page.wait_for_timeout(500)
    other = browser.new_context().new_page()
    talk.site.sign_in(other, talk.ben)
    other.goto(talk.url)
    other.locator("#reply textarea").fill("Did you try another bulb?")
    other.get_by_role("button", name="Post the answer").click()
    expect(other.locator(talk.third)).to_be_visible()
    note = page.locator("[data-live-replies]")
    expect(note).to_be_visible(timeout=PATIENCE)
    expect(note).to_have_text("New replies: 1")
    note.get_by_role("link").click()
    expect(page.locator(talk.third)).to_contain_text("another bulb")
    expect(page.locator("[data-live-replies]")).to_be_hidden()
    expect(other.locator("[data-live-replies]")).to_be_hidden()
    other.context.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_of_the_forum_scrolls_sideways(page: Any, talk: Talk, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    talk.site.sign_in(page, talk.ana)
    for path in (
        "/",
        "/questions",
        talk.path,
        "/ask",
        "/search?q=lamp",
        "/tags",
        "/drafts",
        f"/posts/{talk.opening}/edit",
        f"/posts/{talk.opening}/history",
    ):
        page.goto(f"{talk.site.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_names_and_titles_of_one_endless_word_stay_on_the_page(page: Any, talk: Talk):
    page.set_viewport_size({"width": 360, "height": 800})
    with talk.site.app.app_context():
        writer = make.person("W" * 60, handle="endless")
        endless = make.thread("Donaudampfschifffahrt" * 9, by=make.viewer(writer))
        path_of_it = f"/t/{endless.id}"
        make.answer(endless, "Press it.", by=make.viewer(writer))
    for path in (path_of_it, "/", "/questions", "/people", "/people/endless"):
        page.goto(f"{talk.site.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{talk.site.url}/questions")
    row = page.locator(".thread-row", has_text="Donaudampfschifffahrt")
    assert (
        row.locator(".row-main").bounding_box()["width"]
        > 2 * row.locator(".row-side").bounding_box()["width"]
    )


def test_a_file_that_is_refused_says_why_and_a_saved_draft_does_not_take_the_words_away(
    page: Any, talk: Talk
):
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/ask")
    page.get_by_label("Title").fill("My lamp is cold too")
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.locator("main input[type=file]").set_input_files(file)
    expect(page.locator("[data-draft-status]")).to_have_text("Draft saved", timeout=PATIENCE)
    expect(page.locator("[data-upload-status]")).to_contain_text("notes.txt: This is not a picture")


def test_on_a_phone_the_tab_where_one_is_comes_into_sight(page: Any, talk: Talk):
    page.set_viewport_size({"width": 360, "height": 800})
    talk.site.sign_in(page, talk.ben)
    page.goto(f"{talk.site.url}/settings/data")
    expect(page.locator(".settings-tab[aria-current]")).to_be_in_viewport(ratio=1)


def test_what_one_follows_is_in_ones_menu(page: Any, talk: Talk):
    talk.site.sign_in(page, talk.ana)
    page.goto(talk.site.url)
    page.locator(".me-face").click()
    page.get_by_role("link", name="Following").click()
    expect(page.locator("h1")).to_have_text("Following")


def test_without_scripts_a_vote_and_a_reply_work_too(browser: Any, talk: Talk):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    talk.site.sign_in(page, talk.ben)
    page.goto(talk.url)
    page.locator(f"#post-{talk.answer}").get_by_label("Helpful", exact=True).click()
    expect(page.locator(f"#post-{talk.answer} .vote-count")).to_have_text("1")
    page.locator("#reply textarea").fill("No scripts here.")
    page.get_by_role("button", name="Post the answer").click()
    expect(page.locator(talk.third)).to_contain_text("No scripts here.")
    page.locator(f"#post-{talk.answer} details summary").click()
    page.locator(f"#post-{talk.answer}").get_by_role("link", name="Flag").click()
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Send").click()
    expect(page.locator(f"#post-{talk.answer}")).to_be_visible()
    context.close()
