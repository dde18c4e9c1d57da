"""Public pages about people: what they show, to whom, and what they never show."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, writing
from core.viewer import Viewer
from people import actions, queries
from people.models import Person
from tests import counting, make


def test_a_page_shows_name_standing_and_staff_roles(client: FlaskClient, context: Flask):
    dev = make.person("Dev Patel", "customer", "moderator", handle="dev")
    with writing():
        actions.set_standing(Viewer.system(), dev.id, 1240, 3)
    page = client.get("/people/dev").text
    assert all(word in page for word in ("Dev Patel", "@dev", "Moderator", "1,240", "Level 3"))
    assert "Customer" not in page


@pytest.mark.both
def test_the_address_of_a_page_takes_capitals(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana")
    assert client.get("/people/ANA").status_code == 200
    for unknown in ("nobody", "%00", "%E2%80%AE", "x" * 3000, "ana%27--"):
        assert client.get(f"/people/{unknown}").status_code == 404


@pytest.mark.slow
def test_no_page_shows_an_e_mail_address(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana", email="secret@example.com")
    browsers = [
        client,
        *(make.client_of(make.person("X", role)) for role in ("customer", "agent", "moderator", "owner")),
    ]
    for browser in browsers:
        for path in ("/people/ana", "/people", "/people?q=secret", "/people/mentions?q=ana"):
            assert "secret@example.com" not in browser.get(path).text


def test_a_search_for_an_address_finds_nobody(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana", email="secret@example.com")
    assert "/people/ana" not in client.get("/people?q=secret").text


def test_an_unconfirmed_account_is_nowhere(client: FlaskClient, context: Flask):
    make.person("Ben Hidden", handle="ben", confirmed=False)
    member = make.client_of(make.person("Ana"))
    for browser in (client, member):
        assert browser.get("/people/ben").status_code == 404
        assert "Ben Hidden" not in browser.get("/people?q=ben").text
        assert "ben" not in browser.get("/people/mentions?q=ben").text
    assert queries.ids_of_handles(["ben"]) == {}
    assert make.client_of(make.person("Dev", "moderator")).get("/people/ben").status_code == 200


def test_a_kept_page_is_renewed_when_the_profile_changes(client: FlaskClient, app: Flask, context: Flask):
    ana = make.person("Ana", handle="ana")
    visitor = app.test_client()
    assert "Northwind" not in visitor.get("/people/ana").text
    make.post(make.client_of(ana), "/settings", name="Ana", company="Northwind")
    assert "Northwind" in visitor.get("/people/ana").text


def test_a_page_for_visitors_sets_no_cookie_and_holds_no_token(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana")
    for path in ("/people/ana", "/people"):
        response = client.get(path)
        assert "Set-Cookie" not in response.headers
        assert "csrf_token" not in response.text


@pytest.mark.slow
@pytest.mark.both
def test_the_directory_goes_through_everybody_once(client: FlaskClient, context: Flask):
    for number in range(65):
        make.person(f"Person {number}", handle=f"p{number}")
    with writing():
        db.session.execute(sa.update(Person).where(Person.id % 3 == 0).values(points=7))
    seen: list[int] = []
    after = ""
    for _ in range(3):
        page = queries.directory(Viewer.visitor(), after=after)
        seen += [card.id for card in page.people]
        after = page.after
    assert after == ""
    assert len(seen) == len(set(seen)) == 65
    assert client.get("/people").text.count("people-card-text") == 30


def test_the_directory_is_searched_by_part_of_name_or_handle(client: FlaskClient, context: Flask):
    make.person("Ana Lima", handle="ana")
    make.person("Ben Okafor", handle="lime-ben")
    make.person("Cleo Marsh", handle="cleo")
    page = client.get("/people?q=LIM").text
    assert "/people/ana" in page and "/people/lime-ben" in page and "/people/cleo" not in page


@pytest.mark.both
def test_signs_in_a_search_stand_for_themselves(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana")
    for sign in ("%", "_", "\\", "'", "' OR '1'='1", "(((((", "*", "\x00"):
        page = client.get("/people", query_string={"q": sign})
        assert page.status_code == 200
        if sign != "\x00":
            assert "/people/ana" not in page.text


def test_a_made_up_place_in_the_directory_is_the_beginning(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana")
    for after in ("x", "1", "1.x", "-", "9" * 40 + ".1", "1.1'", "--1.1"):
        page = client.get("/people", query_string={"after": after})
        assert page.status_code == 200
        assert "/people/ana" in page.text


def test_lists_of_people_take_one_query_whatever_their_length(context: Flask):
    people = [make.person(f"P {n}", "agent" if n % 2 else "customer") for n in range(20)]
    with counting.statements() as asked:
        cards = queries.cards([person.id for person in people] + [None, 10_000])
    assert asked.number == 1
    assert len(cards) == 20
    assert cards[people[1].id].is_staff and not cards[people[0].id].is_staff


def test_the_profile_takes_few_queries(client: FlaskClient, context: Flask):
    make.person("Ana", handle="ana")
    client.get("/people/ana")
    with counting.statements() as asked:
        make.client_of(make.person("Ben")).get("/people/ana")
    own = [statement for statement in asked.sent if " person" in statement and statement.startswith("SELECT")]
    assert len(own) <= 12


def test_somebody_under_an_at_is_found_by_name_or_handle(context: Flask):
    make.person("Ana Lima", handle="ana")
    make.person("Ben Okafor", handle="okafor")
    own = make.client_of(make.person("Cleo"))
    assert 'data-value="@ana"' in own.get("/people/mentions?q=an").text
    assert 'data-value="@okafor"' in own.get("/people/mentions?q=ben").text
    assert own.get("/people/mentions?q=zzz").status_code == 204
    assert own.get("/people/mentions").status_code == 204


def test_a_page_says_what_its_viewer_may_do(client: FlaskClient, context: Flask):
    ana = make.person("Ana", handle="ana")
    assert "Edit the profile" in make.client_of(ana).get("/people/ana").text
    assert "Edit the profile" not in client.get("/people/ana").text
    moderator = make.client_of(make.person("Dev", "moderator"))
    assert "/people/ana/ban" in moderator.get("/people/ana").text
    assert "/people/ana/account" not in moderator.get("/people/ana").text
    owner = make.client_of(make.person("Olu", "owner"))
    assert "/people/ana/account" in owner.get("/people/ana").text
