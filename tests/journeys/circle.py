"""The circle as people walk it, one step a method, each in their own browser window."""

import re
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from core.db import writing
from core.leases import LEASE
from core.viewer import Viewer
from forum import actions as forum
from tests import make
from tests.fakes.channel import Channel
from tests.running import Running

# Milliseconds that a worker may take on a busy machine, when one before it was killed with the work in hand.
PATIENCE = int(LEASE.total_seconds() * 1000) + 30_000
FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Small shops</title><link>{base}</link><item>
<title>Invoices as a spreadsheet?</title><link>{base}/posts/41</link><guid isPermaLink="false">post-41</guid>
<author>corner_bakery</author><pubDate>Mon, 02 Nov 2026 09:00:00 GMT</pubDate>
<description>I wish I could get my invoices out as a real spreadsheet. The CSV eats my zeros.</description>
</item></channel></rss>"""
CAST = {
    "Ana": ("customer",),
    "Ben": ("customer",),
    "Cleo": ("product_manager",),
    "Dev": ("agent", "moderator"),
    "Olu": ("owner",),
}


class Circle:
    """One community with its cast, an outside channel, and a browser for everybody."""

    def __init__(self, site: Running, channel: Channel, browser: Browser) -> None:
        self.site, self.channel, self.browser = site, channel, browser
        self.pages: dict[str, Page] = {}
        self.thread = self.idea = self.release = ""
        base = channel.url("")
        channel.serve(FEED.format(base=base))

    @staticmethod
    def people() -> None:
        """Their accounts and two categories, made before the program starts."""
        for name, roles in CAST.items():
            make.person(name, *roles, handle=name.lower(), password=make.PASSWORD)
        with writing():
            forum.create_category(Viewer.system(), name="Questions")
            forum.create_category(Viewer.system(), name="Ideas", default_kind="idea")

    def as_(self, name: str, path: str) -> Page:
        """The person's window at `path`; signs in at the first time, as a person would."""
        if name not in self.pages:
            page = self.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(f"{self.site.url}/sign-in")
            page.get_by_label("E-mail").fill(f"{name.lower()}@example.com")
            page.get_by_label("Password", exact=True).fill(make.PASSWORD)
            page.locator("main").get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("link", name="Notices")).to_be_visible()
            self.pages[name] = page
        page = self.pages[name]
        page.goto(self.site.url + path)
        return page

    def steps(self) -> list[Callable[[], None]]:
        """Everything in order."""
        return [
            self.a_source_is_added,
            self.a_post_arrives_from_outside,
            self.dev_makes_a_thread,
            self.ben_answers,
            self.dev_accepts_for_the_poster,
            self.cleo_turns_it_into_an_idea,
            self.ana_votes,
            self.ben_follows,
            self.cleo_ships_it,
            self.dev_approves_the_reply,
        ]

    def a_source_is_added(self) -> None:
        page = self.as_("Olu", "/sources/new")
        page.get_by_label("Name").fill("Small shops")
        page.get_by_label("Channel").fill("Forum")
        page.get_by_label("Address of the feed").fill(self.channel.url("/feed"))
        page.get_by_label("Address that takes replies").fill(self.channel.reply_url)
        page.get_by_role("button", name="Add this source").click()
        page.get_by_role("link", name="I have kept it").click()
        expect(page.get_by_role("heading", name="Small shops")).to_be_visible()

    def a_post_arrives_from_outside(self) -> None:
        page = self.as_("Dev", "/inbox")
        self._until(page, lambda: page.get_by_text("Invoices as a spreadsheet?").count() > 0)

    def dev_makes_a_thread(self) -> None:
        page = self.as_("Dev", "/inbox")
        page.get_by_role("link", name=re.compile("Invoices as a spreadsheet")).first.click()
        page.get_by_label("Category").select_option(label="Questions")
        page.get_by_role("button", name="Make the thread").click()
        page.wait_for_url(re.compile(r"/(t|inbox)/\d+"))
        page.goto(self.site.url + "/c/questions")
        page.get_by_role("link", name=re.compile("Invoices as a spreadsheet")).first.click()
        page.wait_for_url(re.compile(r"/t/\d+"))
        self.thread = self._path(page)
        expect(page.get_by_text("Forum").first).to_be_visible()

    def ben_answers(self) -> None:
        page = self.as_("Ben", self.thread)
        page.locator("textarea[name=body]").fill(
            "Not yet, but the import dialog lets you mark the column as *text*."
        )
        page.get_by_role("button", name="Post the answer").click()
        expect(page.get_by_text("lets you mark the column as")).to_be_visible()

    def dev_accepts_for_the_poster(self) -> None:
        page = self.as_("Dev", self.thread)
        page.get_by_role("button", name=re.compile("Accept")).first.click()
        expect(page.get_by_text(re.compile("Accepted")).first).to_be_visible()
        log = self.as_("Dev", "/admin/log")
        expect(log.get_by_text(re.compile("on behalf|for the person who asked")).first).to_be_visible()

    def cleo_turns_it_into_an_idea(self) -> None:
        page = self.as_("Cleo", re.sub(r"^(/t/\d+).*", r"\1/idea", self.thread))
        page.get_by_label("The idea in one line").fill("Export invoices as a real spreadsheet")
        page.get_by_role("button", name="Make it a new idea").click()
        page.wait_for_url(re.compile(r"/ideas/\d+"))
        self.idea = self._path(page)
        expect(page.get_by_text("corner_bakery").first).to_be_visible()

    def ana_votes(self) -> None:
        page = self.as_("Ana", self.idea)
        page.locator(".idea-head .vote-button").click()
        expect(page.locator(".idea-head .vote-button[aria-pressed=true]")).to_be_visible()

    def ben_follows(self) -> None:
        page = self.as_("Ben", self.idea)
        page.get_by_role("button", name="Follow", exact=True).first.click()
        expect(page.locator(".page").get_by_text("Following", exact=True)).to_be_visible()

    def cleo_ships_it(self) -> None:
        page = self.as_("Cleo", self.idea)
        page.get_by_label("Title of a new release").fill("Spreadsheet export")
        page.get_by_role("button", name="Mark as shipped in this release").click()
        page.wait_for_url(re.compile(r"/releases/\d+"))
        self.release = self._path(page)
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Publish and tell everybody").click()
        confirm = page.locator("dialog[open]").get_by_role("button").last
        if confirm.count() and confirm.is_visible():
            confirm.click()
        expect(page.get_by_text("You asked, we shipped")).to_be_visible()

    def dev_approves_the_reply(self) -> None:
        page = self.as_("Dev", "/inbox/replies")
        draft = page.locator("article.reply", has=page.get_by_text(re.compile("it has shipped")))
        self._until(page, lambda: draft.count() > 0)
        draft.get_by_role("button", name="Approve and send").click()
        self._until(page, lambda: bool(self.channel.replies))

    # --- what must hold in the end ---

    def check(self, mail: Path) -> None:
        """Everybody who asked has one notice, and the release page shows where it came from."""
        for name in ("Ana", "Ben"):
            page = self.as_(name, "/notices")
            told = page.get_by_role("link", name=re.compile("shipped in Spreadsheet export"))
            self._until(page, lambda told=told: told.count() > 0)
            assert told.count() == 1, f"{name} was told {told.count()} times"
            self._until(page, lambda name=name: len(self._letters(mail, name)) > 0)
            assert len(self._letters(mail, name)) == 1
        assert len(self.channel.replies) == 1
        (reply,) = self.channel.replies.values()
        assert "shipped" in reply["body"] and self.site.url in reply["body"]
        page = self.as_("Ana", self.release)
        chain = page.locator(".asked")
        expect(chain.get_by_text("I wish I could get my invoices out").first).to_be_visible()
        assert page.locator(f".asked a[href='{self.channel.url('/posts/41')}']").count() >= 1
        for path in (self.thread.split("?")[0], self.idea):
            number = re.sub(r"^(/\w+/\d+).*", r"\1", path)
            assert page.locator(f".asked a[href^='{number}']").count() >= 1, number

    def _letters(self, folder: Path, name: str) -> list[Any]:
        found = [message_from_bytes(p.read_bytes(), policy=default) for p in folder.glob("*.eml")]
        return [m for m in found if f"{name.lower()}@example.com" in m["To"] and "shipped in" in m["Subject"]]

    def _until(self, page: Page, is_so: Callable[[], bool]) -> None:
        """Look again until it is so: the worker does its part after the answer was given."""
        for _ in range(PATIENCE // 400):
            if is_so():
                return
            page.wait_for_timeout(400)
            page.reload()
        assert is_so(), f"not within {PATIENCE} ms; the program wrote:\n{self.site.wrote(1500)}"

    def _path(self, page: Page) -> str:
        return page.url.removeprefix(self.site.url).split("#")[0].split("?")[0]
