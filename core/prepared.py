"""Statements that hot requests repeat: compiled once, then run by the database's driver itself.

SQLAlchemy says what is asked: the text, the types and the names come from it. But what it does around each execution
costs several times what the database needs for a small statement, and a page sends four with every request,
a reply ten.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import PoolProxiedConnection

_CURSOR: Final = "fullcircle.cursor"
Values = Mapping[str, Any]
Convert = Callable[[Any], Any]
Question = sa.Select[*tuple[Any, ...]]
Writing = sa.Insert | sa.Update | sa.Delete
S = TypeVar("S", Question, Writing)
Invalidate = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Form:
    """A statement as one kind of database takes it: its text, what goes in, and what comes out."""

    text: str
    cursor: Callable[[Any], Any]
    given: tuple[Any, ...]  # values in the order of the placeholders; those of `asked` are put in each time
    asked: tuple[tuple[int, str, Convert | None], ...]
    gives_rows: bool
    row: Callable[[Sequence[Any]], Any]
    outputs: tuple[tuple[int, Convert], ...]

    def send(self, lent: PoolProxiedConnection, values: Values) -> Sequence[Any]:
        """The rows of one execution by the driver, past SQLAlchemy's events. Raises as the driver does."""
        kept = lent.info  # lives and dies with the driver's connection
        cursor = kept.get(_CURSOR)
        if cursor is None:
            cursor = kept[_CURSOR] = self.cursor(lent.driver_connection)
        cursor.execute(self.text, self.arguments(values))
        return self.rows(cursor.fetchall()) if self.gives_rows else ()

    def arguments(self, values: Values) -> list[Any]:
        """What the driver is given. Raises KeyError for a value that is missing."""
        given = list(self.given)
        for place, name, convert in self.asked:
            given[place] = convert(values[name]) if convert else values[name]
        return given

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


class _Compiled(Generic[S]):
    """A statement on plain tables whose columns have names of their own; no list of values may be given to it later.

    Safe for threads: at worst two of them compile the same text.
    """

    def __init__(self, statement: S, columns: Sequence[str] | None = None) -> None:
        self.statement: S = statement
        self._columns = columns
        self._forms: dict[str, Form] = {}

    def run_within(self, connection: sa.Connection, values: Values | None = None) -> Sequence[Any]:
        """All rows, as named tuples, as a part of the connection's open transaction. Raises as SQLAlchemy would."""
        return self._run(connection.connection, connection.dialect, values, connection.invalidate)

    def _run(
        self, lent: PoolProxiedConnection, dialect: sa.Dialect, values: Values | None, invalidate: Invalidate
    ) -> Sequence[Any]:
        form = self._form(dialect)
        try:
            return form.send(lent, values or {})
        except dialect.loaded_dbapi.Error as error:
            raise _as_told(error, form, dialect, lent, invalidate) from error

    def _form(self, dialect: sa.Dialect) -> Form:
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _form_of(self.statement, dialect, self._columns)
        return form


class Prepared(_Compiled[Question]):
    """A SELECT."""

    def __init__(self, statement: Question) -> None:
        """Raises TypeError for anything that writes."""
        if not isinstance(statement, sa.Select):
            raise TypeError("only a SELECT is prepared for reading")
        super().__init__(statement)

    def run(
        self, lent: PoolProxiedConnection, dialect: sa.Dialect, values: Values | None = None
    ) -> Sequence[Any]:
        """All rows, as named tuples, on a connection of a pool, outside of transactions. Raises as SQLAlchemy would."""
        return self._run(lent, dialect, values, lent.invalidate)


class PreparedChange(_Compiled[Writing]):
    """An INSERT, UPDATE or DELETE."""

    def __init__(self, statement: Writing, columns: Sequence[str] | None = None) -> None:
        """An INSERT without values of its own names the `columns` it will be given. Raises TypeError for a question."""
        if not isinstance(statement, sa.Insert | sa.Update | sa.Delete):
            raise TypeError("only an INSERT, UPDATE or DELETE changes anything")
        if isinstance(statement, sa.Insert) and not list(statement.exported_columns):
            statement = statement.inline()  # else SQLAlchemy would ask for the new row's number
        super().__init__(statement, columns)


def _as_told(
    error: Exception, form: Form, dialect: sa.Dialect, lent: PoolProxiedConnection, invalidate: Invalidate
) -> Exception:
    """The driver's error as SQLAlchemy tells it; a connection that is lost is given up."""
    raw: Any = lent.dbapi_connection
    is_lost = dialect.is_disconnect(error, raw, None)  # type: ignore[arg-type]
    told = sa.exc.DBAPIError.instance(
        form.text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_lost, dialect=dialect
    )
    if is_lost:
        invalidate(error)
    return told


def _form_of(statement: Question | Writing, dialect: sa.Dialect, columns: Sequence[str] | None) -> Form:
    numbered = _numbering(dialect)
    compiled: Any = statement.compile(dialect=numbered, column_keys=columns)
    defaults = _defaults(compiled)
    asked = {name for name, bind in compiled.binds.items() if bind.required}
    # Lists that the statement itself holds are written out; what comes with each execution may be anything meanwhile.
    state = compiled.construct_expanded_state(dict.fromkeys(asked))
    kinds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
    found = {name: kind.bind_processor(dialect) for name, kind in kinds.items()} | state.processors
    converts: dict[str, Convert] = {name: convert for name, convert in found.items() if convert}
    fixed = {name: value for name, value in (state.parameters | defaults).items() if name not in asked}
    fixed = {name: converts[name](value) if name in converts else value for name, value in fixed.items()}
    order = tuple(state.positiontup)
    given = list(statement.exported_columns)
    outputs = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in given]
    row: Any = namedtuple("Row", [str(column.key) for column in given])  # type: ignore[misc]
    driver: Any = dialect.loaded_dbapi
    return Form(
        text=state.statement,
        cursor=driver.Cursor if numbered is dialect else driver.RawCursor,
        given=tuple(fixed.get(name) for name in order),
        asked=tuple((place, name, converts.get(name)) for place, name in enumerate(order) if name in asked),
        gives_rows=bool(given),
        row=row._make,
        outputs=tuple((place, convert) for place, convert in enumerate(outputs) if convert is not None),
    )


def _numbering(dialect: sa.Dialect) -> sa.Dialect:
    """The dialect with placeholders that its driver passes on as they are: psycopg would read named ones each time."""
    if dialect.positional:
        return dialect
    return type(dialect)(paramstyle="numeric_dollar")  # type: ignore[call-arg]


def _defaults(compiled: Any) -> dict[str, Any]:
    """What the model gives where the statement gives nothing. Raises TypeError where that is no plain value."""
    made = [column for column in compiled.insert_prefetch or () if not column.default.is_scalar]
    made += compiled.update_prefetch or ()
    if made:
        raise TypeError(f"a prepared change must name {', '.join(map(str, made))}")
    return {column.key: column.default.arg for column in compiled.insert_prefetch or ()}
