"""A forgotten password and a new address: links that prove one thing, once, and die when anything changes."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from core.db import db, writing
from core.outbox import Event
from people import actions, passwords, queries
from people.models import MailToken, Person, ResetRequest, SignInSession
from tests import make

NEW = "quiet rivers run deep"


@pytest.fixture
def ana(context: Flask) -> Person:
    return make.person("Ana", handle="ana", password=make.PASSWORD)


@pytest.fixture
def reset_link(client: FlaskClient, ana: Person, link) -> str:
    make.post(client, "/reset", email="ana@example.com")
    return link("ana@example.com")


def stored_hash(email: str = "ana@example.com") -> str | None:
    found = queries.by_email(email)
    assert found is not None
    return found.password_hash


def test_the_whole_way_to_a_new_password(client: FlaskClient, reset_link: str):
    assert "For ana@example.com" in client.get(reset_link).text
    assert make.post(client, reset_link, password=NEW).location == "/reset/done"
    assert make.post(client, "/sign-in", email="ana@example.com", password=make.PASSWORD).status_code == 422
    assert make.post(client, "/sign-in", email="ana@example.com", password=NEW).status_code == 303


def test_asking_tells_nothing_of_the_address(client: FlaskClient, ana: Person, letters):
    known = make.post(client, "/reset", email="ana@example.com")
    unknown = make.post(client, "/reset", email="zoe@example.com")
    assert (known.status_code, known.location, known.data) == (
        unknown.status_code,
        unknown.location,
        unknown.data,
    )
    assert letters("zoe@example.com") == []
    assert len(letters("ana@example.com")) == 1


@pytest.mark.both
def test_asking_does_the_same_work_whether_the_address_has_an_account_or_not(
    context: Flask, ana: Person, statements
):
    """The same statements with as many rows: nobody can tell by the time it takes."""
    sent = []
    for email in ("zoe@example.com", "ana@example.com"):
        with statements() as counted:
            make.post(context.test_client(), "/reset", email=email)
        sent.append(counted.sent)
    assert sent[0] == sent[1]
    assert not any("person" in text for text in sent[0])


def test_an_address_that_was_asked_about_is_not_kept(client: FlaskClient, ana: Person, letters):
    for email in ("zoe@example.com", "ana@example.com"):
        make.post(client, "/reset", email=email)
    assert len(letters("ana@example.com")) == 1
    assert db.session.execute(sa.select(ResetRequest)).first() is None
    payloads = [str(row.payload) for row in db.session.execute(sa.select(Event)).scalars()]
    assert not any("zoe@" in text for text in payloads)


def test_a_reset_link_lives_an_hour_at_most(client: FlaskClient, reset_link: str):
    row = db.session.execute(sa.select(MailToken)).scalar_one()
    assert row.expires_at - row.created_at <= timedelta(hours=1)
    with writing():
        db.session.execute(sa.update(MailToken).values(expires_at=clock.now()))
    assert client.get(reset_link).status_code == 410
    assert make.post(client, reset_link, password=NEW).status_code == 410


def test_opening_a_reset_link_uses_nothing_up(client: FlaskClient, reset_link: str):
    for _ in range(3):
        assert client.get(reset_link).status_code == 200
    assert make.post(client, reset_link, password=NEW).status_code == 303


def test_a_reset_link_works_once(client: FlaskClient, reset_link: str):
    make.post(client, reset_link, password=NEW)
    assert make.post(client, reset_link, password="another one again").status_code == 410
    assert passwords.matches(stored_hash(), NEW)


def test_a_weak_password_leaves_the_link_good(client: FlaskClient, reset_link: str):
    assert make.post(client, reset_link, password="password").status_code == 422
    assert make.post(client, reset_link, password="ana").status_code == 422
    assert make.post(client, reset_link, password=NEW).status_code == 303


def test_a_reset_ends_every_session(client: FlaskClient, ana: Person, reset_link: str):
    others = [make.client_of(ana), make.client_of(ana, remember=True)]
    make.post(client, reset_link, password=NEW)
    assert [other.get("/settings").status_code for other in others] == [302, 302]


def test_a_reset_tells_the_person(client: FlaskClient, reset_link: str, letters):
    make.post(client, reset_link, password=NEW)
    assert "password was changed" in letters("ana@example.com")[0].subject


def test_changing_the_password_kills_the_reset_link(client: FlaskClient, ana: Person, reset_link: str):
    own = make.client_of(ana)
    assert make.post(own, "/settings/password", current=make.PASSWORD, password=NEW).status_code == 303
    assert make.post(client, reset_link, password="the thief was late").status_code == 410


def test_changing_the_address_kills_the_reset_link(client: FlaskClient, ana: Person, reset_link: str, link):
    own = make.client_of(ana)
    make.post(own, "/settings/address", email="new@example.com")
    make.post(own, link("new@example.com"))
    assert make.post(client, reset_link, password="the thief was late").status_code == 410


def test_a_reset_link_is_good_for_nothing_else(client: FlaskClient, reset_link: str):
    token = reset_link.removeprefix("/reset/")
    for path in (f"/confirm/{token}", f"/address/{token}", f"/invitations/{token}"):
        assert make.post(client, path, name="Ana", password=NEW).status_code == 410


def test_a_reset_lets_no_banned_person_in(client: FlaskClient, ana: Person, reset_link: str):
    with writing():
        actions.ban(
            make.actor("Dev", "moderator"), queries.person(ana.id), "Spam", clock.now() + timedelta(days=9)
        )
    make.post(client, reset_link, password=NEW)
    refused = make.post(client, "/sign-in", email="ana@example.com", password=NEW)
    assert refused.status_code == 422
    assert "Spam" in refused.text


def test_a_reset_proves_the_address_of_an_unconfirmed_account(client: FlaskClient, context: Flask, link):
    make.person("Ben", email="ben@example.com", password="somebody else's words", confirmed=False)
    make.post(client, "/reset", email="ben@example.com")
    make.post(client, link("ben@example.com"), password=NEW)
    assert make.post(client, "/sign-in", email="ben@example.com", password=NEW).status_code == 303


def test_the_reset_letter_names_the_sites_own_address(client: FlaskClient, ana: Person, letters):
    client.environ_base["HTTP_HOST"] = "evil.example"
    make.post(client, "/reset", email="ana@example.com")
    assert "http://localhost/reset/" in letters("ana@example.com")[0].text
    assert "evil" not in letters("ana@example.com")[0].text


@pytest.mark.slow
@pytest.mark.settings(RATE_LIMITS="1")
def test_thirty_resets_in_a_row_are_too_many(client: FlaskClient, ana: Person, letters):
    answers = [make.post(client, "/reset", email="ana@example.com").status_code for _ in range(30)]
    assert answers.count(303) == 4
    assert set(answers) == {303, 429}
    assert len(letters("ana@example.com")) == 4


# --- a new address ---


def test_the_whole_way_to_a_new_address(ana: Person, link, letters):
    own = make.client_of(ana)
    make.post(own, "/settings/address", email="New@Example.com")
    path = link("new@example.com")
    assert queries.by_email("new@example.com") is None
    assert own.get(path).status_code == 200
    assert make.post(own, path).status_code == 303
    assert queries.by_email("ana@example.com") is None
    assert "address was changed" in letters("ana@example.com")[0].subject
    assert own.get("/settings").status_code == 200


def test_the_link_is_opened_at_the_new_address_alone(ana: Person, letters):
    make.post(make.client_of(ana), "/settings/address", email="new@example.com")
    assert letters("ana@example.com") == []
    assert len(letters("new@example.com")) == 1


def test_a_new_address_ends_the_other_sessions(ana: Person, link):
    own, other = make.client_of(ana), make.client_of(ana)
    make.post(own, "/settings/address", email="new@example.com")
    make.post(own, link("new@example.com"))
    assert other.get("/settings").status_code == 302


def test_somebody_elses_address_is_not_taken_and_not_betrayed(ana: Person, letters):
    make.person("Ben", email="ben@example.com")
    own = make.client_of(ana)
    taken = make.post(own, "/settings/address", email="ben@example.com")
    free = make.post(own, "/settings/address", email="zoe@example.com")
    assert (taken.status_code, taken.location) == (free.status_code, free.location)
    assert "account already" in letters("ben@example.com")[0].subject


def test_an_address_taken_meanwhile_stays_with_its_owner(ana: Person, link):
    own = make.client_of(ana)
    make.post(own, "/settings/address", email="new@example.com")
    path = link("new@example.com")
    ben = make.person("Ben", email="new@example.com")
    assert make.post(own, path).status_code == 410
    found = queries.by_email("new@example.com")
    assert found is not None and found.id == ben.id


# --- a new password ---


def test_a_new_password_needs_the_current_one(ana: Person):
    own = make.client_of(ana)
    for current in ("", "something else", NEW):
        refused = make.post(own, "/settings/password", current=current, password=NEW)
        assert refused.status_code == 422
        assert "field-current-error" in refused.text
    assert passwords.matches(stored_hash(), make.PASSWORD)


def test_a_new_password_needs_a_form_of_this_site(ana: Person):
    own = make.client_of(ana)
    fields = {"current": make.PASSWORD, "password": NEW}
    assert own.post("/settings/password", data=fields).status_code == 400
    assert passwords.matches(stored_hash(), make.PASSWORD)


def test_a_new_password_ends_all_other_sessions(ana: Person):
    own, other = make.client_of(ana), make.client_of(ana, remember=True)
    make.post(own, "/settings/password", current=make.PASSWORD, password=NEW)
    assert own.get("/settings").status_code == 200
    assert other.get("/settings").status_code == 302
    assert db.session.execute(sa.select(sa.func.count()).select_from(SignInSession)).scalar_one() == 1


def test_a_new_password_is_judged_like_the_first(ana: Person):
    own = make.client_of(ana)
    for weak in ("password", "1234567", "x" * 257):
        assert make.post(own, "/settings/password", current=make.PASSWORD, password=weak).status_code == 422


@pytest.mark.settings(RATE_LIMITS="1")
def test_guessing_the_current_password_runs_out(ana: Person):
    own = make.client_of(ana)
    answers = [
        make.post(own, "/settings/password", current=f"guess {n}", password=NEW).status_code
        for n in range(12)
    ]
    assert answers == [422] * 10 + [429] * 2
