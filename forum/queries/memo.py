"""What every list page shows beside its list: categories and tags, counted anew only when a count may have changed.

Counting the tags of twenty thousand threads takes longer than the page around them. One cheap statement asks for the
newest facts that change a count or who may see it; while they are the same, so are the counts.
"""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from flask import current_app

from core.db import rows
from core.outbox import Event
from core.prepared import Prepared
from core.viewer import Viewer
from forum.events import (
    CategoryChanged,
    PostEdited,
    ThreadDeleted,
    ThreadMoved,
    ThreadRestored,
    ThreadsImported,
    ThreadStarted,
)
from forum.queries.rooms import CategoryCard, TagCard, categories, tags

_KEY: Final = "forum.memo"
SECONDS: Final = 20.0  # two transactions may commit in another order than their facts are numbered
_FACTS: Final = (
    ThreadStarted,
    ThreadDeleted,
    ThreadRestored,
    ThreadMoved,
    ThreadsImported,
    CategoryChanged,
    PostEdited,
)
_NEWEST: Final = {
    fact.kind.replace(".", "_"): sa.select(sa.func.max(Event.id)).where(Event.kind == fact.kind)
    for fact in _FACTS
}
_STAMP: Final = Prepared(sa.select(*(one.scalar_subquery().label(name) for name, one in _NEWEST.items())))
T = TypeVar("T")


class Beside:
    """Categories and tags for one request: the statement is sent once, whatever is asked for."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        (self._stamp,) = rows(_STAMP)
        self._kept: dict[Any, tuple[Any, float, Any]] = current_app.extensions.setdefault(_KEY, {})

    def categories(self) -> list[CategoryCard]:
        """The categories the viewer may know of."""
        return self._remember("categories", lambda: categories(self._viewer))

    def tags(self, limit: int) -> list[TagCard]:
        """The most used tags of threads the viewer may see."""
        return self._remember(f"tags:{limit}", lambda: tags(self._viewer, limit=limit))

    def _remember(self, what: str, count: Callable[[], T]) -> T:
        key = (what, self._viewer.clearance)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == self._stamp and time.monotonic() - kept[1] < SECONDS:
            found: T = kept[2]
            return found
        value = count()
        self._kept[key] = (self._stamp, time.monotonic(), value)
        return value
