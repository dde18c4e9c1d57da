"""Signing in and out: sessions that the server keeps, guesses that run out, doors that stay shut."""

import re
from datetime import timedelta

import argon2
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock
from core.db import db, writing
from core.viewer import Viewer
from people import actions, passwords, proofs, queries
from people.models import Person, SignInSession
from people.views.blueprint import local_path
from tests import counting, make


@pytest.fixture
def ana(context: Flask) -> Person:
    return make.person("Ana", handle="ana", password=make.PASSWORD)


def sign_in(client: FlaskClient, password: str = make.PASSWORD, email: str = "ana@example.com", **more: str):
    return make.post(client, "/sign-in", email=email, password=password, **more)


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/settings").status_code == 200


def change_session(**values: object) -> None:
    with writing():
        db.session.execute(sa.update(SignInSession).values(**values))


@pytest.mark.both
def test_the_right_password_signs_in(client: FlaskClient, ana: Person):
    response = sign_in(client)
    assert (response.status_code, response.location) == (303, "/")
    assert is_signed_in(client)


def test_the_address_may_be_typed_in_capitals(client: FlaskClient, ana: Person):
    assert sign_in(client, email="ANA@Example.com").status_code == 303


def test_wrong_password_and_unknown_address_are_answered_alike(client: FlaskClient, ana: Person):
    def words(text: str) -> str:
        return re.sub(r'value="[^"]*"', "", text)

    wrong = sign_in(client, password="something else")
    unknown = sign_in(client, password="something else", email="zoe@example.com")
    assert wrong.status_code == unknown.status_code == 422
    assert words(wrong.text) == words(unknown.text)
    assert not is_signed_in(client)


def test_an_unknown_address_costs_a_hash_too(
    client: FlaskClient, context: Flask, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str | None] = []

    def note(stored: str | None, _password: str) -> bool:
        asked.append(stored)
        return False

    monkeypatch.setattr(passwords, "matches", note)
    sign_in(client, email="zoe@example.com")
    assert asked == [None]


def test_the_typed_address_stays_in_the_refused_form_and_the_password_does_not(
    client: FlaskClient, ana: Person
):
    page = sign_in(client, password="hunter2hunter2").text
    assert 'value="ana@example.com"' in page
    assert "hunter2hunter2" not in page


def test_an_unconfirmed_account_is_offered_the_link_again(client: FlaskClient, context: Flask):
    make.person("Ben", email="ben@example.com", password=make.PASSWORD, confirmed=False)
    page = sign_in(client, email="ben@example.com")
    assert page.status_code == 422
    assert "/confirm" in page.text
    assert not is_signed_in(client)


def test_whoever_is_refused_hears_of_the_letter_whether_the_address_is_known_or_not(
    client: FlaskClient, ana: Person
):
    """Just registered, the password counts only once the address is proven; to say so to one would tell of all."""
    make.post(client, "/register", name="Ben Ode", email="ben@example.com", password="quiet rivers run deep")
    for email in ("ben@example.com", "ana@example.com", "nobody@example.com"):
        assert "Open the link in our letter first." in sign_in(client, "quiet rivers run deep", email).text


def test_a_banned_person_is_told_why_and_only_with_the_right_password(client: FlaskClient, ana: Person):
    moderator = make.actor("Dev", "moderator")
    with writing():
        actions.ban(
            moderator, queries.person(ana.id), "Sold hats in every thread", clock.now() + timedelta(days=7)
        )
    page = sign_in(client).text
    assert "Sold hats" in page
    assert re.search(r"shut out until \w+ \d+, \d{4}\.", page)  # the day alone, as the moderator chose it
    assert "Sold hats" not in sign_in(client, password="something else").text
    assert not is_signed_in(client)


def test_only_paths_of_this_site_are_gone_to(client: FlaskClient, ana: Person):
    foreign = (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
    )
    for target in (*foreign, "javascript:alert(1)", "evil.example", " //evil.example", ""):
        assert local_path(target) == "/", target
    assert local_path("/ideas?sort=new#top") == "/ideas?sort=new#top"
    assert sign_in(client, next="//evil.example").location == "/"
    assert client.get("/sign-in?next=//evil.example").location == "/"
    assert client.get("/sign-in?next=/ideas").location == "/ideas"


def test_a_visitor_comes_back_to_the_page_that_asked(client: FlaskClient, ana: Person):
    asked = client.get("/settings/sessions")
    assert asked.status_code == 302
    page = client.get(asked.location).text
    found = re.search(r'name="next" value="([^"]+)"', page)
    assert found and sign_in(client, next=found[1]).location == "/settings/sessions"


def test_nothing_of_the_visitors_cookie_stays(client: FlaskClient, ana: Person):
    client.get("/sign-in")
    with client.session_transaction() as before:
        before["planted"] = "by somebody else"
        csrf = before["csrf_token"]
    sign_in(client)
    with client.session_transaction() as after:
        assert "planted" not in after
        assert after.get("csrf_token") != csrf


