"""Factories over the real actions: what a test needs to exist, made the way the product makes it."""

from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from flask import current_app
from flask.testing import FlaskClient

from core.db import writing
from core.viewer import Viewer
from people import actions as people_actions
from people import queries as people_queries
from people.models import Person
from people.sessions import begin_session

_numbers: Final = count(1)
NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD: Final = "correct horse battery 42"

# --- people ---


def person(name: str = "", *roles: str, **more: Any) -> Person:
    """A confirmed account: `person("Ana")`, `person("Dev", "agent", "moderator")`; `password=` lets it sign in by form."""
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
    """A browser in which the person is signed in (by a real session record, without the time a password takes)."""
    assert person.id is not None
    with writing():
        row = people_queries.person(person.id)
        token = begin_session(row, remember=remember, address="127.0.0.1", user_agent="test")
    client = current_app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
        cookie["_fresh"] = True
    return client
