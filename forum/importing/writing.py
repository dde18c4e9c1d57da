"""What every phase of an import writes with: the job, and rows of one table at once."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from core.db import db
from core.viewer import Viewer
from forum.importing.origin import Origin
from forum.importing.progress import Progress
from forum.importing.runs import Run
from forum.importing.staging import Staging

KEYS_AT_ONCE = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One import: its staged dump, how far it is, and where it goes."""

    store: Staging
    run: Run
    origin: Origin
    actor: Viewer
    category_id: int
    progress: Progress


def slices(items: Iterable[T], size: int = KEYS_AT_ONCE) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def by_key(table: type[Any], keys: Collection[str]) -> dict[str, int]:
    """Ids of the rows that have these origin keys."""
    found: dict[str, int] = {}
    for some in slices(keys):
        statement = sa.select(table.origin_key, table.id).where(table.origin_key.in_(some))
        found.update(db.session.execute(statement).all())
    return found


def insert(table: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into one table."""
    if rows:
        db.session.execute(sa.insert(table.__table__), list(rows))


def insert_keyed(table: type[Any], rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Put rows with origin keys into one table; their new ids by key."""
    if not rows:
        return {}
    columns = table.__table__.c
    statement = sa.insert(table.__table__).returning(columns.origin_key, columns.id)
    return dict(db.session.execute(statement, list(rows)).all())
