"""People of other places: the same poster is the same person, whoever asks first."""

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.db import writing
from core.errors import Forbidden, Refused
from core.viewer import Viewer
from people import actions, queries
from people.models import OUTSIDE, Person
from tests import make


def poster(external_id: str = "42", name: str = "Ines", channel: str = "web", url: str = "") -> Person:
    with writing():
        return actions.outside_person(
            Viewer.system(), channel=channel, external_id=external_id, name=name, url=url
        )


def test_the_same_poster_is_the_same_person(context: Flask):
    first, again = poster(), poster(name="Ines New")
    assert first.id == again.id
    assert first.kind == OUTSIDE
    assert poster(channel="other").id != first.id
    assert poster(external_id="43").id != first.id


def test_a_poster_with_a_members_name_is_not_the_member(context: Flask):
    ana = make.person("Ana", handle="ana")
    found = poster(external_id="ana@example.com", name="Ana")
    assert found.id != ana.id
    assert found.handle != "ana"


def test_a_linked_identity_is_the_member(context: Flask):
    ana = make.person("Ana")
    outside = poster()
    with writing():
        actions.link_identity(make.actor("Dev", "agent"), queries.identities_of(outside.id)[0], ana)
    assert poster().id == ana.id


def test_only_members_are_linked(context: Flask):
    first, second = poster(), poster(external_id="43")
    with pytest.raises(Refused), writing():
        actions.link_identity(make.actor("Dev", "agent"), queries.identities_of(first.id)[0], second)


def test_customers_make_and_link_nobody(context: Flask):
    outside, ana = poster(), make.person("Ana")
    with pytest.raises(Forbidden), writing():
        actions.outside_person(make.viewer(ana), channel="web", external_id="9", name="x")
    with pytest.raises(Forbidden), writing():
        actions.link_identity(make.viewer(ana), queries.identities_of(outside.id)[0], ana)


@pytest.mark.both
def test_several_at_once_make_one_person(app: Flask, context: Flask):
    found: list[int] = []

    def ask() -> None:
        with app.app_context():
            found.append(poster().id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_any_name_gives_a_person_with_a_handle_of_their_own(client: FlaskClient, context: Flask):
    names = ("", "   ", "x" * 500, "李雷", "<b>bold</b>", "a\nb", "\u202e\u200b", "admin", "admin")
    people = [poster(external_id=str(number), name=name) for number, name in enumerate(names)]
    assert all(0 < len(person.name) <= 60 for person in people)
    handles = {person.handle for person in people}
    assert len(handles) == len(names)
    assert "admin" not in handles
    assert {client.get(f"/people/{handle}").status_code for handle in handles} == {200}


def test_overlong_ids_are_told_apart_to_their_end(context: Flask):
    assert poster(external_id="x" * 500 + "1").id != poster(external_id="x" * 500 + "2").id
    assert poster(external_id="x" * 500 + "1").id == poster(external_id="x" * 500 + "1").id


def test_the_page_links_to_the_place_outside_and_to_no_script(client: FlaskClient, context: Flask):
    good, bad = (
        poster(url="https://social.example/@ines"),
        poster(external_id="43", url="javascript:alert(1)"),
    )
    assert 'href="https://social.example/@ines"' in client.get(f"/people/{good.handle}").text
    assert "javascript" not in client.get(f"/people/{bad.handle}").text.replace("text/javascript", "")


def test_somebody_outside_cannot_sign_in(client: FlaskClient, context: Flask):
    person = poster()
    with pytest.raises(Forbidden):
        make.client_of(person)
    assert make.post(client, "/reset", email="ines@example.com").status_code == 303
