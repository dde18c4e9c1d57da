"""The database and the transaction edge: this module alone commits.

A GET request is a read-only transaction, any other method a write transaction that the edge commits once the
response is made (status below 400) and rolls back otherwise. Tasks, commands and tests open `writing()`.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, current_app, g, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event as sa_event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlalchemy.pool import PoolProxiedConnection

from core.config import Settings
from core.context import here
from core.engines import Engines, ReadOnlyTransaction, in_modes, pool_options
from core.errors import Unavailable
from core.prepared import Prepared, PreparedChange, Values

log = logging.getLogger(__name__)
_READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ENGINES = "fullcircle.engines"
_COMMITS = "fullcircle.commits"
_CONNECTION = "connection"

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment in UTC: aware in Python, timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times, store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times must be aware (use core.clock.now())")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give back an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


class Model(DeclarativeBase):
    """Base of every table: times are instants, ids are 64 bits."""

    registry = registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: Instant, dict[str, Any]: Json, list[Any]: Json},
    )


Id = Mapped[int]


def id_column() -> Mapped[int]:
    """The usual primary key."""
    return mapped_column(BigId, primary_key=True)


class EdgeSession(FlaskSession):
    """Binds to the reading or the writing form of the engine, by the mode of the current context."""

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any
    ) -> Engine | Connection:
        """Pick the engine by mode: on PostgreSQL reads run in autocommit, which saves two round trips."""
        if bind is not None:
            return bind  # type: ignore[no-any-return]
        return _engines().writer if is_writing() else _engines().reader


db = SQLAlchemy(model_class=Model, session_options={"class_": EdgeSession, "expire_on_commit": False})


def init(app: Flask, settings: Settings) -> None:
    """Connect the app to its database and put the edge around its requests."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = pool_options(settings)
    db.init_app(app)
    with app.app_context():
        app.extensions[_ENGINES] = in_modes(db.engine, settings)
    app.extensions[_COMMITS] = 0
    app.teardown_appcontext(_give_back)
    app.before_request(_open_edge)
    app.after_request(_close_edge)


def engines(app: Flask) -> Engines:
    """The app's engines, for what stands outside of requests."""
    found: Engines = app.extensions[_ENGINES]
    return found


def dispose() -> None:
    """Close all connections that are not in use: the database was replaced, or the app ends."""
    found = _engines()
    for engine in (found.reader, found.writer):
        engine.dispose()


def commits(app: Flask) -> int:
    """How many transactions this process has stored: while it stays the same, so does what this process wrote."""
    return int(app.extensions[_COMMITS])


def _engines() -> Engines:
    found: Engines = here().app.extensions[_ENGINES]
    return found


def is_writing() -> bool:
    """Whether the current context may write."""
    return bool(here().g.get("db_writing", False))


def _open_edge() -> None:
    here().g.db_writing = request.method not in _READ_METHODS


def _close_edge(response: Response) -> Response:
    """Commit what a successful write request did; forget everything else."""
    if not is_writing():
        return response
    if response.status_code < 400:
        _commit()
    else:
        _forget()
    return response


def _commit() -> None:
    session = db.session()
    session.commit()
    current_app.extensions[_COMMITS] += 1
    for action in session.info.pop("after_commit", ()):
        action()


def after_commit(action: Callable[[], None]) -> None:
    """Run `action` once the current transaction is safely stored (the same one only once); dropped on rollback."""
    waiting = db.session().info.setdefault("after_commit", [])
    if action not in waiting:
        waiting.append(action)


def _forget() -> None:
    """Undo everything of the current transaction, with what was to follow it (also when nothing was sent yet)."""
    db.session.rollback()
    db.session().info.pop("after_commit", None)


@sa_event.listens_for(EdgeSession, "before_flush")
def _refuse_flush(session: Any, _context: Any, _instances: Any) -> None:
    if not is_writing():
        raise ReadOnlyTransaction("a read-only request changed an object")


@contextmanager
def writing() -> Iterator[None]:
    """A write transaction for tasks, commands and tests: commits at the end, rolls back on any error.

    Inside an open write transaction it joins, and the outer one commits.
    """
    if is_writing():
        yield
        return
    db.session.rollback()
    g.db_writing = True
    try:
        yield
        _commit()
    except BaseException:
        _forget()
        raise
    finally:
        g.db_writing = False


@contextmanager
def reading() -> Iterator[None]:
    """Leave any snapshot behind and read afresh (long-running commands between batches)."""
    db.session.rollback()
    yield
    db.session.rollback()


def rows(question: Prepared | sa.Executable, values: Values | None = None) -> Sequence[Any]:
    """Rows of a read on plain tables, given its `values`: what hot pages are made of, quickest when `Prepared`.

    Each statement sees what is stored at its moment: on both databases a read has no snapshot here.
    """
    if is_writing():
        return _within(question, values)
    return _looked(question, values)


