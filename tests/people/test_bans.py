"""Shutting out: at once, by whatever way somebody signs in, and never upwards."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from core.db import db, writing
from people import actions, queries
from people.models import Ban, Person
from tests import make


@pytest.fixture
def ana(context: Flask) -> Person:
    return make.person("Ana", handle="ana", password=make.PASSWORD)


@pytest.fixture
def moderator(context: Flask) -> FlaskClient:
    return make.client_of(make.person("Dev", "moderator", handle="dev"))


def day(days: int) -> str:
    return (clock.now() + timedelta(days=days)).date().isoformat()


def ban(client: FlaskClient, handle: str = "ana", reason: str = "Spam in every thread", until: str = ""):
    return make.post(client, f"/people/{handle}/ban", reason=reason, until=until or day(7))


def test_a_ban_ends_every_session_at_once(ana: Person, moderator: FlaskClient):
    browsers = [make.client_of(ana), make.client_of(ana, remember=True)]
    assert moderator.get("/people/ana/ban").status_code == 200
    assert ban(moderator).location == "/people/ana"
    assert [browser.get("/settings").status_code for browser in browsers] == [302, 302]


def test_a_banned_person_cannot_sign_in(client: FlaskClient, ana: Person, moderator: FlaskClient):
    ban(moderator)
    assert make.post(client, "/sign-in", email="ana@example.com", password=make.PASSWORD).status_code == 422


def test_a_session_that_survived_would_not_help(ana: Person):
    browser = make.client_of(ana)
    with writing():
        queries.person(ana.id).banned_until = clock.now() + timedelta(days=1)
    assert browser.get("/settings").status_code == 302


def test_a_ban_ends_by_itself(client: FlaskClient, ana: Person, moderator: FlaskClient):
    ban(moderator)
    with writing():
        past = clock.now() - timedelta(seconds=1)
        db.session.query(Ban).update({"until": past})
        db.session.query(Person).filter_by(id=ana.id).update({"banned_until": past})
    assert make.post(client, "/sign-in", email="ana@example.com", password=make.PASSWORD).status_code == 303


def test_a_lifted_ban_keeps_its_row(client: FlaskClient, ana: Person, moderator: FlaskClient):
    ban(moderator)
    assert make.post(moderator, "/people/ana/ban/lifting").status_code == 303
    (row,) = queries.bans_of(ana.id)
    assert row.lifted_at is not None and row.lifted_by_id == queries.by_handle("dev").id
    assert make.post(client, "/sign-in", email="ana@example.com", password=make.PASSWORD).status_code == 303


def test_a_moderator_bans_no_staff(moderator: FlaskClient):
    for role in ("owner", "moderator", "agent", "supervisor"):
        make.person("Sam", role, handle=f"sam-{role}")
        assert moderator.get(f"/people/sam-{role}/ban").status_code == 403, role
        assert ban(moderator, f"sam-{role}").status_code == 403, role
        assert queries.by_handle(f"sam-{role}").banned_until is None


def test_an_owner_bans_staff_but_no_owner_and_not_themselves(context: Flask):
    own = make.client_of(make.person("Olu", "owner", handle="olu"))
    make.person("Sam", "supervisor", handle="sam")
    make.person("Uma", "owner", handle="uma")
    assert ban(own, "sam").status_code == 303
    assert ban(own, "uma").status_code == 403
    assert ban(own, "olu").status_code == 403


def test_nobody_else_bans(context: Flask, ana: Person):
    for role in ("customer", "agent", "product_manager", "supervisor"):
        own = make.client_of(make.person("Ben", role))
        assert own.get("/people/ana/ban").status_code == 403, role
        assert ban(own).status_code == 403, role
        assert make.post(own, "/people/ana/ban/lifting").status_code == 403, role
    assert queries.current_ban(ana.id) is None


def test_a_ban_has_a_reason_and_an_end(ana: Person, moderator: FlaskClient):
    for field, value in (
        *(("reason", ""), ("reason", "  "), ("reason", "x" * 501), ("until", ""), ("until", "soon")),
        *(("until", "2001-01-01"), ("until", "9999-12-31"), ("until", "2026-13-45")),
    ):
        fields = {"reason": "Spam in every thread", "until": day(7)} | {field: value}
        refused = make.post(moderator, "/people/ana/ban", **fields)
        assert refused.status_code == 422, (field, value)
        assert f"field-{field}-error" in refused.text
    assert queries.current_ban(ana.id) is None


def test_a_second_ban_waits_for_the_first_to_be_lifted(ana: Person, moderator: FlaskClient):
    ban(moderator)
    assert ban(moderator).status_code == 422
    assert len(queries.bans_of(ana.id)) == 1


def test_only_those_who_may_ban_see_that_somebody_is_banned(
    client: FlaskClient, ana: Person, moderator: FlaskClient
):
    ban(moderator)
    assert "Shut out until" in moderator.get("/people/ana").text
    assert "Shut out" not in client.get("/people/ana").text
    assert "Shut out" not in make.client_of(make.person("Ben")).get("/people/ana").text


def test_a_reason_is_shown_as_text(client: FlaskClient, ana: Person, moderator: FlaskClient):
    ban(moderator, reason="<script>alert(1)</script>")
    page = make.post(client, "/sign-in", email="ana@example.com", password=make.PASSWORD).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_somebody_outside_can_be_banned_too(context: Flask):
    with writing():
        outside = actions.outside_person(
            make.actor("Dev", "agent"), channel="web", external_id="1", name="Ivy"
        )
    own = make.client_of(make.person("Sam", "moderator"))
    assert ban(own, outside.handle).status_code == 303
