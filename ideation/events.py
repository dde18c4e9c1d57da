"""What happened to ideas."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("ideation.idea_raised")
@dataclass(frozen=True)
class IdeaRaised(Fact):
    idea_id: int
    thread_id: int
    author_id: int


@event("ideation.idea_voted")
@dataclass(frozen=True)
class IdeaVoted(Fact):
    idea_id: int
    thread_id: int
    person_id: int


@event("ideation.idea_vote_withdrawn")
@dataclass(frozen=True)
class IdeaVoteWithdrawn(Fact):
    idea_id: int
    thread_id: int
    person_id: int


@event("ideation.evidence_added")
@dataclass(frozen=True)
class EvidenceAdded(Fact):
    idea_id: int
    evidence_id: int


@event("ideation.status_changed")
@dataclass(frozen=True)
class IdeaStatusChanged(Fact):
    idea_id: int
    thread_id: int
    status: str
    previous: str
