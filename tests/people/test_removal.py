"""Leaving: the name goes, the words stay, and nothing of the account opens a door any more."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from core.db import db, writing
from core.errors import Forbidden, Refused
from people import actions, portability, queries
from people.models import LinkedIdentity, MailToken, Person, SignInSession
from people.portability import on_removal
from tests import make


@pytest.fixture
def ana(context: Flask) -> Person:
    return make.person("Ana Lima", handle="ana", email="ana@example.com", password=make.PASSWORD)


def leave(client: FlaskClient, password: str = make.PASSWORD):
    return make.post(client, "/settings/removal", password=password)


def test_leaving_needs_the_password_and_a_form(ana: Person):
    own = make.client_of(ana)
    assert leave(own, "something else").status_code == 422
    assert own.post("/settings/removal", data={"password": make.PASSWORD}).status_code == 400
    assert queries.person(ana.id).kind == "member"


@pytest.mark.both
def test_nothing_personal_stays(ana: Person):
    own = make.client_of(ana)
    make.post(
        own,
        "/settings",
        name="Ana Lima",
        bio="About me",
        company="Northwind",
        website="https://ana.example.org",
    )
    assert leave(own).location == "/goodbye"
    db.session.expire_all()
    left = queries.person(ana.id)
    assert (left.kind, left.name, left.handle) == ("removed", "Removed person", f"removed-{ana.id}")
    values = " ".join(str(value) for value in vars(left).values())
    assert not any(
        word in values for word in ("Ana", "ana@", "About me", "Northwind", "argon2", "example.org")
    )


def test_every_session_and_link_is_dead(client: FlaskClient, ana: Person, link):
    make.post(client, "/reset", email="ana@example.com")
    path = link("ana@example.com")
    own, other = make.client_of(ana), make.client_of(ana, remember=True)
    leave(own)
    assert [browser.get("/settings").status_code for browser in (own, other)] == [302, 302]
    assert make.post(client, path, password="quiet rivers run deep").status_code == 410
    assert make.post(client, "/sign-in", email="ana@example.com", password=make.PASSWORD).status_code == 422
    assert db.session.execute(sa.select(sa.func.count()).select_from(MailToken)).scalar_one() == 0
    assert db.session.execute(sa.select(sa.func.count()).select_from(SignInSession)).scalar_one() == 0


def test_the_page_is_gone_and_nobody_finds_the_person(client: FlaskClient, ana: Person):
    leave(make.client_of(ana))
    assert client.get("/people/ana").status_code == 404
    assert client.get(f"/people/removed-{ana.id}").status_code == 404
    assert "Removed person" not in client.get("/people").text
    assert queries.cards([ana.id])[ana.id].url == ""


def test_the_address_is_free_again(client: FlaskClient, ana: Person, link):
    leave(make.client_of(ana))
    make.post(
        client, "/register", name="Ana Again", email="ana@example.com", password="quiet rivers run deep"
    )
    assert make.post(client, link("ana@example.com")).status_code == 303
    found = queries.by_email("ana@example.com")
    assert found is not None and found.id != ana.id


def test_other_features_forget_too(ana: Person, monkeypatch: pytest.MonkeyPatch):
    forgotten: list[int] = []
    monkeypatch.setattr(portability, "_removals", dict(portability._removals))
    on_removal("tests.notes")(forgotten.append)
    with writing():
        actions.remove_account(make.viewer(ana), queries.person(ana.id))
    assert forgotten == [ana.id]


def test_a_feature_that_fails_to_forget_stops_the_removal(ana: Person, monkeypatch: pytest.MonkeyPatch):
    def fail(person_id: int) -> None:
        raise Refused("Not now.")

    monkeypatch.setattr(portability, "_removals", {"tests.notes": fail})
    assert leave(make.client_of(ana)).status_code == 422
    db.session.expire_all()
    assert queries.person(ana.id).name == "Ana Lima"


def test_identities_outside_are_forgotten(ana: Person):
    dev = make.actor("Dev", "agent")
    with writing():
        ivy = actions.outside_person(dev, channel="web", external_id="1", name="Ivy")
        actions.link_identity(dev, queries.identities_of(ivy.id)[0], queries.person(ana.id))
        actions.remove_account(make.viewer(ana), queries.person(ana.id))
    assert db.session.execute(sa.select(sa.func.count()).select_from(LinkedIdentity)).scalar_one() == 0


def test_the_last_owner_cannot_leave(context: Flask):
    olu = make.person("Olu", "owner", password=make.PASSWORD)
    assert leave(make.client_of(olu)).status_code == 422
    make.person("Uma", "owner")
    assert leave(make.client_of(olu)).status_code == 303


def test_an_owner_removes_a_customer_but_not_another_owner(ana: Person):
    own = make.client_of(make.person("Olu", "owner"))
    make.person("Uma", "owner", handle="uma")
    assert make.post(own, "/people/uma/removal").status_code == 403
    assert make.post(own, "/people/ana/removal").status_code == 303
    db.session.expire_all()
    assert queries.person(ana.id).kind == "removed"


@pytest.mark.slow
def test_nobody_removes_somebody_else(ana: Person):
    for role in ("customer", "agent", "moderator", "product_manager", "supervisor"):
        ben = make.person("Ben", role)
        assert make.post(make.client_of(ben), "/people/ana/removal").status_code == 403, role
        with pytest.raises(Forbidden), writing():
            actions.remove_account(make.viewer(ben), queries.person(ana.id))
    assert queries.person(ana.id).kind == "member"


def test_leaving_needs_a_session_that_is_fresh(ana: Person):
    own = make.client_of(ana)
    with writing():
        db.session.execute(sa.update(SignInSession).values(fresh_at=clock.now() - timedelta(hours=1)))
    assert leave(own).location.startswith("/settings/again")
    assert queries.person(ana.id).kind == "member"
