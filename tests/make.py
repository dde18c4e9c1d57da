"""Factories over the real actions: what a test needs to exist, made the way the product makes it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from core.db import db, writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum_actions
from forum.models import IDEA, QUESTION, RELEASE, Category, Post, Thread
from ideation import actions as ideation_actions
from ideation.models import DECLINED, SHIPPED, Idea
from ideation.releases import actions as release_actions
from ideation.releases.models import Release
from listening import actions as listening_actions
from listening.connectors import Item
from listening.models import Mention, Source
from people import actions as people_actions
from people import queries as people_queries
from people.models import Person
from people.sessions import begin_session

_numbers: Final = count(1)
NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD: Final = "correct horse battery 42"

# --- people ---


def person(name: str = "", *roles: str, **more: Any) -> Person:
    """A confirmed account: `person("Ana")`, `person("Dev", "agent")`; `password=` lets it sign in by form."""
    number = next(_numbers)
    handle = more.pop("handle", f"{(name or 'person').lower().replace(' ', '-')}-{number}")
    values = {"email": f"{handle}@example.com", "roles": roles or ("customer",), **more}
    with writing():
        return people_actions.create_person(
            Viewer.system(), name=name or f"Person {number}", handle=handle, **values
        )


def viewer(person: Person) -> Viewer:
    """The person as an actor, to call actions with."""
    return people_queries.viewer_of(person.id)


def actor(name: str = "", *roles: str, **more: Any) -> Viewer:
    """A new account as an actor: `actor("Cleo", "product_manager")`."""
    return viewer(person(name, *roles, **more))


def client_of(person: Person | Viewer, *, remember: bool = False) -> FlaskClient:
    """A browser in which the person is signed in, by a real session record but without a password's time."""
    assert person.id is not None
    with writing():
        row = people_queries.person(person.id)
        token = begin_session(row, remember=remember, address="127.0.0.1", user_agent="test")
    client = current_app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
        cookie["_fresh"] = True
    return client


def post(client: FlaskClient, path: str, /, **fields: Any) -> TestResponse:
    """Send a form as a page of this site would, with the CSRF token; `**{"csrf_token": ""}` sends none."""
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", "0" * 40)
    signer = URLSafeTimedSerializer(client.application.secret_key or "", salt="wtf-csrf-token")
    return client.post(path, data={"csrf_token": signer.dumps(raw), **fields})


# --- listening ---


def source(name: str = "", kind: str = "feed", **more: Any) -> Source:
    """A source: `source("News", url=channel.url())`, `source(kind="webhook")`."""
    with writing():
        return listening_actions.create_source(
            Viewer.system(), name=name or f"Source {next(_numbers)}", kind=kind, **more
        )


def mention(text: str = "How do I reset my device?", *, source: Source | None = None, **more: Any) -> Mention:
    """A post from outside, as a connector brings it; `more` are fields of `Item`."""
    origin = source or _any_source()
    number = next(_numbers)
    values = {
        "external_id": f"post-{number}",
        "url": f"https://social.example/posts/{number}",
        "author_name": "Ines Outside",
        "author_url": "https://social.example/@ines",
    }
    item = Item(text=text, **{**values, **more})
    with writing():
        listening_actions.receive(origin, [item])
    return db.session.execute(
        sa.select(Mention).where(Mention.source_id == origin.id, Mention.external_id == item.external_id)
    ).scalar_one()


def _any_source() -> Source:
    found = db.session.execute(sa.select(Source).order_by(Source.id).limit(1)).scalar_one_or_none()
    return found or source("Social", url="https://social.example/feed", channel="Mastodon")


# --- forum ---


def category(kind: str = QUESTION, access: int = 0, name: str = "") -> Category:
    """A category: `category(IDEA, access=2)` is where the staff keeps its own ideas."""
    with writing():
        return forum_actions.create_category(
            Viewer.system(), name=name or f"Category {next(_numbers)}", default_kind=kind, access=access
        )


def any_category(kind: str = QUESTION) -> Category:
    """The first public category of this kind, made when there is none."""
    statement = sa.select(Category).where(Category.default_kind == kind, Category.access == 0)
    statement = statement.where(Category.archived_at.is_(None))
    found = db.session.execute(statement.order_by(Category.id).limit(1)).scalar_one_or_none()
    return found or category(kind)


def thread(
    title: str = "",
    *,
    by: Viewer | None = None,
    text: str = "How?",
    room: Category | None = None,
    **more: Any,
) -> Thread:
    """A thread: `thread("Cold lamp", by=ana, text="It is *cold*.", room=category())`."""
    author, home = by or actor("Ana"), room or any_category()
    with writing():
        return forum_actions.start_thread(
            author,
            category_id=home.id,
            title=title or f"Question {next(_numbers)}",
            body=render(text),
            **more,
        )


def answer(thread: Thread, text: str = "", *, by: Viewer | None = None, **more: Any) -> Post:
    """A reply, an answer where the thread is a question: `answer(thread, "Turn it off", by=ben)`."""
    with writing():
        body = render(text or f"Answer number {next(_numbers)}")
        return forum_actions.reply(by or actor("Ben"), thread, body, **more)


def comment(thread: Thread, text: str = "", *, by: Viewer | None = None, **more: Any) -> Post:
    """A remark beside the answers."""
    return answer(thread, text or f"Remark number {next(_numbers)}", by=by, as_comment=True, **more)


def opening(thread: Thread) -> Post:
    """The first post of a thread."""
    return db.session.execute(
        sa.select(Post).where(Post.thread_id == thread.id, Post.position == 1)
    ).scalar_one()


# --- ideation ---


def idea(
    title: str = "", *, by: Viewer | None = None, status: str = "", room: Category | None = None, **more: Any
) -> Idea:
    """An idea: `idea("Dark mode", by=ana, status="planned")`, `idea(room=category(IDEA, access=2), by=cleo)`."""
    author, home = by or actor("Ana"), room or any_category(IDEA)
    with writing():
        made = ideation_actions.raise_idea(
            author,
            title=title or f"Idea number {next(_numbers)}",
            body=render(more.pop("text", "It would save me an hour a week.")),
            category_id=home.id,
            **more,
        )
    if status == SHIPPED:
        release(ideas=[made], published=True)
    elif status:
        with writing():
            reason = "It does not fit." if status == DECLINED else ""
            ideation_actions.change_status(actor("Cleo", "product_manager"), made, status, reason)
    return made


def release(
    title: str = "",
    *,
    ideas: Sequence[Idea] = (),
    by: Viewer | None = None,
    published: bool = False,
    **more: Any,
) -> Release:
    """A release: `release("Summer", ideas=[wish], published=True)`."""
    maker = by or actor("Cleo", "product_manager")
    any_category(RELEASE)
    with writing():
        made = release_actions.draft_release(
            maker,
            title=title or f"Release {next(_numbers)}",
            version=more.pop("version", ""),
            notes=render(more.pop("notes", "Everything is better.")),
        )
        for one in ideas:
            release_actions.ship_in(maker, made, one)
        if published:
            release_actions.publish(maker, made)
    return made
