"""What happened to releases."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("releases.drafted")
@dataclass(frozen=True)
class ReleaseDrafted(Fact):
    release_id: int


@event("releases.edited")
@dataclass(frozen=True)
class ReleaseEdited(Fact):
    release_id: int


@event("releases.idea_put_in")
@dataclass(frozen=True)
class IdeaPutIn(Fact):
    """An idea will ship in a draft."""

    release_id: int
    idea_id: int


@event("releases.idea_taken_out")
@dataclass(frozen=True)
class IdeaTakenOut(Fact):
    """An idea will not ship in a draft after all."""

    release_id: int
    idea_id: int


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
