"""What the tests of listening share: recorded documents, and a channel outside that is really called."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.db import db
from listening.connectors import feed, reply
from tests.fakes.channel import Channel

PAYLOADS = Path(__file__).with_name("payloads")


@pytest.fixture
def payloads() -> Path:
    """The folder of recorded documents."""
    return PAYLOADS


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """A channel outside. Whoever calls it loses patience after half a second, so that no test waits."""
    for connector in (feed, reply):
        monkeypatch.setattr(connector, "LIMITS", dataclasses.replace(connector.LIMITS, deadline=0.5))
    with Channel() as running:
        yield running


@dataclasses.dataclass
class Counted:
    """How many statements were sent."""

    number: int = 0


@pytest.fixture
def statements(context):
    """Counts the statements sent inside `with statements() as counted`."""

    @contextmanager
    def count() -> Iterator[Counted]:
        counted = Counted()

        def note(*_values: object) -> None:
            counted.number += 1

        sa.event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield counted
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", note)

    return count
