"""Finding rows of a table by any part of a word, through an index that the database itself keeps up to date.

On SQLite that is an FTS5 table of trigrams beside the table, filled by triggers; on PostgreSQL a trigram index on the
joined columns. Where PostgreSQL has no `pg_trgm`, rows are found all the same, by reading them. The names begin with
`search_`, so that comparing models with the database passes them over; migrations hold the same statements.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from core.db import dialect

SHORTEST: Final = 3  # letters: of fewer there is no trigram, such a part is looked for in every row
_SQLITE: Final = """
CREATE VIRTUAL TABLE {name} USING fts5({columns}, content='{table}', content_rowid='id', tokenize='trigram');
CREATE TRIGGER {name}_added AFTER INSERT ON {table} BEGIN
  INSERT INTO {name}(rowid, {columns}) VALUES (new.id, {new});
END;
CREATE TRIGGER {name}_changed AFTER UPDATE OF {columns} ON {table} BEGIN
  INSERT INTO {name}({name}, rowid, {columns}) VALUES ('delete', old.id, {old});
  INSERT INTO {name}(rowid, {columns}) VALUES (new.id, {new});
END;
CREATE TRIGGER {name}_removed AFTER DELETE ON {table} BEGIN
  INSERT INTO {name}({name}, rowid, {columns}) VALUES ('delete', old.id, {old});
END
"""
_POSTGRES: Final = """
DO $$ BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'pg_trgm could not be created: {table} is searched row by row';
  END;
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
    CREATE INDEX {name} ON {table} USING gin (({joined}) gin_trgm_ops);
  END IF;
END $$
"""


class Trigrams:
    """The index `name` over text columns of a table with the primary key `id`. Make it beside the model."""

    def __init__(self, name: str, table: sa.FromClause, columns: Sequence[str]) -> None:
        self._name = name
        self._table: Any = table
        self._columns = [self._table.c[column] for column in columns]
        for step in self._sqlite():
            self._after_create("sqlite", step)
        self._after_create("postgresql", self._postgres())

    def _after_create(self, name: str, statement: str) -> None:
        make = sa.schema.DDL(statement.replace("%", "%%")).execute_if(dialect=name)  # type: ignore[no-untyped-call]
        sa.event.listen(self._table, "after_create", make)

    def _sqlite(self) -> list[str]:
        """The virtual table and its triggers, one statement each."""
        names = [column.name for column in self._columns]
        made = _SQLITE.format(
            name=self._name,
            table=self._table.name,
            columns=", ".join(names),
            new=", ".join(f"new.{name}" for name in names),
            old=", ".join(f"old.{name}" for name in names),
        )
        parts = made.strip().split(";\nCREATE ")
        return [parts[0], *(f"CREATE {part}" for part in parts[1:])]

    def _postgres(self) -> str:
        joined = " || ' ' || ".join(column.name for column in self._columns)
        return _POSTGRES.format(name=self._name, table=self._table.name, joined=joined)

    def holds(self, part: str) -> sa.ColumnElement[bool]:
        """A predicate: one of the columns holds this part of a word, in capitals or not."""
        if dialect() == "postgresql":
            return self._in_joined(part)
        if len(part) < SHORTEST:
            return sa.or_(*(column.icontains(part, autoescape=True) for column in self._columns))
        index = sa.table(self._name, sa.column("rowid"), sa.column(self._name))
        phrase = '"' + part.replace('"', '""') + '"'
        found = sa.select(index.c.rowid).where(index.c[self._name].op("MATCH")(phrase))
        return self._table.c.id.in_(found)  # type: ignore[no-any-return]

    def _in_joined(self, part: str) -> sa.ColumnElement[bool]:
        """As the index is written, letter for letter: otherwise it would not be used."""
        joined: sa.ColumnElement[Any] = self._columns[0]
        for column in self._columns[1:]:
            joined = joined.op("||")(sa.literal_column("' '")).op("||")(column)
        escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return joined.ilike(f"%{escaped}%", escape="\\")
