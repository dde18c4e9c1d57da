"""Counts what is asked of the database."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from core.db import db
from core.prepared import Prepared


@dataclasses.dataclass
class Counted:
    """The statements that were sent, in order."""

    sent: list[str] = dataclasses.field(default_factory=list)

    @property
    def number(self) -> int:
        """How many."""
        return len(self.sent)


@contextmanager
def statements() -> Iterator[Counted]:
    """Counts the statements sent inside the block, by requests too."""
    counted = Counted()

    def note(_connection, _cursor, statement, *_more) -> None:
        counted.sent.append(statement)

    ask = Prepared.run

    def noted(question, *more):
        counted.sent.append(str(question.statement))  # these go to the driver, past SQLAlchemy's events
        return ask(question, *more)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Prepared, "run", noted)
            yield counted
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