def change(what: PreparedChange, values: Values | None = None) -> Sequence[Any]:
    """Run a prepared INSERT, UPDATE or DELETE in the current write transaction; gives the rows of its RETURNING.

    Objects of the session that it changes do not notice. Raises ReadOnlyTransaction in a read.
    """
    if not is_writing():
        raise ReadOnlyTransaction("a read-only request sent a writing statement")
    return _within(what, values)


def _within(what: Prepared | PreparedChange | sa.Executable, values: Values | None) -> Sequence[Any]:
    """Everything the session has to say goes to the database first, as it does by itself in the ordinary way."""
    session = db.session()
    if isinstance(what, sa.Executable):
        return session.execute(what, values).all()
    session.flush()
    connection = session.info.get(_CONNECTION)
    if connection is None:  # asked once for each transaction: the session works long to find what it has
        connection = session.info[_CONNECTION] = session.connection()
    return what.run_within(connection, values)


@sa_event.listens_for(EdgeSession, "after_transaction_end")
def _let_go(session: Any, _transaction: Any) -> None:
    session.info.pop(_CONNECTION, None)


def glance(question: Prepared | sa.Executable, values: Values | None = None) -> Sequence[Any]:
    """Rows of a read that must not open the write transaction early (who is signed in, limits)."""
    if not is_writing() or db.session().in_transaction():
        return rows(question, values)
    return _looked(question, values)


def _looked(question: Prepared | sa.Executable, values: Values | None) -> Sequence[Any]:
    """A connection that was lost meanwhile (the database was restarted) is replaced once: a read may be repeated."""
    try:
        return _asked(question, values)
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        _give_back()
        dispose()  # the other connections, the writers' too, are lost as well
        return _asked(question, values)


def _asked(question: Prepared | sa.Executable, values: Values | None) -> Sequence[Any]:
    engine = _engines().looker
    if isinstance(question, Prepared):
        return question.run(_lent(engine), engine.dialect, values)
    with engine.connect() as connection:
        return connection.execute(question, values).all()


def _lent(engine: Engine) -> PoolProxiedConnection:
    """This context's connection for prepared reads, given back when the context ends."""
    kept = here().g
    found: PoolProxiedConnection | None = kept.get("db_lent")
    if found is None:
        found = kept.db_lent = engine.raw_connection()
    return found


def _give_back(_error: BaseException | None = None) -> None:
    lent = here().g.pop("db_lent", None)
    if lent is not None:
        lent.close()


def apart(action: Callable[[], None]) -> None:
    """Run `action` in its own short write transaction after the response was sent (last seen, reading marks)."""
    pending: list[Callable[[], None]] | None = g.get("db_apart")
    if pending is not None:
        pending.append(action)
        return
    g.db_apart = [action]


def run_apart(app: Flask, actions: Sequence[Callable[[], None]]) -> None:
    """Do what `apart` put off. A failure is logged: nothing acknowledged depends on it."""
    with app.app_context():
        try:
            with writing():
                for action in actions:
                    action()
        except (sa.exc.SQLAlchemyError, Unavailable):
            log.warning("a write after the response failed", exc_info=True)


def dialect() -> str:
    """`sqlite` or `postgresql`: for storage adapters only."""
    return _engines().reader.dialect.name


def take_stock() -> None:
    """Where many rows came in together, let PostgreSQL count them at once: until then it plans for an empty database.

    (It would do so by itself some minutes later.) In the current write transaction.
    """
    if dialect() == "postgresql":
        db.session.execute(sa.text("ANALYZE"))


def insert_ignore(table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, passing over those a unique key holds already (both databases)."""
    if len(rows) == 1:
        change(_ignoring_one(table, dialect(), tuple(rows[0])), rows[0])
    elif rows:
        db.session.execute(_ignoring(table, dialect()), list(rows))


@lru_cache(maxsize=64)
def _ignoring(table: Any, on: str) -> Any:
    return _dialect_insert(table, on).on_conflict_do_nothing()


@lru_cache(maxsize=64)
def _ignoring_one(table: Any, on: str, columns: tuple[str, ...]) -> PreparedChange:
    return PreparedChange(_ignoring(table, on), columns)


def upsert(table: Any, row: dict[str, Any], *, key: Sequence[str], change: dict[str, Any]) -> None:
    """Insert `row`, or apply `change` to the row that holds the same `key` columns."""
    statement = (
        _dialect_insert(table, dialect())
        .values(**row)
        .on_conflict_do_update(index_elements=list(key), set_=change)
    )
    db.session.execute(statement)


def _dialect_insert(table: Any, on: str) -> Any:
    if on == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    return postgresql.insert(table)
