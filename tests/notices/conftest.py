"""What the tests of notices share: a community with an idea that people asked for in every way."""

from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from core import mail, worker
from core.db import db, writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Category, Post, Thread
from ideation import actions as ideation
from ideation.models import Idea
from ideation.releases import actions as releases
from ideation.releases.models import Release
from notices.models import Notice, NoticeMail
from tests import make

SYSTEM = Viewer.system()


@dataclass
class Town:
    """A small community; its methods act as people do, and let the worker do its part when asked."""

    ana: Viewer
    ben: Viewer
    cleo: Viewer
    dev: Viewer
    questions: Category
    ideas: Category

    def ask(self, who: Viewer, title: str = "How do I export?", body: str = "I cannot find it.") -> Thread:
        with writing():
            return forum.start_thread(who, category_id=self.questions.id, title=title, body=render(body))

    def reply(self, who: Viewer, thread: Thread, body: str, **more: Any) -> Post:
        with writing():
            return forum.reply(who, thread, render(body), **more)

    def idea(self, who: Viewer, title: str = "Export as a spreadsheet") -> Idea:
        with writing():
            return ideation.raise_idea(who, title=title, body=render("Please."), category_id=self.ideas.id)

    def wants(self, who: Viewer, idea: Idea) -> None:
        with writing():
            ideation.vote(who, idea)

    def thread_of(self, idea: Idea) -> Thread:
        return db.session.get_one(Thread, idea.thread_id)

    def follows(self, who: Viewer, thread: Thread) -> None:
        with writing():
            forum.follow(who, thread)

    def publish(self, *ideas: Idea, title: str = "Spring") -> Release:
        with writing():
            release = releases.draft_release(self.cleo, title=title)
            for idea in ideas:
                releases.ship_in(self.cleo, release, idea)
            releases.publish(self.cleo, release)
        return release


@pytest.fixture
def town(context) -> Town:
    with writing():
        questions = forum.create_category(SYSTEM, name="Questions")
        ideas = forum.create_category(SYSTEM, name="Ideas", default_kind="idea")
    return Town(
        make.actor("Ana"),
        make.actor("Ben"),
        make.actor("Cleo", "product_manager"),
        make.actor("Dev", "agent", "moderator"),
        questions,
        ideas,
    )


def told(who: Viewer, kind: str = "") -> list[Notice]:
    """What somebody was told so far, after the worker has done its work."""
    worker.drain()
    statement = sa.select(Notice).where(Notice.person_id == who.id).order_by(Notice.id)
    found = db.session.execute(statement.where(Notice.kind == kind) if kind else statement)
    return list(found.scalars())


def letters(who: Viewer) -> list[mail.MailView]:
    """The letters somebody got, newest first."""
    worker.drain()
    address = f"{who.handle}@example.com"
    found = [mail.read(row.key) for row in mail.outbox(200) if address in row.to]
    return [letter for letter in found if letter is not None]


def waiting() -> list[NoticeMail]:
    """Mails that were not sent yet."""
    return list(db.session.execute(sa.select(NoticeMail).where(NoticeMail.sent_at.is_(None))).scalars())
