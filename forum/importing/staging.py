"""A dump on its way in: a scratch database beside the data, in which rows are sorted and checked before any is written.

It is filled in one transaction of its own, so it is there whole or not at all, and an import that was interrupted
finds it again. Posts, comments and votes know their thread in it: batches are stretches of thread numbers.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from core.disk import make_folder
from core.errors import Refused
from forum.importing import checks, dump, mapping
from forum.importing.mapping import BadRow, Values

MOST_THREADS: Final = 200
ROWS_AT_ONCE: Final = 1_000
MOST_WEIGHT: Final = 3_000
"""Rows and thousands of characters in one batch: what a transaction writes in a fraction of a second."""

_TABLES: Final = {
    "meta": "name TEXT PRIMARY KEY, value TEXT",
    "problem": "file TEXT, line INTEGER, row TEXT, reason TEXT, detail TEXT, is_kept INTEGER",
    "author": "key TEXT PRIMARY KEY, line INTEGER, name TEXT, about TEXT, location TEXT, website TEXT, at TEXT",
    "post": "id INTEGER PRIMARY KEY, line INTEGER, kind INTEGER, parent INTEGER, thread INTEGER, author TEXT, "
    "author_name TEXT, at TEXT, title TEXT, body TEXT, tags TEXT, accepted INTEGER, closed_at TEXT, edited_at TEXT, "
    "editor TEXT, views INTEGER, score INTEGER, licence TEXT",
    "comment": "id INTEGER PRIMARY KEY, line INTEGER, post INTEGER, thread INTEGER, author TEXT, author_name TEXT, "
    "at TEXT, body TEXT, licence TEXT",
    "vote": "id INTEGER PRIMARY KEY, line INTEGER, post INTEGER, thread INTEGER, kind INTEGER, value INTEGER, at TEXT",
    "tag": "name TEXT PRIMARY KEY, line INTEGER, excerpt INTEGER, wiki INTEGER",
    "link": "id INTEGER PRIMARY KEY, line INTEGER, post INTEGER, target INTEGER, from_thread INTEGER, "
    "to_thread INTEGER, kind TEXT, at TEXT",
}


@dataclass(frozen=True, slots=True)
class Loader:
    """How the rows of one file are read and where they stand."""

    table: str
    word: str
    read: Callable[[Mapping[str, str]], Values]
    columns: tuple[str, ...]

    @property
    def statement(self) -> str:
        """Puts a row in unless its number was there before."""
        names = ", ".join(self.columns)
        values = ", ".join(f":{name}" for name in self.columns)
        return f"INSERT INTO {self.table} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608


def _loader(table: str, word: str, read: Callable[[Mapping[str, str]], Values], columns: str) -> Loader:
    return Loader(table, word, read, tuple(columns.split()))


LOADERS: Final = {
    "Users.xml": _loader("author", "user", mapping.user, "key line name about location website at"),
    "Tags.xml": _loader("tag", "tag", mapping.tag, "name line excerpt wiki"),
    "Posts.xml": _loader(
        "post",
        "post",
        mapping.post,
        "id line kind parent author author_name at title body tags accepted closed_at edited_at editor views score "
        "licence",
    ),
    "Comments.xml": _loader(
        "comment", "comment", mapping.comment, "id line post author author_name at body licence"
    ),
    "Votes.xml": _loader("vote", "vote", mapping.vote, "id line post kind value at"),
    "PostLinks.xml": _loader("link", "link", mapping.link, "id line post target kind at"),
}


def fingerprint(files: Mapping[str, Path]) -> str:
    """What tells one dump from another without reading it: names, sizes and times of its files."""
    stats = [(name, path.stat()) for name, path in sorted(files.items())]
    return json.dumps([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


class Staging:
    """The scratch database of one import. Only one process at a time may hold it."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises Refused when another import of the same dump is running."""
        make_folder(path.parent)
        self.path = path
        self.connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        try:
            self.connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self.connection.execute("BEGIN EXCLUSIVE")
            self.connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT)")
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.connection.close()
            raise Refused("This dump is being imported already, by another process.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Interrupted, the file stays for the next run; finished or refused, it goes."""
        self.connection.close()
        if error is None or isinstance(error, Refused):
            self.path.unlink(missing_ok=True)

    # Filling

    def fill(self, files: Mapping[str, Path], mark: str, on_read: Callable[[str, int], None]) -> None:
        """Read the whole dump, unless the one with this mark is here already. Raises Refused for broken files."""
        if self.value("SELECT value FROM meta WHERE name = 'dump'") == mark:
            return
        self.connection.execute("BEGIN")
        try:
            self._make_tables()
            for name, loader in LOADERS.items():
                if name in files:
                    self._load(files[name], name, loader, on_read)
            checks.settle(self.connection)
            self.connection.execute("INSERT INTO meta VALUES ('dump', ?)", [mark])
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.rollback()
            raise

    def _make_tables(self) -> None:
        for name, columns in _TABLES.items():
            self.connection.execute(f"DROP TABLE IF EXISTS {name}")
            self.connection.execute(f"CREATE TABLE {name} ({columns})")

    def _load(self, path: Path, name: str, loader: Loader, on_read: Callable[[str, int], None]) -> None:
        good: list[Values] = []
        for line, attributes in dump.rows(path, dump.FILES[name], lambda size: on_read(name, size)):
            try:
                good.append(loader.read(attributes) | {"line": line})
            except BadRow as problem:
                self._report(name, line, f"{loader.word} {attributes.get('Id', '?')[:20]}", str(problem))
            if len(good) == ROWS_AT_ONCE:
                self._insert(name, loader, good)
                good = []
        self._insert(name, loader, good)

    def _insert(self, file: str, loader: Loader, rows: Sequence[Values]) -> None:
        """Put rows in; one whose number stood in the file before is left out."""
        if self.connection.executemany(loader.statement, rows).rowcount == len(rows):
            return
        key = loader.columns[0]
        for row in rows:
            first = self.value(f"SELECT line FROM {loader.table} WHERE {key} = ?", [row[key]])  # noqa: S608
            if first != row["line"]:
                self._report(
                    file, row["line"], f"{loader.word} {row[key]}", f"it stands in line {first} already"
                )

    def _report(self, file: str, line: int, row: str, reason: str) -> None:
        """Note a row that is left out."""
        self.connection.execute("INSERT INTO problem VALUES (?, ?, ?, ?, '', 0)", [file, line, row, reason])

    # Reading

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.connection.execute(statement, values).fetchall()

    def each(self, statement: str) -> Iterator[sqlite3.Row]:
        """The rows of a query one after the other, however many."""
        return iter(self.connection.execute(statement))

    def value(self, statement: str, values: Sequence[object] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.connection.execute(statement, values).fetchone()
        return row[0] if row else None

    def stretch(self, after: int) -> tuple[int, int] | None:
        """First and last thread number of the next batch behind `after`; None at the end."""
        found = self.rows(
            "SELECT id FROM post WHERE kind = 1 AND id > ? ORDER BY id LIMIT ?", [after, MOST_THREADS]
        )
        if not found:
            return None
        first, last = found[0]["id"], found[-1]["id"]
        return first, self._within_weight(first, last)

    def _within_weight(self, first: int, last: int) -> int:
        """The last thread of a stretch that is not too much for one transaction; the first one always fits."""
        weights = self.rows(
            "SELECT thread, sum(weight) AS weight FROM ("
            "SELECT thread, 1 + length(body) / 1000 AS weight FROM post WHERE thread BETWEEN ? AND ? UNION ALL "
            "SELECT thread, 1 + length(body) / 1000 FROM comment WHERE thread BETWEEN ? AND ? UNION ALL "
            "SELECT thread, 1 FROM vote WHERE thread BETWEEN ? AND ?) GROUP BY thread ORDER BY thread",
            [first, last] * 3,
        )
        total, fits = 0, first
        for row in weights:
            total += row["weight"]
            if total > MOST_WEIGHT and row["thread"] != first:
                return fits
            fits = row["thread"]
        return fits
