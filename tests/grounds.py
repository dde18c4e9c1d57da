"""What the apps that last stand on: a folder and a database, emptied before every test."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

DATABASE: Final = "fullcircle.db"
_OURS: Final = frozenset({DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"})


class Ground:
    """Settings that name a folder and a database, and a way to empty both."""

    def __init__(self, environ: dict[str, str], lay: Callable[[], None]) -> None:
        """`lay` makes the folder and the database anew, empty."""
        self.environ = environ
        self.laid = 0  # how often; connections are to the database of their time
        self._lay = lay

    def empty(self) -> None:
        """From here on nothing that was written before is there."""
        self._lay()
        self.laid += 1


class SweptGround(Ground):
    """One of SQLite: its rows are removed, so that open connections know their tables and statements from before.

    Opening a file, reading its tables and preparing its statements takes longer than most tests. Where anything
    else than rows was changed, or a transaction is open still, the file is laid anew.
    """

    def __init__(self, environ: dict[str, str], folder: Path, template: Path) -> None:
        """`template` is the empty database."""
        super().__init__(environ, self._copy)
        self._folder, self._template = folder, template
        self._sweeper: Sweeper | None = None

    def empty(self) -> None:
        """Sweep, or lay anew."""
        if self._sweeper and self._sweeper.sweep():
            clear(self._folder, besides=_OURS)
            return
        super().empty()

    def _copy(self) -> None:
        if self._sweeper:
            self._sweeper.close()
        clear(self._folder)
        database = self._folder / DATABASE
        shutil.copy(self._template, database)
        self._sweeper = Sweeper(database)


class Sweeper:
    """Removes every row that an empty database does not have. Make it while the database is empty."""

    def __init__(self, database: Path) -> None:
        """Remember what empty means."""
        self._database = database
        self._connection = sqlite3.connect(database, timeout=0, isolation_level=None, check_same_thread=False)
        for pragma in ("synchronous=OFF", "foreign_keys=OFF"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._file = database.stat().st_ino
        self._tables = self._version()
        kinds = {name: kind for _, name, kind, *_ in self._connection.execute("PRAGMA main.table_list")}
        plain = [name for name, kind in kinds.items() if kind == "table" and name != "sqlite_schema"]
        self._kept = self._rows_of(plain)  # the migration it stands at
        # An index of words holds its rows in tables of its own: `docsize` has one for each.
        self._indexes = [name for name, kind in kinds.items() if kind == "virtual"]
        swept = [name for name in plain if name not in self._kept]
        swept += [f"{name}_docsize" for name in self._indexes]
        self._asked = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in swept
        )

    def _rows_of(self, tables: list[str]) -> dict[str, list[tuple[object, ...]]]:
        found = {name: self._connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}
        return {name: rows for name, rows in found.items() if rows}

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA schema_version").fetchone()[0])

    def sweep(self) -> bool:
        """Whether the database is now as it was at first, to whoever is connected to it."""
        try:
            return self._is_same() and self._swept()
        except (sqlite3.Error, OSError):
            return False

    def _is_same(self) -> bool:
        """The same file with the same tables?"""
        return self._database.stat().st_ino == self._file and self._version() == self._tables

    def _swept(self) -> bool:
        full = [name for (name,) in self._connection.execute(self._asked)]
        if full:
            self._connection.execute("BEGIN IMMEDIATE")
            for name in full:
                if not name.endswith("_docsize"):
                    self._connection.execute(f'DELETE FROM "{name}"')
            for name in self._indexes:
                self._connection.execute(f"INSERT INTO {name}({name}) VALUES ('delete-all')")
            self._connection.execute("COMMIT")
        return self._rows_of(list(self._kept)) == self._kept

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()


def clear(folder: Path, besides: frozenset[str] = frozenset()) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        if path.name in besides:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
