"""The transaction edge: what a request may write, when it is stored, and what happens after."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa
from flask import Flask

from core import clock
from core import db as edge
from core.db import after_commit, apart, db, writing
from core.engines import ReadOnlyTransaction
from core.errors import Refused
from core.site import SiteValue
from tests import make

pytestmark = pytest.mark.own_app


def value_of(name: str) -> str | None:
    found = db.session.execute(sa.select(SiteValue.value).where(SiteValue.name == name)).scalar()
    db.session.rollback()
    return found


def put(name: str, value: str = "x") -> None:
    db.session.add(SiteValue(name=name, value=value, changed_at=clock.now()))
    db.session.flush()


@pytest.fixture
def routes(app: Flask) -> Flask:
    """Three routes that write: one answers well, one refuses, one is a GET."""
    app.config["WTF_CSRF_ENABLED"] = False

    def well() -> str:
        put("well")
        return "ok"

    def badly() -> str:
        put("badly")
        raise Refused("No.")

    def looking() -> str:
        put("looking")
        return "ok"

    def later() -> str:
        apart(lambda: put("later"))
        return "ok"

    app.add_url_rule("/try/well", "try_well", well, methods=["POST"])
    app.add_url_rule("/try/badly", "try_badly", badly, methods=["POST"])
    app.add_url_rule("/try/looking", "try_looking", looking)
    app.add_url_rule("/try/later", "try_later", later)
    return app


@pytest.mark.both
def test_a_good_answer_is_stored_and_a_refusal_is_not(routes: Flask):
    client = routes.test_client()
    assert client.post("/try/well").status_code == 200
    assert client.post("/try/badly").status_code == 422
    with routes.app_context():
        assert value_of("well") == "x"
        assert value_of("badly") is None


@pytest.mark.both
def test_a_get_cannot_write(routes: Flask):
    assert routes.test_client().get("/try/looking").status_code == 500
    with routes.app_context():
        assert value_of("looking") is None


def test_what_is_put_off_is_done_after_the_answer(routes: Flask):
    response = routes.test_client().get("/try/later")
    assert response.status_code == 200
    response.close()
    with routes.app_context():
        assert value_of("later") == "x"


@pytest.mark.both
def test_a_block_that_fails_leaves_nothing(context: Flask):
    with pytest.raises(ZeroDivisionError), writing():
        put("half")
        raise ZeroDivisionError
    assert value_of("half") is None


def test_a_block_inside_a_block_joins_it(context: Flask):
    with pytest.raises(ZeroDivisionError), writing():
        with writing():
            put("inner")
        raise ZeroDivisionError
    assert value_of("inner") is None


def test_after_commit_runs_once_it_is_stored_and_never_after_a_rollback(context: Flask):
    heard: list[str] = []
    with writing():
        put("kept")
        after_commit(lambda: heard.append("kept"))
    with pytest.raises(ZeroDivisionError), writing():
        after_commit(lambda: heard.append("lost"))
        raise ZeroDivisionError
    with writing():
        put("next")
    assert heard == ["kept"]


@pytest.mark.both
def test_outside_of_a_block_nothing_can_be_written(context: Flask):
    with pytest.raises(ReadOnlyTransaction):
        put("stray")
    db.session.rollback()
    with pytest.raises(ReadOnlyTransaction):
        db.session.execute(sa.update(SiteValue).values(value="y"))
    db.session.rollback()


@pytest.mark.both
def test_inserting_what_is_there_already_changes_nothing(context: Flask):
    row = {"name": "twice", "value": "first", "changed_at": clock.now(), "changed_by_id": None}
    with writing():
        edge.insert_ignore(SiteValue.__table__, [row])
        edge.insert_ignore(SiteValue.__table__, [row | {"value": "second"}])
    assert value_of("twice") == "first"
    with writing():
        edge.upsert(SiteValue.__table__, row, key=["name"], change={"value": "third"})
    assert value_of("twice") == "third"


@pytest.mark.both
def test_times_come_back_aware_and_in_utc(context: Flask):
    moment = clock.now()
    with writing():
        db.session.add(SiteValue(name="when", value="", changed_at=moment))
    found = db.session.execute(sa.select(SiteValue.changed_at).where(SiteValue.name == "when")).scalar_one()
    assert found == moment
    assert found.utcoffset().total_seconds() == 0
    db.session.rollback()
    with pytest.raises(sa.exc.StatementError), writing():
        db.session.add(SiteValue(name="naive", value="", changed_at=moment.replace(tzinfo=None)))


@pytest.mark.scale
def test_neither_readers_nor_writers_notice_that_the_database_was_restarted(context: Flask):
    ana = make.client_of(make.person("Ana"))
    thread = make.thread("Still here?")
    path, replies = f"/t/{thread.id}", f"/threads/{thread.id}/replies"
    assert ana.get(path, follow_redirects=True).status_code == 200
    assert make.post(ana, replies, body="Here I am").status_code == 303
    lose_connections(context)
    assert [ana.get(path, follow_redirects=True).status_code for _ in range(3)] == [200, 200, 200]
    lose_connections(context)
    assert make.post(ana, replies, body="And here again").status_code == 303


@pytest.mark.scale
def test_a_write_whose_connection_is_lost_says_so_and_the_next_one_is_stored(context: Flask):
    with pytest.raises(sa.exc.DBAPIError) as caught, writing():
        put("half")
        lose_connections(context)
        edge.insert_ignore(SiteValue.__table__, [{"name": "other", "value": "", "changed_at": clock.now()}])
    assert caught.value.connection_invalidated
    with writing():
        put("whole")
    assert (value_of("half"), value_of("other"), value_of("whole")) == (None, None, "x")


def lose_connections(app: Flask) -> None:
    with sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"], poolclass=sa.NullPool).connect() as other:
        everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        other.execute(sa.text(f"{everybody} WHERE datname = current_database() AND pid <> pg_backend_pid()"))


@pytest.mark.both
@pytest.mark.parametrize("end", ["stored", "failed", "lost"])
def test_however_a_write_ends_the_next_thread_writes(context: Flask, end: str):
    """At home writers take turns in one process: a turn that is not given back would stop all of them."""
    with suppress(Refused, sa.exc.SQLAlchemyError), writing():
        put("first")
        if end == "lost":
            db.session.connection().invalidate()
        if end != "stored":
            raise Refused("No.")

    def write() -> None:
        with context.app_context(), writing():
            put("second")

    with ThreadPoolExecutor(1) as other:
        other.submit(write).result(timeout=10)
    assert (value_of("first"), value_of("second")) == ("x" if end == "stored" else None, "x")


@pytest.mark.both
def test_many_writers_at_once_all_get_their_turn(context: Flask):
    def write(number: int) -> None:
        with context.app_context():
            for part in range(5):
                with writing():
                    put(f"{number}-{part}")

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(write, range(8)))
    assert all(value_of(f"{number}-{part}") for number in range(8) for part in range(5))
