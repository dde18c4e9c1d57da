"""Registering: an address is proven by mail, and nobody learns which addresses are known."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from core.db import db, writing
from people import passwords, proofs, queries
from people.accounts import free_handle
from people.models import IMPORTED, MailToken, Person
from tests import make

PASSWORD = "quiet rivers run deep"


def register(client: FlaskClient, email: str = "ana@example.com", password: str = PASSWORD, **more: str):
    return make.post(client, "/register", name="Ana Lima", email=email, password=password, **more)


def account(email: str = "ana@example.com") -> Person:
    found = queries.by_email(email)
    assert found is not None
    return found


@pytest.mark.both
def test_the_whole_way_in(client: FlaskClient, link):
    assert register(client).location == "/register/sent"
    path = link("ana@example.com")
    assert client.get(path).status_code == 200
    entered = make.post(client, path, handle="ana")
    assert (entered.status_code, entered.location) == (303, "/")
    assert client.get("/settings").status_code == 200
    assert account().handle == "ana"
    assert queries.roles_of(account().id) == {"customer"}


def test_whoever_came_to_do_something_goes_on_there_once_the_address_is_proven(client: FlaskClient, link):
    page = client.get("/sign-in?next=/t/7").text
    assert "/register?next=/t/7" in page
    assert 'name="next" value="/t/7"' in client.get("/register?next=/t/7").text
    register(client, next="/t/7")
    assert make.post(client, link("ana@example.com"), handle="ana").location == "/t/7"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/" + "a" * 501])
def test_nobody_is_led_away_or_astray_by_where_they_were_going(client: FlaskClient, link, target: str):
    register(client, next=target)
    assert make.post(client, link("ana@example.com"), handle="ana").location == "/"


@pytest.mark.parametrize(("said", "kept"), [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", ""), ("", "")])
def test_somebody_new_begins_in_the_zone_of_their_browser(client: FlaskClient, link, said: str, kept: str):
    register(client)
    assert make.post(client, link("ana@example.com"), handle="ana", timezone=said).status_code == 303
    assert account().timezone == kept


def test_before_the_link_nobody_gets_in(client: FlaskClient, context: Flask):
    register(client)
    refused = make.post(client, "/sign-in", email="ana@example.com", password=PASSWORD)
    assert refused.status_code == 422
    assert client.get(f"/people/{account().handle}").status_code == 404


def test_opening_the_link_uses_nothing_up(client: FlaskClient, link):
    register(client)
    path = link("ana@example.com")
    for _ in range(3):
        assert client.get(path).status_code == 200
    client.head(path)
    assert account().email_confirmed_at is None


def test_a_link_works_once(client: FlaskClient, app: Flask, link):
    register(client)
    path = link("ana@example.com")
    assert make.post(client, path).status_code == 303
    second = app.test_client()
    assert make.post(second, path).status_code == 410
    assert second.get(path).status_code == 410
    assert second.get("/settings").status_code == 302


def test_a_link_runs_out_after_a_day(client: FlaskClient, link):
    register(client)
    path = link("ana@example.com")
    row = db.session.execute(sa.select(MailToken)).scalar_one()
    assert row.expires_at - row.created_at <= timedelta(hours=24)
    with writing():
        db.session.execute(sa.update(MailToken).values(expires_at=clock.now()))
    assert make.post(client, path).status_code == 410


def test_a_changed_link_is_no_link(client: FlaskClient, link):
    register(client)
    path = link("ana@example.com")
    flipped = path[:-1] + ("A" if path[-1] != "A" else "B")
    for wrong in (flipped, path[:-1], path + "A", "/confirm/" + "A" * 43, "/confirm/" + "x" * 5000):
        assert make.post(client, wrong).status_code == 410
        assert client.get(wrong).status_code == 410


def test_a_link_is_good_for_its_own_purpose_alone(client: FlaskClient, link):
    register(client)
    token = link("ana@example.com").removeprefix("/confirm/")
    assert make.post(client, f"/reset/{token}", password=PASSWORD).status_code == 410
    assert make.post(client, f"/address/{token}").status_code == 410
    assert make.post(client, f"/invitations/{token}", name="Ana", password=PASSWORD).status_code == 410


def test_the_database_alone_does_not_make_a_link(client: FlaskClient, app: Flask, link):
    register(client)
    token = link("ana@example.com").removeprefix("/confirm/")
    stored = db.session.execute(sa.select(MailToken)).scalar_one()
    everything = " ".join(str(value) for value in vars(stored).values())
    assert token not in everything
    assert proofs.link_token(proofs.CONFIRM, stored.nonce) == token
    app.extensions["fullcircle.settings"] = _with_secret(app, "another secret")
    assert proofs.link_token(proofs.CONFIRM, stored.nonce) != token


def _with_secret(app: Flask, secret: str):
    import dataclasses

    return dataclasses.replace(app.extensions["fullcircle.settings"], secret_key=secret)


def test_a_known_address_is_told_by_mail_and_nobody_else_learns_it(client: FlaskClient, app: Flask, letters):
    make.person("Ana", email="ana@example.com", password=make.PASSWORD)
    known, unknown = register(client), register(app.test_client(), email="ben@example.com")
    assert (known.status_code, known.location, known.data) == (
        unknown.status_code,
        unknown.location,
        unknown.data,
    )
    assert "account already" in letters("ana@example.com")[0].subject
    assert not passwords.matches(account().password_hash, PASSWORD)


def test_an_address_in_other_letters_is_the_same_address(client: FlaskClient, letters):
    make.person("Ana", email="ana@example.com", password=make.PASSWORD)
    register(client, email="ANA@EXAMPLE.COM")
    assert len(letters("ana@example.com")) == 1
    assert db.session.execute(sa.select(sa.func.count()).select_from(Person)).scalar_one() == 1


def test_whoever_proves_the_address_has_the_password_of_their_own_registration(
    client: FlaskClient, app: Flask, link
):
    register(app.test_client(), password="the squatter was first")
    register(client, password="the owner came second")
    make.post(client, link("ana@example.com"))
    assert passwords.matches(account().password_hash, "the owner came second")
    assert not passwords.matches(account().password_hash, "the squatter was first")


def test_one_proof_ends_all_links_of_the_account(client: FlaskClient, app: Flask, link):
    register(app.test_client(), password="the squatter was first")
    older = link("ana@example.com")
    register(client)
    make.post(client, link("ana@example.com"))
    assert make.post(app.test_client(), older).status_code == 410


@pytest.mark.slow
def test_the_link_can_be_sent_again(client: FlaskClient, letters, link):
    register(client)
    first = link("ana@example.com")
    assert make.post(client, "/confirm", email="ana@example.com").location == "/register/sent"
    assert link("ana@example.com") != first
    assert make.post(client, link("ana@example.com")).status_code == 303
    assert passwords.matches(account().password_hash, PASSWORD)


def test_sending_again_tells_nothing_of_the_address(client: FlaskClient, letters):
    make.person("Ben", email="ben@example.com")
    confirmed = make.post(client, "/confirm", email="ben@example.com")
    unknown = make.post(client, "/confirm", email="zoe@example.com")
    assert (confirmed.status_code, confirmed.location) == (unknown.status_code, unknown.location)
    assert letters("example.com") == []


@pytest.mark.both
@pytest.mark.parametrize(
    ("name", "handle"),
    [("Nora Weißenberg", "nora-weissenberg"), ("Søren Łukasz", "soren-lukasz"), ("Ægir Þór", "aegir-thor")],
)
def test_the_handle_offered_keeps_every_letter_of_the_name(context: Flask, name: str, handle: str):
    assert free_handle(name) == handle


def test_a_taken_handle_is_told_and_the_link_stays_good(client: FlaskClient, link):
    make.person("Ben", handle="ben")
    register(client)
    path = link("ana@example.com")
    assert make.post(client, path, handle="Ben").status_code == 422
    assert make.post(client, path, handle="admin").status_code == 422
    assert make.post(client, path, handle="no spaces").status_code == 422
    assert make.post(client, path, handle="ana").status_code == 303


def test_the_link_goes_to_the_sites_own_address_whatever_the_request_says(client: FlaskClient, letters):
    client.get("/register")
    client.environ_base["HTTP_HOST"] = "evil.example"
    client.environ_base["HTTP_X_FORWARDED_HOST"] = "evil.example"
    register(client)
    letter = letters("ana@example.com")[0]
    assert "http://localhost/confirm/" in letter.text
    assert "evil.example" not in letter.text + (letter.html or "")


def test_a_name_cannot_add_lines_or_links_to_the_letter(client: FlaskClient, letters):
    name = "Ana\r\nBcc: x@evil.example https://evil.example/x {{7*191}} <b>"
    make.post(client, "/register", name=name[:60], email="ana@example.com", password=PASSWORD)
    sent = letters("ana@example.com")
    assert len(sent) == 1
    assert dict(sent[0].headers).get("Bcc") is None
    assert "https://evil" not in sent[0].text
    assert "1337" not in sent[0].text + (sent[0].html or "")
    assert "<b>" not in (sent[0].html or "").partition("Hello")[2][:200]


def test_an_imported_account_belongs_to_whoever_reads_the_mail_of_its_address(client: FlaskClient, link):
    imported = make.person("Ivy", handle="ivy", email="ivy@example.com", confirmed=False, roles=())
    with writing():
        db.session.execute(sa.update(Person).values(kind=IMPORTED))
    register(client, email="ivy@example.com")
    make.post(client, link("ivy@example.com"))
    assert account("ivy@example.com").id == imported.id
    assert client.get("/settings").status_code == 200


WEAK = (
    *(
        "1234567",
        "password",
        "Passw0rd!",
        "12345678",
        "qwertyuiop",
        "iloveyou1",
        "letmein2024!",
        "abcdefgh",
        "19840321",
    ),
    *(
        "aaaaaaaa",
        "abcabcabc",
        "passwordpassword",
        "Fullcircle1",
        "analima123",
        "ana@example.com",
        "x" * 257,
        "trustno1",
    ),
)
GOOD = (
    "kx93!pqz",
    "x" * 30 + "yz" * 17,
    "ab cd " * 21 + "!?",
    "\u2603 snow \u2603 man",
    "    tea at five   ",
)


def test_passwords_that_are_tried_first_are_refused(client: FlaskClient, context: Flask):
    pages = {weak: register(client, password=weak) for weak in WEAK}
    assert [weak for weak, page in pages.items() if page.status_code != 422] == []
    assert all("field-password-error" in page.text for page in pages.values())
    assert queries.by_email("ana@example.com") is None


def test_other_passwords_of_eight_to_256_characters_are_taken(client: FlaskClient, context: Flask):
    answers = [register(client, f"p{n}@example.com", good).status_code for n, good in enumerate(GOOD)]
    assert answers == [303] * len(GOOD)


def test_wrong_fields_are_told_and_the_rest_stays_typed(client: FlaskClient, context: Flask):
    wrong = [
        ("name", ""),
        ("name", "A"),
        ("name", "   "),
        ("name", "A" * 61),
        ("email", "ana"),
        ("password", ""),
    ]
    for field, value in wrong:
        fields = {"name": "Ana Lima", "email": "ana@example.com", "password": PASSWORD} | {field: value}
        page = make.post(client, "/register", **fields)
        assert page.status_code == 422, field
        assert f"field-{field}-error" in page.text
        assert PASSWORD not in page.text


def test_extra_fields_give_nothing(client: FlaskClient, link):
    extra = {
        "roles": "owner",
        "role": "owner",
        "is_admin": "1",
        "points": "9999",
        "level": "4",
        "id": "1",
        "kind": "x",
    }
    register(client, email_confirmed_at="2020-01-01", password_hash="x", **extra)
    person = account()
    assert queries.roles_of(person.id) == {"customer"}
    assert (person.points, person.level, person.kind, person.email_confirmed_at) == (0, 0, "member", None)
    make.post(client, link("ana@example.com"), **extra)
    assert queries.roles_of(account().id) == {"customer"}


@pytest.mark.settings(REGISTRATION="invited")
def test_where_registration_is_by_invitation_the_form_is_shut(client: FlaskClient, context: Flask):
    assert "Create the account" not in client.get("/register").text
    assert register(client).status_code == 403
    assert queries.by_email("ana@example.com") is None


@pytest.mark.settings(RATE_LIMITS="1")
def test_thirty_registrations_in_a_row_are_too_many(client: FlaskClient, context: Flask):
    answers = [register(client, email=f"p{n}@example.com").status_code for n in range(12)]
    assert answers == [303] * 10 + [429] * 2


def test_members_are_sent_on(context: Flask):
    assert make.client_of(make.person()).get("/register").status_code == 303


def test_pages_with_a_secret_address_keep_it_from_other_sites(client: FlaskClient, link):
    register(client)
    response = client.get(link("ana@example.com"))
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in response.headers["Cache-Control"]


def test_the_letter_goes_out_once_though_the_worker_repeats(client: FlaskClient, letters):
    register(client)
    assert len(letters("ana@example.com")) == 1
    with writing():
        db.session.execute(sa.text("UPDATE delivery SET state = 0"))
    assert len(letters("ana@example.com")) == 1


def test_the_letter_has_both_forms_and_the_same_link(client: FlaskClient, letters):
    register(client)
    letter = letters("ana@example.com")[0]
    path = re.search(r"/confirm/\S+", letter.text)
    assert path and path[0] in (letter.html or "")
