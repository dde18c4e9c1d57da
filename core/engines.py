"""The database's connections: pools for reading and for writing, as SQLite and PostgreSQL each want them."""

import threading
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from core.config import Settings
from core.errors import Unavailable

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE"})
_TURN = "fullcircle.turn"
_BUSY = "The database is busy. Please try again."
BUSY_SECONDS = 15


class ReadOnlyTransaction(RuntimeError):
    """A GET tried to write: a mistake of ours, never of the user."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Connections in three modes: reading in a snapshot, looking statement by statement, writing.

    SQLite has one pool for all three, PostgreSQL a pool for those that read, where each statement stands by itself.
    """

    reader: Engine
    looker: Engine
    writer: Engine


def in_modes(writer: Engine, settings: Settings) -> Engines:
    """The writing engine with those that read beside it."""
    if writer.dialect.name == "sqlite":
        _tune_sqlite(writer, settings)
        _watch_readers(writer)
        looker, reader = writer.execution_options(mode="look"), writer.execution_options(mode="read")
    else:
        readers = _autocommitting(settings)
        _watch_readers(readers)
        looker = reader = readers.execution_options(mode="read")
    return Engines(reader, looker, writer.execution_options(mode="write"))


def pool_options(settings: Settings) -> dict[str, Any]:
    """How many connections a process keeps, and for how long."""
    options: dict[str, Any] = {"pool_size": settings.database_pool, "max_overflow": settings.database_pool}
    if settings.database_url.startswith("sqlite"):
        options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    else:
        options["pool_pre_ping"] = False
        options["pool_recycle"] = 1800
        options["pool_use_lifo"] = (
            True  # the last one used: its process at the database has everything at hand
        )
    return options


def _autocommitting(settings: Settings) -> Engine:
    """Connections of PostgreSQL for reads only: turning one and the same to and fro costs more than a small read."""
    return sa.create_engine(
        settings.database_url,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,  # no transaction is ever left open
        **pool_options(settings),
    )


def _tune_sqlite(engine: Engine, settings: Settings) -> None:
    """WAL, foreign keys, and BEGIN IMMEDIATE for writes: a deferred BEGIN that upgrades fails busy under load."""

    @sa_event.listens_for(engine, "connect")
    def _connect(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if settings.sqlite_synchronous.upper() == 'FULL' else 'NORMAL'}",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
            "cache_size=-32000",
            "mmap_size=134217728",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    turns = _Turns()

    @sa_event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("mode")
        if mode != "look":  # there every statement stands by itself
            _begin_sqlite(connection, turns if mode != "read" else None)

    @sa_event.listens_for(engine, "checkin")
    def _checkin(_connection: Any, entry: ConnectionPoolEntry) -> None:
        turns.give_back(
            entry.record_info
        )  # however it ended: a turn that nobody gives back would stop everybody

    @sa_event.listens_for(engine, "engine_disposed")
    def _disposed(_engine: Engine) -> None:
        turns.begin_anew()  # the database may be another one: who still writes to the one before is not waited for


class _Turns:
    """Whose turn it is to write: threads of one process wait here, and the next begins as soon as one has ended.

    SQLite's own way is to look again after a while, and a while longer each time: now and then somebody waits a second.
    Other processes (commands) still wait that way, and so does whoever has the turn while one of these writes.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Whoever has the turn now keeps it to themselves."""
        self._lock = threading.Lock()

    def take(self, held: Any) -> bool:
        """Wait for it; False when it does not come in time. `held` is what lasts with the connection."""
        if _TURN in held:
            return True
        lock = self._lock
        if not lock.acquire(timeout=BUSY_SECONDS):
            return False
        held[_TURN] = lock
        return True

    def give_back(self, held: Any) -> None:
        """Let the next one write, if this connection had the turn."""
        lock = held.pop(_TURN, None)
        if lock is not None:
            lock.release()


def _begin_sqlite(connection: Connection, turns: _Turns | None) -> None:
    """Begin to read, or to write when it is this connection's turn. Raises Unavailable."""
    raw: Any = connection.connection.driver_connection
    if turns is not None and not turns.take(connection.connection.record_info):
        raise Unavailable(_BUSY)
    try:
        raw.execute("BEGIN IMMEDIATE" if turns else "BEGIN")
    except Exception as error:
        raise Unavailable(_BUSY) from error


def _watch_readers(engine: Engine) -> None:
    """Refuse writing statements of reads, however they were made. (SQLite's own `PRAGMA query_only` would do, but
    every change of it makes the connection prepare all its statements anew.)"""

    @sa_event.listens_for(engine, "before_cursor_execute")
    def _check(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement[:6].upper() not in _WRITES:
            return
        if connection.get_execution_options().get("mode") in ("read", "look"):
            raise ReadOnlyTransaction("a read-only request sent a writing statement")
