"""What is kept between starts is never stale, never needed, and addresses are the same however late they are built."""

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask, render_template, url_for

from core import compiled
from core.config import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
AT_NEED = (
    *("httpx", "redis", "PIL", "markdown", "bleach", "feedparser", "minio", "alembic", "rich"),
    "email_validator",
)


def made(folder: Path) -> Flask:
    app = Flask("small", root_path=str(folder), template_folder="templates")
    compiled.init(app, Settings(var_dir=folder / "var"))
    return app


def page(folder: Path) -> str:
    with made(folder).app_context():
        return render_template("page.html")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    path = tmp_path / "templates" / "page.html"
    path.write_text("one {{ 1 + 1 }}", encoding="utf-8")
    return path


def test_compiled_templates_are_kept_for_the_next_start(template, tmp_path):
    assert page(tmp_path) == "one 2"
    kept = list((tmp_path / "var" / "cache" / "templates").iterdir())
    written = kept[0].stat().st_mtime_ns
    assert page(tmp_path) == "one 2"
    assert len(kept) == 1 and kept[0].stat().st_mtime_ns == written


def test_changed_template_is_shown_anew(template, tmp_path):
    page(tmp_path)
    template.write_text("two {{ 2 + 2 }}", encoding="utf-8")
    assert page(tmp_path) == "two 4"


def test_damaged_kept_template_is_compiled_anew(template, tmp_path):
    page(tmp_path)
    for path in (tmp_path / "var" / "cache" / "templates").iterdir():
        path.write_bytes(b"nonsense")
    assert page(tmp_path) == "one 2"


def test_folder_that_cannot_be_made_costs_no_page(template, tmp_path):
    (tmp_path / "var").write_text("a file stands where the folder should be", encoding="utf-8")
    assert page(tmp_path) == "one 2"


def test_addresses_are_built_with_their_values_in_place(tmp_path):
    app = made(tmp_path)
    app.add_url_rule("/rules/<rule>", "rule", lambda rule: rule)
    app.add_url_rule("/lists/", "lists", lambda page: str(page), defaults={"page": 1})
    app.add_url_rule("/lists/<int:page>", "lists")
    with app.test_request_context():
        for _once_more in range(2):
            assert url_for("rule", rule="a b", q="x&y") == "/rules/a%20b?q=x%26y"
            assert url_for("lists", page=1) == "/lists/"
            assert url_for("lists", page=7) == "/lists/7"
    assert app.test_client().get("/rules/late").text == "late"


@pytest.mark.slow
def test_start_loads_nothing_that_its_pages_do_not_need(tmp_path):
    """Each of these would cost the first page 20 to 100 ms."""
    code = (
        f"import sys; from app import create_app; create_app(); print(*set(sys.modules) & set({AT_NEED!r}))"
    )
    environ = {"VAR_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
