"""What the tests of listening share: recorded documents, and a channel outside that is really called."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

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
