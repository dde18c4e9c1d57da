"""What the tests themselves stand on: their services, their fixtures and the scripts of `make check`."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa
from flask import current_app, g

from core import mail
from core.cache import cache
from core.db import db, dialect
from core.shelf import Shelf
from scripts import check_text, install
from tests import grounds, lasting, make, services


@pytest.mark.both
def test_a_test_marked_both_runs_on_the_databases_of_each_way_to_run(context, backend):
    assert (backend, dialect()) in {("home", "sqlite"), ("scale", "postgresql")}
    assert "event" in sa.inspect(db.engine).get_table_names()


@pytest.mark.both
def test_every_test_begins_with_an_empty_database_of_its_own(context, environ):
    assert db.session.execute(sa.text("SELECT count(*) FROM event")).scalar() == 0
    assert environ["DATABASE_URL"] == context.extensions["fullcircle.settings"].database_url


def test_a_request_shares_nothing_with_the_context_of_the_test(context, client):
    seen = []
    context.before_request_funcs.setdefault(None, []).insert(0, lambda: seen.append("mark" in g))
    g.mark = True
    client.get("/health")
    assert seen == [False]
    assert current_app == context


@pytest.mark.settings(SITE_NAME="Ana's place")
def test_a_test_may_change_the_environment_of_its_app(app):
    assert app.extensions["fullcircle.settings"].site_name == "Ana's place"


@pytest.mark.both
def test_nothing_an_app_remembers_is_left_out_when_it_is_made_as_new(app):
    anew = set(lasting.memories(app.extensions["fullcircle.settings"])) | {lasting.COUNTING, lasting.LIMITS}
    shelves = {name for name, value in app.extensions.items() if isinstance(value, Shelf)}
    assert set(app.extensions) - anew - shelves == lasting.LASTING


@pytest.mark.both
@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_one_test_leaves_behind_is_gone_for_the_next(context, client, turn):
    assert mail.outbox(10) == []
    assert cache.get("left") is None
    assert "LEFT" not in context.config
    assert client.get("/").status_code == 200
    assert make.category(name="Left behind").id == 1
    assert "Left behind" in client.get("/").get_data(as_text=True)
    mail.send(mail.Letter("ana@example.com", "Left", "Text", message_id="<left@localhost>"))
    cache.set("left", turn)
    context.config["LEFT"] = turn
    context.before_request_funcs.setdefault(None, []).append(lambda: ("Left", 418))


NOT_GIVEN_BACK: list[sa.Connection] = []


@pytest.fixture
def rows(home_template, tmp_path):
    """A database of this test alone, the connection that was open before, and who sweeps it."""
    database = tmp_path / "swept.db"
    shutil.copy(home_template, database)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE category_note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)")
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='category_note')")
        connection.execute("CREATE TRIGGER added AFTER INSERT ON category_note BEGIN"
                           " INSERT INTO words(rowid, text) VALUES (new.id, new.text); END")  # fmt: skip
        yield database, connection, grounds.Sweeper(database)


def test_a_swept_database_is_empty_to_whoever_is_connected_and_counts_from_one(rows):
    _database, connection, sweeper = rows
    before = list(connection.execute("SELECT * FROM alembic_version"))
    for _turn in range(2):
        connection.execute("INSERT INTO category_note (text) VALUES ('left behind')")
        assert connection.execute("SELECT rowid FROM words('behind')").fetchall() == [(1,)]
        assert sweeper.sweep()
        assert connection.execute("SELECT count(*) FROM category_note").fetchone() == (0,)
        assert connection.execute("SELECT rowid FROM words('behind')").fetchall() == []
    assert list(connection.execute("SELECT * FROM alembic_version")) == before != []


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (id INTEGER)",
        "DROP TRIGGER added",
        "UPDATE alembic_version SET version_num = 'other'",
        "BEGIN IMMEDIATE; INSERT INTO category_note (text) VALUES ('unfinished')",
    ],
)
def test_a_database_with_more_than_rows_to_remove_is_not_swept(rows, change):
    _database, connection, sweeper = rows
    connection.execute("INSERT INTO category_note (text) VALUES ('left behind')")
    for step in change.split("; "):
        connection.execute(step)
    assert not sweeper.sweep()


def test_a_database_whose_file_was_replaced_is_not_swept(rows, home_template):
    database, _connection, sweeper = rows
    database.unlink()
    assert not sweeper.sweep()
    shutil.copy(home_template, database.with_name("other"))
    database.with_name("other").rename(database)
    assert not sweeper.sweep()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_connection_nobody_gave_back_and_a_table_somebody_made_are_gone_for_the_next_test(context, turn):
    assert not sa.inspect(db.engine).has_table("left_over")
    assert db.session.execute(sa.text("SELECT count(*) FROM category")).scalar() == 0
    make.category()
    with db.engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE left_over (id INTEGER)"))
        connection.commit()
    NOT_GIVEN_BACK.append(db.engine.connect())
    NOT_GIVEN_BACK[-1].execute(sa.text("SELECT * FROM category"))


@pytest.mark.slow
@pytest.mark.both
def test_the_real_program_runs_over_the_data_of_the_test_and_comes_back_after_kill_9(running):
    assert running.is_ready()
    running.kill()
    assert not running.is_ready()
    running.start()
    assert running.is_ready()


@pytest.mark.scale
def test_postgresql_has_the_extensions_search_needs(postgres, postgres_url):
    with postgres.connect("shared") as connection:
        for name in services.EXTENSIONS:
            connection.execute(psycopg.sql.SQL("CREATE EXTENSION {}").format(psycopg.sql.Identifier(name)))
        assert connection.execute("SELECT unaccent('Crème'), lower('ÉTÉ')").fetchone() == ("Creme", "été")


@pytest.mark.scale
def test_redis_is_empty_at_the_beginning_of_a_test(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.scale
def test_a_server_ends_with_its_test_process_even_by_kill_9():
    starts_one = """
        import sys, time
        from tests.services import start_redis
        server = start_redis()
        print(server.url, server.kept.folder, flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(starts_one)]
    root = Path(__file__).parent.parent
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
    with process:
        url, folder = process.stdout.readline().split()
        assert redis.Redis.from_url(url).ping()
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not Path(folder).exists())
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()