def test_every_sign_in_has_a_token_of_its_own(client: FlaskClient, ana: Person):
    tokens = []
    for _ in range(2):
        sign_in(client)
        with client.session_transaction() as cookie:
            tokens.append(cookie["_user_id"])
        make.post(client, "/sign-out")
    assert tokens[0] != tokens[1]
    assert min(map(len, tokens)) >= 43


def test_tokens_are_long_and_never_alike():
    tokens = {proofs.new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= 22


def test_the_database_holds_no_token(client: FlaskClient, ana: Person):
    sign_in(client)
    with client.session_transaction() as cookie:
        token = cookie["_user_id"]
    stored = db.session.execute(sa.select(SignInSession.token_hash)).scalar_one()
    assert stored == proofs.digest_of(token)
    assert token not in stored


def test_the_password_is_stored_as_argon2id(ana: Person):
    assert ana.password_hash is not None
    assert ana.password_hash.startswith("$argon2id$")


def test_signing_out_ends_the_session_on_the_server(client: FlaskClient, app: Flask, ana: Person):
    sign_in(client)
    with client.session_transaction() as cookie:
        kept = dict(cookie)
    assert make.post(client, "/sign-out").status_code == 303
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(kept)
    assert not is_signed_in(thief)


def test_signing_in_as_somebody_else_ends_the_session_before(client: FlaskClient, ana: Person):
    make.person("Ben", email="ben@example.com", password=make.PASSWORD)
    sign_in(client)
    sign_in(client, email="ben@example.com")
    assert queries.sessions_of(ana.id) == []
    assert is_signed_in(client)


def test_signing_out_needs_a_form_of_this_site(client: FlaskClient, ana: Person):
    sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 400
    assert is_signed_in(client)


def test_signing_in_needs_a_form_of_this_site(client: FlaskClient, ana: Person):
    response = client.post("/sign-in", data={"email": "ana@example.com", "password": make.PASSWORD})
    assert response.status_code == 400


def test_an_idle_session_ends(client: FlaskClient, ana: Person):
    sign_in(client)
    change_session(seen_at=clock.now() - timedelta(hours=25))
    assert not is_signed_in(client)


def test_a_remembered_session_outlives_a_day_but_not_its_idle_end(client: FlaskClient, ana: Person):
    sign_in(client, remember="1")
    change_session(seen_at=clock.now() - timedelta(days=30))
    assert is_signed_in(client)
    change_session(seen_at=clock.now() - timedelta(days=61))
    assert not is_signed_in(client)


def test_any_session_has_an_absolute_end(client: FlaskClient, ana: Person):
    sign_in(client, remember="1")
    change_session(expires_at=clock.now() - timedelta(seconds=1))
    assert not is_signed_in(client)


def test_only_a_remembered_session_outlives_the_browser(client: FlaskClient, ana: Person):
    short = sign_in(client).headers.getlist("Set-Cookie")
    assert not any(c.startswith("session=") and "Expires" in c for c in short)
    make.post(client, "/sign-out")
    long = sign_in(client, remember="1").headers.getlist("Set-Cookie")
    assert any(c.startswith("session=") and "Expires" in c for c in long)


def test_last_seen_is_written_after_five_minutes_and_not_before(client: FlaskClient, ana: Person):
    sign_in(client)
    moment = clock.now() - timedelta(minutes=4)
    change_session(seen_at=moment)
    client.get("/settings").close()
    assert queries.sessions_of(ana.id)[0].seen_at == moment
    change_session(seen_at=clock.now() - timedelta(minutes=6))
    client.get("/settings").close()
    assert clock.now() - queries.sessions_of(ana.id)[0].seen_at < timedelta(minutes=1)


def test_who_is_signed_in_takes_one_query_whatever_the_roles(client: FlaskClient, context: Flask):
    person = make.person("Dev", "agent", "moderator", "supervisor")
    make.client_of(person)
    token = "known to the test"
    change_session(token_hash=proofs.digest_of(token))
    with counting.statements() as asked:
        found = queries.viewer_of_token(token)
    assert found is not None
    assert found.roles == {"agent", "moderator", "supervisor"}
    assert asked.number == 1


def test_a_wrong_token_is_nobody(context: Flask, ana: Person):
    make.client_of(ana)
    assert queries.viewer_of_token("") is None
    assert queries.viewer_of_token("x" * 10_000) is None
    assert queries.viewer_of_token("\ud800") is None


def test_an_old_hash_is_made_anew_at_sign_in(client: FlaskClient, ana: Person):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(make.PASSWORD)
    with writing():
        db.session.execute(sa.update(Person).values(password_hash=weak))
    assert sign_in(client).status_code == 303
    stored = db.session.execute(sa.select(Person.password_hash)).scalar_one()
    assert stored != weak
    assert passwords.matches(stored, make.PASSWORD)


def test_passwords_are_compared_whole_and_as_typed():
    animals = "\U0001f422\U0001f407\U0001f98a\U0001f43b and friends"
    for chosen, typed, fits in (
        ("  blanks at both ends ", "  blanks at both ends ", True),
        ("  blanks at both ends ", "blanks at both ends", False),
        ("x" * 80 + "first end", "x" * 80 + "other end", False),
        ("pa\u0301ssphrase of mine", "p\u00e1ssphrase of mine", True),
        (animals, animals, True),
        ("Capital Letters Here", "capital letters here", False),
    ):
        assert passwords.matches(passwords.hash_of(chosen), typed) == fits, (chosen, typed)


def test_blanks_at_the_ends_of_a_password_count(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana", password="  blanks at both ends ")
    assert sign_in(client, password="blanks at both ends").status_code == 422
    assert sign_in(client, password="  blanks at both ends ").status_code == 303


def test_an_enormous_password_is_refused_before_hashing(client: FlaskClient, ana: Person):
    assert sign_in(client, password="x" * 1_000_000).status_code == 422


def test_doubled_fields_are_refused(client: FlaskClient, ana: Person):
    doubled = make.post(
        client, "/sign-in", email=["zoe@example.com", "ana@example.com"], password=make.PASSWORD
    )
    assert doubled.status_code == 422


# --- guesses ---


@pytest.mark.settings(RATE_LIMITS="1")
def test_guesses_run_out_but_the_owner_gets_in_from_elsewhere(app: Flask, client: FlaskClient, ana: Person):
    answers = [sign_in(client, password=f"guess number {n}").status_code for n in range(12)]
    assert answers[:10] == [422] * 10
    assert answers[10:] == [429, 429]
    assert sign_in(client).status_code == 429
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert sign_in(elsewhere).status_code == 303


@pytest.mark.settings(RATE_LIMITS="1")
def test_guesses_at_many_accounts_run_out_too(client: FlaskClient, context: Flask):
    answers = [sign_in(client, email=f"p{n}@example.com").status_code for n in range(32)]
    assert answers[:30] == [422] * 30
    assert answers[30:] == [429, 429]


@pytest.mark.settings(RATE_LIMITS="1")
def test_a_header_of_the_client_buys_no_more_guesses(client: FlaskClient, ana: Person):
    for n in range(10):
        sign_in(client, password=f"guess number {n}")
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "203.0.113.77"
    client.environ_base["HTTP_X_REAL_IP"] = "203.0.113.77"
    response = sign_in(client)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.slow
@pytest.mark.settings(RATE_LIMITS="1")
def test_many_places_together_run_out_except_for_a_known_browser(app: Flask, ana: Person):
    known = app.test_client()
    assert sign_in(known).status_code == 303
    make.post(known, "/sign-out")
    for place in range(1, 12):
        guesser = app.test_client()
        guesser.environ_base["REMOTE_ADDR"] = f"198.51.100.{place}"
        last = [sign_in(guesser, password="a guess").status_code for _ in range(10)][-1]
    assert last == 429
    stranger = app.test_client()
    stranger.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert sign_in(stranger).status_code == 429
    assert sign_in(known).status_code == 303


@pytest.mark.settings(RATE_LIMITS="1")
def test_successful_sign_ins_are_not_counted(client: FlaskClient, ana: Person):
    for _ in range(12):
        assert sign_in(client).status_code == 303
        make.post(client, "/sign-out")


# --- the password again ---


def stale(client: FlaskClient) -> None:
    change_session(fresh_at=clock.now() - timedelta(minutes=31))


def test_what_matters_asks_for_the_password_again(client: FlaskClient, ana: Person):
    sign_in(client)
    stale(client)
    asked = client.get("/settings/address")
    assert asked.status_code == 303
    assert asked.location == "/settings/again?next=/settings/address"
    assert make.post(client, "/settings/address", email="new@example.com").status_code == 303
    assert client.get(asked.location).status_code == 200


def test_a_wrong_password_does_not_freshen_the_session(client: FlaskClient, ana: Person):
    sign_in(client)
    stale(client)
    refused = make.post(client, "/settings/again", password="something else", next="/settings/address")
    assert refused.status_code == 422
    assert client.get("/settings/address").status_code == 303


def test_the_password_again_renews_the_token(client: FlaskClient, app: Flask, ana: Person):
    sign_in(client)
    stale(client)
    with client.session_transaction() as cookie:
        kept = dict(cookie)
    passed = make.post(client, "/settings/again", password=make.PASSWORD, next="/settings/address")
    assert passed.location == "/settings/address"
    assert client.get("/settings/address").status_code == 200
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie.update(kept)
    assert not is_signed_in(thief)


def test_commands_and_the_system_are_always_fresh():
    actions.require_fresh(Viewer.system())


# --- cookies ---


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: FlaskClient, ana: Person):
    for cookie in sign_in(client).headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


@pytest.mark.settings(SITE_URL="https://community.example")
def test_over_https_cookies_are_secure_and_bound_to_the_host(client: FlaskClient, ana: Person):
    cookies = sign_in_over_https(client).headers.getlist("Set-Cookie")
    assert any(c.startswith("__Host-session=") for c in cookies)
    assert all("Secure" in c for c in cookies)


def sign_in_over_https(client: FlaskClient):
    base = "https://community.example"
    page = client.get("/sign-in", base_url=base).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    fields = {"csrf_token": found[1], "email": "ana@example.com", "password": make.PASSWORD}
    return client.post("/sign-in", data=fields, base_url=base, headers={"Referer": base + "/sign-in"})
