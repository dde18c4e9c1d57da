"""Tells the demo story through the same actions that people use, with the clock set to when it happened."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import sqlalchemy as sa

from admin.demo.sign_ins import CAST, address_of, make_passwords
from admin.demo.story import FEED_NAME, HEARD, ROOMS, TALKS, WISHES, Heard, Reply, Talk, Wish
from core import clock, worker
from core.config import settings
from core.db import db, writing
from core.site import set_site
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Post, Thread
from ideation import actions as ideation
from ideation.backlog import actions as backlog
from ideation.models import Idea
from ideation.releases import actions as releases
from listening import actions as listening
from listening.connectors.item import Item
from listening.models import Mention, Source
from people import actions as people
from people import queries as persons

Say = Callable[[str], None]


def fill(say: Say) -> None:
    """Fill an empty database; every step is told. One transaction: an interrupted fill leaves nothing behind."""
    say("Making the demo company Tidewater ...")
    with writing():
        teller = Teller(clock.now())
        say("  people and categories")
        teller.open_house(make_passwords(settings()))
        say("  questions and answers")
        for talk in TALKS:
            teller.tell(talk)
        say("  posts from outside")
        teller.listen()
        say("  ideas and a release")
        for wish in WISHES:
            teller.wish(wish)
        teller.ship()
        teller.leave_work()
    say("  notices, reputation and search")
    worker.drain()


class Teller:
    """Holds who is who while the story is told."""

    def __init__(self, present: datetime) -> None:
        self.present = present
        self.cast: dict[str, Viewer] = {}
        self.rooms: dict[str, int] = {}
        self.threads: dict[str, Thread] = {}
        self.shipping: list[Idea] = []

    def at(self, days: float, hours: float = 0.0) -> AbstractContextManager[datetime]:
        """The clock as it stood then; never later than a minute ago."""
        moment = self.present - timedelta(days=days) + timedelta(hours=hours)
        return clock.frozen(min(moment, self.present - timedelta(minutes=1)))

    def open_house(self, passwords: dict[str, str]) -> None:
        """The cast, the categories and the name on the door."""
        system = Viewer.system()
        with self.at(60):
            for handle, (name, _what, roles) in CAST.items():
                made = people.create_person(
                    system,
                    name=name,
                    handle=handle,
                    email=address_of(handle),
                    password=passwords[handle],
                    roles=roles,
                )
                self.cast[handle] = persons.viewer_of(made.id)
            for position, room in enumerate(ROOMS):
                made_room = forum.create_category(
                    self.cast["olu"],
                    name=room.name,
                    description=room.description,
                    access=room.access,
                    default_kind=room.kind,
                    colour=room.colour,
                    position=position,
                )
                self.rooms[room.name] = made_room.id
            set_site(
                self.cast["olu"], name="Tidewater Community", tagline="Invoices for small shops", is_demo="1"
            )

    def tell(self, talk: Talk) -> None:
        """One thread with everything that followed."""
        with self.at(talk.days):
            thread = forum.start_thread(
                self.cast[talk.who],
                category_id=self.rooms[talk.room],
                title=talk.title,
                body=render(talk.text),
                tags=talk.tags,
            )
        self.threads[talk.title] = thread
        opening = db.session.execute(sa.select(Post).where(Post.thread_id == thread.id)).scalar_one()
        for voter in talk.votes:
            with self.at(talk.days, 1):
                forum.vote(self.cast[voter], opening, 1)
        for reply in talk.replies:
            self._answer(thread, talk, reply)

    def _answer(self, thread: Thread, talk: Talk, reply: Reply) -> None:
        with self.at(talk.days, reply.hours):
            post = forum.reply(self.cast[reply.who], thread, render(reply.text), as_comment=reply.comment)
        for voter in reply.votes:
            with self.at(talk.days, reply.hours + 2):
                forum.vote(self.cast[voter], post, 1)
        if reply.accepted:
            with self.at(talk.days, reply.hours + 3):
                forum.accept_answer(self.cast[talk.who], thread, post)

    def listen(self) -> None:
        """A source, its posts, and what Dev did with the first of them."""
        with self.at(59):
            source = listening.create_source(self.cast["olu"], name=FEED_NAME, kind="upload", channel="Forum")
        for heard in sorted(HEARD, key=lambda h: -h.days):
            with self.at(heard.days):
                listening.receive(source, [self._item(heard)])
        mention = self._mention(source, "s-102")
        with self.at(25.8):
            thread = listening.make_thread(
                self.cast["dev"],
                mention,
                category_id=self.rooms["Payments and banks"],
                title="Bank sync drops every few days",
            )
        with self.at(25.5):
            answer = forum.reply(
                self.cast["ben"],
                thread,
                render(
                    "Remove the connection and add it again with *180 days*. It has held for me ever since."
                ),
            )
        with self.at(25.2):
            forum.accept_answer(self.cast["dev"], thread, answer)

    def _item(self, heard: Heard) -> Item:
        return Item(
            external_id=heard.key,
            url=f"https://small-shops.example/posts/{heard.key}",
            title=heard.title,
            text=heard.text,
            author_name=heard.who,
            author_external_id=heard.who,
            published_at=clock.now(),
            language="en",
        )

    def _mention(self, source: Source, key: str) -> Mention:
        statement = sa.select(Mention).where(Mention.source_id == source.id, Mention.external_id == key)
        return db.session.execute(statement).scalar_one()

    def wish(self, wish: Wish) -> None:
        """An idea, its votes, and the way it went."""
        with self.at(wish.days):
            idea = ideation.raise_idea(self.cast[wish.who], title=wish.title, body=render(wish.text))
        if wish.evidence:
            opening = db.session.execute(
                sa.select(Post).where(Post.thread_id == self.threads[wish.evidence].id, Post.position == 1)
            ).scalar_one()
            with self.at(wish.days, 20):
                ideation.add_post_as_evidence(self.cast["cleo"], idea, opening)
        for number, voter in enumerate(wish.votes, 1):
            with self.at(wish.days, 6 * number):
                ideation.vote(self.cast[voter], idea)
        thread = db.session.get_one(Thread, idea.thread_id)
        for reply in wish.replies:
            with self.at(wish.days, reply.hours):
                forum.reply(self.cast[reply.who], thread, render(reply.text))
        for days, status, reason in wish.path:
            with self.at(days):
                ideation.change_status(self.cast["cleo"], idea, status, reason)
        if wish.ships:
            self.shipping.append(idea)

    def ship(self) -> None:
        """The outside wish joins the idea as evidence, the work is noted, and the release goes out."""
        cleo, idea = self.cast["cleo"], self.shipping[0]
        source = db.session.execute(sa.select(Source).where(Source.name == FEED_NAME)).scalar_one()
        with self.at(39):
            listening.link_to_idea(self.cast["dev"], self._mention(source, "s-101"), idea)
        with self.at(29):
            item = backlog.add_item(cleo, idea, title="Spreadsheet export with column types")
        with self.at(6):
            backlog.finish_item(cleo, item)
        with self.at(5):
            release = releases.draft_release(
                cleo,
                title="Spreadsheet export",
                version="4.2",
                notes=render(
                    "Invoices, customers and payments now export as a **real spreadsheet**: numbers are numbers, "
                    "customer numbers stay text, dates are dates.\n\nCSV stays exactly as it was."
                ),
            )
            for one in self.shipping:
                releases.ship_in(cleo, release, one)
            releases.publish(cleo, release)
        with self.at(1.5):
            releases.draft_release(
                cleo, title="Small teams", version="4.3", notes=render("A second sign-in for helpers.")
            )

    def leave_work(self) -> None:
        """Something for the desk: a case that runs, and a flag that waits."""
        refund = self.threads["Refund of a part shows the invoice as unpaid again"]
        opening = db.session.execute(sa.select(Post).where(Post.thread_id == refund.id)).scalar_one()
        with self.at(0.2):
            forum.escalate(
                self.cast["dev"],
                opening,
                "A customer was reminded although they had paid. Needs a product answer.",
                24,
            )
        talk = self.threads["Reminders go out on Sundays"]
        post = db.session.execute(
            sa.select(Post).where(Post.thread_id == talk.id, Post.position == 3)
        ).scalar_one()
        with self.at(0.1):
            forum.flag_post(self.cast["ben"], post, "off_topic", "Does this belong into its own thread?")
