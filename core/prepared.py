"""Reads that hot pages repeat: compiled once, then run by the database's driver itself.

SQLAlchemy says what is asked: the text, the types and the names come from it. But what it does around each execution
costs several times what the database needs to answer a small question, and a page asks four with every request.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Values = Mapping[str, Any]
Convert = Callable[[Any], Any]
Question = sa.Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as one kind of database takes it: its text, what goes in, and what comes out."""

    text: str
    positions: (
        tuple[str, ...] | None
    )  # names in the order of the question marks, where the driver wants those
    fixed: dict[str, Any]
    asked: tuple[str, ...]
    inputs: tuple[tuple[str, Convert], ...]
    row: Callable[[Sequence[Any]], Any]
    outputs: tuple[tuple[int, Convert], ...]

    def arguments(self, values: Values) -> Any:
        """What the driver is given. Raises KeyError for a value that is missing."""
        given = {**self.fixed, **{name: values[name] for name in self.asked}}
        for name, convert in self.inputs:
            given[name] = convert(given[name])
        return given if self.positions is None else [given[name] for name in self.positions]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Any]:
        """Named tuples of Python values."""
        if not self.outputs:
            return [self.row(one) for one in found]
        made = []
        for one in found:
            values = list(one)
            for place, convert in self.outputs:
                values[place] = convert(values[place])
            made.append(self.row(values))
        return made


class Prepared:
    """A SELECT on plain tables whose columns have names of their own; no list of values may be given to it later.

    Safe for threads: at worst two of them compile the same text.
    """

    def __init__(self, statement: Question) -> None:
        """Raises TypeError for anything that writes."""
        if not isinstance(statement, sa.Select):
            raise TypeError("only a SELECT is prepared")
        self.statement = statement
        self._forms: dict[str, _Form] = {}

    def run(self, connection: sa.Connection, values: Values | None = None) -> Sequence[Any]:
        """All rows, as named tuples, outside of any transaction that SQLAlchemy knows of. Raises as it would.

        What the driver refuses is asked again in the ordinary way, which knows how to tell and how to reconnect.
        """
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _form_of(self.statement, dialect)
        raw: Any = connection.connection.driver_connection
        try:
            found = raw.execute(form.text, form.arguments(values or {})).fetchall()
        except dialect.loaded_dbapi.Error:
            return connection.execute(self.statement, values).all()
        return form.rows(found)


def _form_of(statement: Question, dialect: sa.Dialect) -> _Form:
    compiled: Any = statement.compile(dialect=dialect)
    asked = tuple(name for name, bind in compiled.binds.items() if bind.required)
    # Lists that the statement itself holds are written out; what comes with each execution may be anything meanwhile.
    state = compiled.construct_expanded_state(dict.fromkeys(asked))
    kinds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
    found = {name: kind.bind_processor(dialect) for name, kind in kinds.items()} | state.processors
    converts: dict[str, Convert] = {name: convert for name, convert in found.items() if convert}
    columns = list(statement.selected_columns)
    outputs = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    row: Any = namedtuple("Row", [str(column.key) for column in columns])  # type: ignore[misc]
    return _Form(
        text=state.statement,
        positions=tuple(state.positiontup) if compiled.positional else None,
        fixed={
            name: converts[name](value) if name in converts else value
            for name, value in state.parameters.items()
            if name not in asked
        },
        asked=asked,
        inputs=tuple((name, converts[name]) for name in asked if name in converts),
        row=row._make,
        outputs=tuple((place, convert) for place, convert in enumerate(outputs) if convert is not None),
    )
