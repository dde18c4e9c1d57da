"""Reads run by the driver itself: they give what SQLAlchemy would give, and fail as it would."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import change, db, engines, glance, rows, writing
from core.engines import ReadOnlyTransaction
from core.prepared import Prepared, PreparedChange
from core.site import SiteValue
from forum import queries
from forum.models import Attachment, Thread
from forum.queries.threads import _head_statement
from tests import make

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC)
_S = SiteValue.__table__.c
BY_NAME = Prepared(sa.select(_S.name, _S.value, _S.changed_at).where(_S.name == sa.bindparam("name")))
SINCE = Prepared(sa.select(_S.name).where(_S.changed_at >= sa.bindparam("since")).order_by(_S.name))
PUT = PreparedChange(sa.insert(SiteValue.__table__), ("name", "value", "changed_at"))  # type: ignore[arg-type]
RENAME = PreparedChange(
    sa.update(SiteValue.__table__)  # type: ignore[arg-type]
    .where(_S.name == sa.bindparam("old"))
    .values(name=sa.bindparam("new"))
    .returning(_S.name, _S.changed_at)
)
AMONG = Prepared(sa.select(_S.name).where(_S.name.in_(["one", "two"])).order_by(_S.name))

pytestmark = pytest.mark.both


def put(name: str) -> None:
    db.session.add(SiteValue(name=name, value="x", changed_at=MOMENT))
    db.session.flush()


def test_moments_marks_and_numbers_come_out_as_sqlalchemy_gives_them(context: Flask):
    ana, ben = make.actor("Ana"), make.actor("Ben")
    thread = make.thread("How do I export?", by=ana, tags=("export", "csv"))
    make.answer(thread, "From the menu.", by=ben)
    question = _head_statement(ben.clearance, moderates=False, has_page=True)
    values = {"me": ben.id, "thread_id": thread.id, "draft_key": "reply:1", "first": 1, "last": 20}
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
    engine = engines(context).looker
    with closing(engine.raw_connection()) as first, closing(engine.raw_connection()) as second:
        for lent in (first, second):
            assert [row.value for row in BY_NAME.run(lent, engine.dialect, {"name": "one"})] == ["x"]


def test_a_question_that_writes_is_none(context: Flask):
    with pytest.raises(TypeError, match="SELECT"):
        Prepared(sa.delete(Thread.__table__))  # type: ignore[arg-type]


def test_a_change_is_stored_with_its_transaction_and_gives_what_it_returns(context: Flask):
    with writing():
        change(PUT, {"name": "one", "value": "x", "changed_at": MOMENT})
        (row,) = change(RENAME, {"old": "one", "new": "two"})
    assert (row.name, row.changed_at) == ("two", MOMENT)
    assert [row.name for row in rows(AMONG)] == ["two"]


def test_a_change_is_gone_with_its_transaction(context: Flask):
    with pytest.raises(ZeroDivisionError), writing():
        change(PUT, {"name": "one", "value": "x", "changed_at": MOMENT})
        1 / 0  # noqa: B018
    assert rows(AMONG) == []


def test_a_change_comes_after_what_the_session_has_to_say(context: Flask):
    with writing():
        db.session.add(SiteValue(name="one", value="x", changed_at=MOMENT))
        (row,) = change(RENAME, {"old": "one", "new": "two"})
    assert row.name == "two"


def test_a_broken_rule_of_the_database_is_told_in_sqlalchemys_words(context: Flask):
    values = {"name": "one", "value": "x", "changed_at": MOMENT}
    with pytest.raises(sa.exc.IntegrityError), writing():
        change(PUT, values)
        change(PUT, values)
    assert rows(AMONG) == []


def test_a_read_changes_nothing(context: Flask):
    with pytest.raises(ReadOnlyTransaction):
        change(PUT, {"name": "one", "value": "x", "changed_at": MOMENT})


def test_plain_defaults_of_the_model_stand_in_for_what_is_not_given(context: Flask):
    ana = make.actor("Ana")
    columns = ("public_id", "key", "owner_id", "content_type", "size", "width", "height", "created_at")
    values = ("p", "k", ana.id, "image/png", 1, 1, 1, MOMENT)
    table = Attachment.__table__
    given = PreparedChange(sa.insert(table).returning(table.c.name), columns)  # type: ignore[arg-type]
    with writing():
        (row,) = change(given, dict(zip(columns, values, strict=True)))
    assert row.name == ""


def test_what_the_model_would_work_out_must_be_given(context: Flask):
    table = sa.Table("clocked", sa.MetaData(), sa.Column("at", sa.Integer, default=lambda: 1))
    with pytest.raises(TypeError, match=r"clocked\.at"), writing():
        change(PreparedChange(sa.insert(table), ()), {})


def test_a_change_that_reads_is_none(context: Flask):
    with pytest.raises(TypeError, match="INSERT"):
        PreparedChange(sa.select(_S.name))  # type: ignore[arg-type]
