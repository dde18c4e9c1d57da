"""The first run: one token, one owner, and then never again."""

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.db import writing
from core.errors import Forbidden
from people import actions, queries
from tests import make

FIELDS = {
    "name": "Olu Adeyemi",
    "handle": "olu",
    "email": "olu@example.com",
    "password": "quiet rivers run deep",
}


@pytest.fixture
def token(context: Flask) -> str:
    with writing():
        return actions.prepare_setup()


def test_the_token_makes_the_owner_and_closes_the_page(client: FlaskClient, app: Flask, token: str):
    assert client.get("/setup").status_code == 200
    assert make.post(client, "/setup", token=token, **FIELDS, timezone="Africa/Lagos").location == "/"
    olu = queries.by_handle("olu")
    assert queries.roles_of(olu.id) == {"customer", "owner"}
    assert olu.timezone == "Africa/Lagos"
    assert client.get("/settings").status_code == 200
    later = app.test_client()
    assert later.get("/setup").status_code == 404
    assert make.post(later, "/setup", token=token, **FIELDS | {"email": "x@example.com"}).status_code == 404


def test_without_a_token_there_is_no_page(client: FlaskClient, context: Flask):
    assert client.get("/setup").status_code == 404
    assert make.post(client, "/setup", token="", **FIELDS).status_code in (404, 422)
    assert make.post(client, "/setup", token="x" * 43, **FIELDS).status_code == 404
    assert queries.by_email("olu@example.com") is None


def test_a_wrong_token_makes_nothing_and_leaves_the_page_open(client: FlaskClient, token: str):
    assert make.post(client, "/setup", token="x" * 43, **FIELDS).status_code == 422
    assert queries.by_email("olu@example.com") is None
    assert make.post(client, "/setup", token=token, **FIELDS).status_code == 303


def test_a_wrong_form_does_not_use_the_token(client: FlaskClient, token: str):
    assert make.post(client, "/setup", token=token, **FIELDS | {"password": "password"}).status_code == 422
    assert make.post(client, "/setup", token=token, **FIELDS | {"email": "olu"}).status_code == 422
    make.person("Ana", handle="taken")
    assert make.post(client, "/setup", token=token, **FIELDS | {"handle": "taken"}).status_code == 422
    assert make.post(client, "/setup", token=token, **FIELDS).status_code == 303


@pytest.mark.both
def test_one_of_several_at_once_wins(app: Flask, token: str):
    answers = []

    def open_house(number: int) -> None:
        fields = FIELDS | {"handle": f"olu{number}", "email": f"olu{number}@example.com"}
        answers.append(make.post(app.test_client(), "/setup", token=token, **fields).status_code)

    threads = [threading.Thread(target=open_house, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 404, 404, 404]
    assert len(queries.ids_with_role("owner")) == 1


def test_a_new_token_makes_the_one_before_useless(client: FlaskClient, token: str):
    with writing():
        newer = actions.prepare_setup()
    assert make.post(client, "/setup", token=token, **FIELDS).status_code == 422
    assert make.post(client, "/setup", token=newer, **FIELDS).status_code == 303


def test_an_owned_house_prints_no_token(context: Flask):
    make.person("Olu", "owner")
    with pytest.raises(Forbidden), writing():
        actions.prepare_setup()


def test_the_page_stays_closed_when_the_owner_leaves(client: FlaskClient, token: str):
    make.post(client, "/setup", token=token, **FIELDS)
    uma = make.person("Uma", "owner")
    with writing():
        for handle in ("olu", uma.handle):
            found = queries.by_handle(handle)
            found.kind = "removed"
    assert client.get("/setup").status_code == 404
    with pytest.raises(Forbidden), writing():
        actions.prepare_setup()


def test_a_fresh_house_has_no_account_at_all(client: FlaskClient, context: Flask):
    for email in ("admin", "admin@localhost", "admin@example.com", "root@localhost"):
        for password in ("admin", "password", "fullcircle"):
            assert make.post(client, "/sign-in", email=email, password=password).status_code == 422
    assert queries.staff_ids() == []
