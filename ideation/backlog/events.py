"""What happened in the backlog."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("backlog.item_added")
@dataclass(frozen=True)
class BacklogItemAdded(Fact):
    item_id: int
    idea_id: int


@event("backlog.item_done")
@dataclass(frozen=True)
class BacklogItemDone(Fact):
    item_id: int
    idea_id: int


@event("backlog.item_reopened")
@dataclass(frozen=True)
class BacklogItemReopened(Fact):
    item_id: int
    idea_id: int
