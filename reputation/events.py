"""What happened to reputations."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("reputation.level_reached")
@dataclass(frozen=True)
class LevelReached(Fact):
    person_id: int
    level: int