@pytest.mark.browser
def test_the_browser_reaches_this_machine_and_nothing_else(page):
    page.set_content("<h1>Fullcircle</h1>")
    assert page.inner_text("h1") == "Fullcircle"
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://outside.example/")


def test_a_missing_program_is_named_with_what_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(services, "_postgres_folders", lambda: [])
    monkeypatch.setattr(services, "_wide_path", lambda: str(tmp_path))
    with pytest.raises(services.ServiceMissing, match="PostgreSQL 13 or newer"):
        services.find_postgres()
    with pytest.raises(services.ServiceMissing, match="redis-server"):
        services.find_redis()


def test_a_browser_in_a_snap_is_taken_only_where_there_is_no_other(monkeypatch, tmp_path):
    snap, other = tmp_path / "snap/bin/chromium", tmp_path / "bin/google-chrome"
    for program in (snap, other):
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho Chromium 130.0\n")
        program.chmod(0o755)
    monkeypatch.setattr(services, "_chromium_candidates", lambda: iter([snap, other]))
    assert services.find_chromium.__wrapped__() == other
    other.write_text("#!/bin/sh\necho 'This needs the chromium snap.' >&2\nexit 1\n")
    assert services.find_chromium.__wrapped__() == snap


@pytest.mark.slow
def test_a_server_that_does_not_start_shows_what_it_wrote(monkeypatch):
    monkeypatch.setattr(services, "READY_WITHIN", 0.3)
    kept = services.Kept("broken", ends_on="TERM")
    kept.start("sh", "-c", "echo no room left")
    with pytest.raises(services.ServiceBroken, match="no room left"):
        kept.wait_until(lambda: False)
    assert not kept.folder.exists()


@pytest.mark.parametrize(
    "text",
    [
        "https://" + "files.python" + "hosted.org/packages/x.whl",
        "see " + "registry.npm" + "js.org",
        "mirror: http://" + "deb.deb" + "ian.org/debian",
        "open('/" + "home/ana/notes.txt')",
        "cd /" + "root/fullcircle",
    ],
)
def test_a_registry_or_a_path_of_one_machine_is_found_in_a_file(text, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"first line\n{text}\n", encoding="utf-8")
    found = list(check_text.findings(path))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")


@pytest.mark.parametrize(
    "text", ["GET /work-flow", "https://example.org/home/ana", "/var/lib", "our home/work"]
)
def test_ordinary_text_is_no_finding(text, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    assert list(check_text.findings(path)) == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Collecting ahocorasick-rs==1.0.3", "ahocorasick-rs"),
        ("Requirement already satisfied: celery in ./lib", "celery"),
        ("Processing ./annotated_types-0.8.0-py3-none-any.whl", "annotated_types"),
    ],
)
def test_the_installer_names_the_package_in_hand(line, name):
    assert install.A_PACKAGE.match(line)[1] == name


def wait_until(is_so, seconds=10.0):
    """Look again until it is so; a fixed pause would be too short on one machine and too long on another."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
