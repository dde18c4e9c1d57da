"""Counts what is asked of the database."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from core.prepared import Form


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

    send = Form.send

    def noted(form, *more):
        counted.sent.append(form.text)  # these go to the driver, past SQLAlchemy's events
        return send(form, *more)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Form, "send", noted)
            yield counted
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
