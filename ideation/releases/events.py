"""What happened to releases."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("releases.published")
@dataclass(frozen=True)
class ReleasePublished(Fact):
    release_id: int
    thread_id: int
    idea_ids: tuple[int, ...]


@event("releases.idea_added_late")
@dataclass(frozen=True)
class IdeaShippedLate(Fact):
    """An idea joined a release that was published before."""

    release_id: int
    thread_id: int
    idea_id: int
