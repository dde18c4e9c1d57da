"""Invitations: one address, one use, and never more roles than whoever invited may give."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from core.db import db, writing
from people import actions, passwords, proofs, queries
from people.models import Invitation, Person, SignInSession
from tests import make

FIELDS = {"name": "Guest Gale", "handle": "gale", "password": "quiet rivers run deep"}
GUEST = "guest@example.com"


@pytest.fixture
def olu(context: Flask) -> Person:
    return make.person("Olu", "owner", handle="olu")


@pytest.fixture
def owner(olu: Person) -> FlaskClient:
    return make.client_of(olu)


@pytest.fixture
def invitation(owner: FlaskClient, link) -> str:
    make.post(owner, "/invitations", email=GUEST, roles=["customer", "agent"])
    return link(GUEST)


@pytest.mark.both
def test_the_whole_way_in(client: FlaskClient, invitation: str):
    assert GUEST in client.get(invitation).text
    assert make.post(client, invitation, **FIELDS, timezone="Europe/Berlin").location == "/"
    assert client.get("/settings").status_code == 200
    gale = queries.by_handle("gale")
    assert (gale.email, gale.timezone) == (GUEST, "Europe/Berlin")
    assert queries.roles_of(gale.id) == {"customer", "agent"}


def test_the_roles_are_the_invitations_whatever_the_form_says(client: FlaskClient, invitation: str):
    make.post(client, invitation, **FIELDS, roles=["owner"], email="other@example.com")
    gale = queries.by_handle("gale")
    assert gale.email == GUEST
    assert "owner" not in queries.roles_of(gale.id)


def test_an_invitation_works_once(client: FlaskClient, app: Flask, invitation: str):
    client.get(invitation)
    assert make.post(client, invitation, **FIELDS).status_code == 303
    assert make.post(app.test_client(), invitation, **FIELDS | {"handle": "second"}).status_code == 410


@pytest.mark.both
def test_one_of_two_acceptances_at_once_wins(app: Flask, invitation: str):
    answers = []

    def accept(number: int) -> None:
        answers.append(
            make.post(app.test_client(), invitation, **FIELDS | {"handle": f"gale{number}"}).status_code
        )

    threads = [threading.Thread(target=accept, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 410, 410, 410]


def test_a_wrong_form_leaves_the_invitation_open(client: FlaskClient, invitation: str):
    assert make.post(client, invitation, **FIELDS | {"password": "password"}).status_code == 422
    assert make.post(client, invitation, **FIELDS | {"handle": "olu"}).status_code == 422
    assert make.post(client, invitation, **FIELDS | {"name": ""}).status_code == 422
    assert make.post(client, invitation, **FIELDS).status_code == 303


def test_a_withdrawn_invitation_is_dead(client: FlaskClient, owner: FlaskClient, invitation: str):
    row = db.session.execute(sa.select(Invitation)).scalar_one()
    assert make.post(owner, f"/invitations/{row.id}/withdrawal").status_code == 303
    assert client.get(invitation).status_code == 410
    assert make.post(client, invitation, **FIELDS).status_code == 410


def test_an_old_invitation_is_dead(client: FlaskClient, invitation: str):
    with writing():
        db.session.execute(sa.update(Invitation).values(expires_at=clock.now() - timedelta(seconds=1)))
    assert make.post(client, invitation, **FIELDS).status_code == 410


def test_a_new_invitation_replaces_the_one_before(
    client: FlaskClient, owner: FlaskClient, invitation: str, link
):
    make.post(owner, "/invitations", email=GUEST, roles=["customer"])
    assert client.get(invitation).status_code == 410
    assert make.post(client, link(GUEST), **FIELDS).status_code == 303


def test_no_more_is_given_than_the_host_may_still_give(client: FlaskClient, olu: Person, invitation: str):
    uma = make.actor("Uma", "owner")
    with writing():
        actions.withdraw_role(uma, queries.person(olu.id), "owner")
    assert make.post(client, invitation, **FIELDS).status_code == 410
    assert queries.by_email(GUEST) is None


def test_a_squatter_does_not_get_the_roles(client: FlaskClient, app: Flask, invitation: str):
    squatter = app.test_client()
    make.post(squatter, "/register", name="Squatter", email=GUEST, password="the squatter waits")
    make.post(client, invitation, **FIELDS)
    person = queries.by_email(GUEST)
    assert person is not None
    assert (person.name, person.handle) == ("Guest Gale", "gale")
    assert not passwords.matches(person.password_hash, "the squatter waits")
    assert make.post(squatter, "/sign-in", email=GUEST, password="the squatter waits").status_code == 422


def test_an_account_made_meanwhile_is_not_taken_over(client: FlaskClient, invitation: str):
    made = make.person("Gale", email=GUEST, password=make.PASSWORD)
    assert make.post(client, invitation, **FIELDS).status_code == 410
    assert passwords.matches(queries.person(made.id).password_hash, make.PASSWORD)


def test_an_invitation_proves_nothing_else(client: FlaskClient, invitation: str):
    token = invitation.removeprefix("/invitations/")
    for path in ("/confirm/", "/reset/", "/address/"):
        assert make.post(client, path + token, password="quiet rivers run deep").status_code == 410


def test_the_database_holds_no_invitation_link(invitation: str):
    token = invitation.removeprefix("/invitations/")
    row = db.session.execute(sa.select(Invitation)).scalar_one()
    assert token not in " ".join(str(value) for value in vars(row).values())
    assert row.token_hash == proofs.digest_of(token)


def test_a_moderator_invites_customers_alone(context: Flask, letters):
    own = make.client_of(make.person("Dev", "moderator"))
    assert make.post(own, "/invitations", email=GUEST, roles=["agent"]).status_code == 403
    assert make.post(own, "/invitations", email=GUEST, roles=["customer", "owner"]).status_code == 403
    assert letters(GUEST) == []
    assert make.post(own, "/invitations", email=GUEST, roles=["customer"]).status_code == 303
    assert len(letters(GUEST)) == 1


def test_a_moderator_does_not_replace_an_owners_invitation(invitation: str, client: FlaskClient):
    own = make.client_of(make.person("Dev", "moderator"))
    row = db.session.execute(sa.select(Invitation)).scalar_one()
    assert make.post(own, "/invitations", email=GUEST, roles=["customer"]).status_code == 403
    assert make.post(own, f"/invitations/{row.id}/withdrawal").status_code == 403
    assert client.get(invitation).status_code == 200


def test_nobody_else_invites_or_sees_invitations(context: Flask):
    for role in ("customer", "agent", "product_manager", "supervisor"):
        own = make.client_of(make.person("Ben", role))
        assert own.get("/invitations").status_code == 403, role
        assert make.post(own, "/invitations", email=GUEST, roles=["customer"]).status_code == 403, role
        assert make.post(own, "/invitations/1/withdrawal").status_code == 403, role


def test_inviting_staff_needs_the_password_typed_lately(owner: FlaskClient):
    with writing():
        db.session.execute(sa.update(SignInSession).values(fresh_at=clock.now() - timedelta(hours=1)))
    assert make.post(owner, "/invitations", email=GUEST, roles=["owner"]).location.startswith(
        "/settings/again"
    )
    assert queries.open_invitations() == []


def test_a_known_address_is_not_invited(owner: FlaskClient, letters):
    make.person("Ana", email="ana@example.com")
    assert make.post(owner, "/invitations", email="ana@example.com", roles=["customer"]).status_code == 422
    assert letters("ana@example.com") == []


def test_a_letter_goes_to_one_address_whatever_is_typed(owner: FlaskClient, letters):
    for wrong in (
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "=?x?q?a?=@example.com",
        "<a@b.c>",
    ):
        assert make.post(owner, "/invitations", email=wrong, roles=["customer"]).status_code == 422
    assert letters("example.com") == []


def test_a_host_with_a_telling_name_puts_no_link_into_the_letter(context: Flask, letters):
    own = make.client_of(make.person("evil.example/win @you", "owner", handle="host"))
    make.post(own, "/invitations", email=GUEST, roles=["customer"])
    assert "evil.example/win" not in letters(GUEST)[0].text
