"""Reads run by the driver itself: they give what SQLAlchemy would give, and fail as it would."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db, engines, glance, rows, writing
from core.prepared import Prepared
from core.site import SiteValue
from forum import queries
from forum.models import Thread
from forum.queries.threads import _head_statement
from tests import make

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC)
_S = SiteValue.__table__.c
BY_NAME = Prepared(sa.select(_S.name, _S.value, _S.changed_at).where(_S.name == sa.bindparam("name")))
SINCE = Prepared(sa.select(_S.name).where(_S.changed_at >= sa.bindparam("since")).order_by(_S.name))
AMONG = Prepared(sa.select(_S.name).where(_S.name.in_(["one", "two"])).order_by(_S.name))

pytestmark = pytest.mark.both


def put(name: str) -> None:
    db.session.add(SiteValue(name=name, value="x", changed_at=MOMENT))
    db.session.flush()


def test_moments_marks_and_numbers_come_out_as_sqlalchemy_gives_them(context: Flask):
    ana, ben = make.actor("Ana"), make.actor("Ben")
    thread = make.thread("How do I export?", by=ana, tags=("export", "csv"))
    make.answer(thread, "From the menu.", by=ben)
    question = _head_statement(ben.clearance, False)
    values = {"me": ben.id, "thread_id": thread.id, "draft_key": "reply:1"}
    (prepared,) = rows(question, values)
    (ordinary,) = db.session.execute(question.statement, values).all()
    assert tuple(prepared) == tuple(ordinary)
    assert prepared.created_at.tzinfo is UTC
    assert prepared.title == "How do I export?"


def test_values_are_brought_into_the_databases_own_form(context: Flask):
    with writing():
        put("one")
    assert [row.name for row in rows(SINCE, {"since": MOMENT})] == ["one"]
    assert rows(SINCE, {"since": MOMENT.replace(year=2027)}) == []
    assert rows(BY_NAME, {"name": "one"})[0].changed_at == MOMENT


def test_a_list_that_the_statement_holds_is_asked_for_whole(context: Flask):
    with writing():
        for name in ("one", "two", "three"):
            put(name)
    assert [row.name for row in rows(AMONG)] == ["one", "two"]


def test_a_missing_value_is_a_mistake_that_is_heard_of(context: Flask):
    with pytest.raises(KeyError, match="name"):
        rows(BY_NAME, {})


def test_inside_a_write_it_sees_what_was_just_written(context: Flask):
    with writing():
        put("fresh")
        assert [row.name for row in rows(BY_NAME, {"name": "fresh"})] == ["fresh"]
        assert [row.name for row in glance(BY_NAME, {"name": "fresh"})] == ["fresh"]


def test_a_glance_before_the_first_write_opens_no_transaction(context: Flask):
    with writing():
        glance(BY_NAME, {"name": "nobody"})
        assert not db.session().in_transaction()


def test_what_the_driver_refuses_is_told_in_sqlalchemys_words(context: Flask):
    gone = sa.table("no_such_table", sa.column("id", sa.Integer))
    with pytest.raises(sa.exc.DBAPIError, match="no_such_table"):
        rows(Prepared(sa.select(gone.c.id)))
    assert queries.thread_head(make.actor("Ana"), make.thread("Still here?").id).title == "Still here?"


def test_one_statement_serves_many_apps_and_threads(context: Flask):
    with writing():
        put("one")
    with engines(context).looker.connect() as first, engines(context).looker.connect() as second:
        for connection in (first, second):
            assert [row.value for row in BY_NAME.run(connection, {"name": "one"})] == ["x"]


def test_a_question_that_writes_is_none(context: Flask):
    with pytest.raises(TypeError, match="SELECT"):
        Prepared(sa.delete(Thread.__table__))  # type: ignore[arg-type]
