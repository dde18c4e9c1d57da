"""Settings: everybody edits their own profile, within bounds, and nothing else."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from core import clock
from core.db import db, writing
from people import queries
from people.models import Person, SignInSession
from people.portability import export_section
from tests import make


@pytest.fixture
def ana(context: Flask) -> Person:
    return make.person("Ana", handle="ana", password=make.PASSWORD)


@pytest.fixture
def own(ana: Person) -> FlaskClient:
    return make.client_of(ana)


def save(client: FlaskClient, **fields: str):
    return make.post(client, "/settings", **{"name": "Ana Lima", **fields})


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 300), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "teal").save(out, kind)
    return out.getvalue()


@pytest.mark.settings(LANGUAGES="en,de")
def test_a_profile_is_saved_and_shown(client: FlaskClient, own: FlaskClient):
    fields = {
        "bio": "I *like* tables.",
        "company": "Northwind",
        "location": "Lisbon",
        "website": "https://ana.example.org/about",
        "timezone": "Europe/Lisbon",
        "locale": "de",
    }
    assert save(own, **fields).status_code == 303
    page = client.get("/people/ana").text
    assert "I <em>like</em> tables." in page
    assert all(
        word in page for word in ("Ana Lima", "Northwind", "Lisbon", 'href="https://ana.example.org/about"')
    )
    form = own.get("/settings").text
    assert "I *like* tables." in form
    assert 'value="Europe/Lisbon" selected' in form


WRONG = (
    *(("name", ""), ("name", "  "), ("name", "x" * 61), ("company", "x" * 81), ("location", "x" * 81)),
    *(("bio", "x" * 2001), ("website", "javascript:alert(1)"), ("website", "https://x.example/" + "x" * 200)),
    *(("timezone", "Mars/Base"), ("timezone", "../../etc/passwd"), ("locale", "xx")),
)


def test_a_wrong_field_is_told_and_nothing_is_saved(own: FlaskClient, ana: Person):
    for field, value in WRONG:
        refused = save(own, **{"company": "Typed before", **{field: value}})
        assert refused.status_code == 422, field
        assert f'href="#field-{field}"' in refused.text
    assert queries.person(ana.id).company == ""


def test_what_was_typed_stays_in_a_refused_form(own: FlaskClient):
    assert "My long story" in save(own, name="", bio="My long story").text


def test_names_and_texts_are_shown_as_text(client: FlaskClient, own: FlaskClient):
    save(
        own,
        name="<i>Ana</i>",
        company='"><script>x</script>',
        bio="<script>alert(1)</script> [x](javascript:alert(1))",
    )
    page = client.get("/people/ana").text
    assert "<i>Ana" not in page
    assert "<script>x" not in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


def test_extra_fields_change_nothing(own: FlaskClient, ana: Person):
    save(
        own,
        handle="boss",
        points="999",
        level="9",
        kind="x",
        email="x@example.com",
        id="77",
        person_id="1",
        roles="owner",
    )
    found = queries.person(ana.id)
    assert (found.handle, found.points, found.level, found.kind, found.email) == (
        *("ana", 0, 0, "member"),
        "ana@example.com",
    )
    assert queries.roles_of(ana.id) == {"customer"}


def test_settings_are_for_members(client: FlaskClient, context: Flask):
    for path in ("", "/password", "/address", "/sessions", "/data", "/removal", "/again"):
        assert client.get("/settings" + path).status_code == 302
    for path in ("", "/password", "/address", "/avatar", "/data/export", "/removal", "/sessions/ending"):
        assert make.post(client, "/settings" + path).location.startswith("/sign-in")


# --- picture ---


def test_a_picture_becomes_a_small_square(client: FlaskClient, own: FlaskClient, ana: Person):
    for kind, mode in (("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("WEBP", "RGB")):
        make.post(own, "/settings/avatar", picture=(io.BytesIO(picture(kind, mode=mode)), "me.bin"))
        key = queries.person(ana.id).avatar_key
        answer = client.get(f"/avatars/{key}")
        assert answer.status_code == 200
        assert answer.content_type in ("image/png", "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert Image.open(io.BytesIO(answer.data)).size == (256, 256)
        assert f"/avatars/{key}" in client.get("/people/ana").text


def test_what_is_no_picture_is_refused_with_a_reason(own: FlaskClient, ana: Person):
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    for data in (b"", svg, b"<html>", b"GIF89a"):
        response = make.post(own, "/settings/avatar", picture=(io.BytesIO(data), "me.png"))
        assert response.status_code == 422
        assert "field-picture-error" in response.text
    assert queries.person(ana.id).avatar_key == ""


def test_a_picture_is_taken_away_with_its_file(client: FlaskClient, own: FlaskClient, ana: Person):
    make.post(own, "/settings/avatar", picture=(io.BytesIO(picture()), "me.png"))
    key = queries.person(ana.id).avatar_key
    make.post(own, "/settings/avatar/removal")
    assert queries.person(ana.id).avatar_key == ""
    assert client.get(f"/avatars/{key}").status_code == 404


def test_a_picture_that_two_people_show_outlives_one_of_them(client: FlaskClient, own: FlaskClient):
    ben = make.person("Ben")
    for browser in (own, make.client_of(ben)):
        make.post(browser, "/settings/avatar", picture=(io.BytesIO(picture()), "me.png"))
    make.post(own, "/settings/avatar/removal")
    assert client.get(f"/avatars/{queries.person(ben.id).avatar_key}").status_code == 200


def test_pictures_have_no_other_address(client: FlaskClient, context: Flask):
    for key in ("..%2f..%2fsecret_key", "x", "../fullcircle.db", "%00"):
        assert client.get(f"/avatars/{key}").status_code == 404


# --- theme and language ---


def test_a_member_keeps_the_theme_in_the_account(own: FlaskClient, ana: Person):
    assert make.post(own, "/settings/theme", theme="dark").status_code == 303
    assert queries.person(ana.id).theme == "dark"
    assert 'data-theme="dark"' in own.get("/settings").text
    make.post(own, "/settings/theme", theme="system")
    assert 'data-theme="dark"' not in own.get("/settings").text


def test_a_visitor_keeps_the_theme_in_a_cookie(client: FlaskClient, context: Flask):
    make.post(client, "/settings/theme", theme="dark")
    cookie = client.get_cookie("theme")
    assert cookie is not None and cookie.value == "dark"
    make.post(client, "/settings/theme", theme="system")
    assert client.get_cookie("theme") is None


def test_theme_and_language_are_among_those_offered(client: FlaskClient, own: FlaskClient):
    for browser in (client, own):
        assert make.post(browser, "/settings/theme", theme='"><script>').status_code == 422
        assert make.post(browser, "/settings/language", locale="xx").status_code == 422


def test_after_the_theme_one_is_where_one_was_and_never_elsewhere(client: FlaskClient, context: Flask):
    client.environ_base["HTTP_REFERER"] = "http://localhost/people?q=a"
    assert make.post(client, "/settings/theme", theme="dark").location == "/people?q=a"
    client.environ_base["HTTP_REFERER"] = "http://localhost.evil.example/people"
    assert make.post(client, "/settings/theme", theme="dark").location == "/"


@pytest.mark.settings(LANGUAGES="en,de")
def test_a_member_keeps_the_language_in_the_account(own: FlaskClient, ana: Person):
    make.post(own, "/settings/language", locale="de")
    assert queries.person(ana.id).locale == "de"


# --- own data ---


def archive(client: FlaskClient) -> zipfile.ZipFile:
    response = make.post(client, "/settings/data/export")
    assert response.status_code == 200
    assert response.content_type == "application/zip"
    assert response.headers["Content-Disposition"].startswith("attachment")
    return zipfile.ZipFile(io.BytesIO(response.data))


def test_the_archive_holds_the_account_and_no_secret(own: FlaskClient, ana: Person):
    files = archive(own)
    (account,) = json.loads(files.read("people.account.json"))
    assert (account["name"], account["email"]) == ("Ana", "ana@example.com")
    everything = b"".join(files.read(name) for name in files.namelist()).decode("utf-8", "replace")
    assert "argon2" not in everything
    assert "token" not in everything


def test_the_archive_holds_what_other_features_register(
    own: FlaskClient, ana: Person, monkeypatch: pytest.MonkeyPatch
):
    from people import portability

    monkeypatch.setattr(portability, "_sections", dict(portability._sections))
    export_section("tests.notes")(lambda person_id: [{"about": person_id, "at": clock.now()}])
    (note,) = json.loads(archive(own).read("tests.notes.json"))
    assert note["about"] == ana.id


def test_the_archive_holds_nobody_elses_address(own: FlaskClient):
    make.person("Ben", email="ben@example.com")
    files = archive(own)
    assert not any(b"ben@example.com" in files.read(name) for name in files.namelist())


def test_the_archive_needs_the_password_typed_lately_and_a_form(own: FlaskClient):
    assert own.get("/settings/data/export").status_code == 405
    assert own.post("/settings/data/export").status_code == 400
    with writing():
        db.session.execute(sa.update(SignInSession).values(fresh_at=clock.now() - timedelta(minutes=31)))
    assert make.post(own, "/settings/data/export").location.startswith("/settings/again")


@pytest.mark.settings(RATE_LIMITS="1")
def test_archives_cannot_be_asked_for_without_end(own: FlaskClient):
    answers = [make.post(own, "/settings/data/export").status_code for _ in range(8)]
    assert answers == [200] * 6 + [429] * 2
