"""Static files: one hash names them all, they are kept for a year, packed, and nothing else is reachable."""

import gzip
from pathlib import Path

import pytest
from flask import Flask

from core import assets
from core.assets import Assets


def address(face: Flask, name: str) -> str:
    with face.app_context():
        return assets.asset(name)


def test_the_address_changes_when_any_file_does(tmp_path: Path):
    (tmp_path / "a.js").write_text("1")
    before = Assets(tmp_path).version
    (tmp_path / "a.js").write_text("2")
    assert Assets(tmp_path).version != before


def test_a_file_is_kept_for_a_year_under_its_address_and_a_minute_under_an_old_one(face: Flask):
    client = face.test_client()
    now = client.get(address(face, "js/app.js"))
    old = client.get("/assets/000000000000/js/app.js")
    assert "immutable" in now.headers["Cache-Control"]
    assert old.headers["Cache-Control"] == "public, max-age=60"
    assert now.data == old.data


def test_the_stylesheet_is_every_sheet_in_order_packed_for_those_who_take_it(face: Flask):
    client = face.test_client()
    plain = client.get(address(face, "app.css"))
    packed = client.get(address(face, "app.css"), headers={"Accept-Encoding": "gzip"})
    assert plain.data.startswith(b"/* Every colour")
    assert b"@media print" in plain.data
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["Content-Type"].startswith("text/css")
    assert "Accept-Encoding" in packed.headers["Vary"]


@pytest.mark.parametrize(
    "name", ["../app.py", "%2e%2e/app.py", "js/../../app.py", "js/none.js", "js", "a%00b"]
)
def test_nothing_outside_of_static_is_served(face: Flask, name: str):
    assert face.test_client().get(f"/assets/000000000000/{name}").status_code == 404


def test_the_address_respects_where_the_site_is_mounted(face: Flask):
    with face.test_request_context("/", base_url="http://localhost/community"):
        assert assets.asset("app.css").startswith("/community/assets/")
