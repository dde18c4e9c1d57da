"""What happened in listening."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("listening.mentions_received")
@dataclass(frozen=True)
class MentionsReceived(Fact):
    """One batch from one source."""

    source_id: int
    first_mention_id: int
    last_mention_id: int
    count: int


@event("listening.thread_made")
@dataclass(frozen=True)
class MentionBecameThread(Fact):
    mention_id: int
    thread_id: int


@event("listening.idea_raised")
@dataclass(frozen=True)
class MentionBecameIdea(Fact):
    mention_id: int
    idea_id: int


@event("listening.linked_to_idea")
@dataclass(frozen=True)
class MentionLinkedToIdea(Fact):
    mention_id: int
    idea_id: int


@event("listening.dismissed")
@dataclass(frozen=True)
class MentionDismissed(Fact):
    mention_id: int


@event("listening.reopened")
@dataclass(frozen=True)
class MentionReopened(Fact):
    mention_id: int


@event("listening.reply_drafted")
@dataclass(frozen=True)
class ReplyDrafted(Fact):
    reply_id: int
    mention_id: int


@event("listening.reply_approved")
@dataclass(frozen=True)
class ReplyApproved(Fact):
    reply_id: int
    mention_id: int


@event("listening.reply_delivered")
@dataclass(frozen=True)
class ReplyDelivered(Fact):
    reply_id: int
    mention_id: int


@event("listening.reply_discarded")
@dataclass(frozen=True)
class ReplyDiscarded(Fact):
    reply_id: int
    mention_id: int


@event("listening.reply_failed")
@dataclass(frozen=True)
class ReplyFailed(Fact):
    """It certainly did not arrive."""

    reply_id: int
    mention_id: int


@event("listening.reply_uncertain")
@dataclass(frozen=True)
class ReplyBecameUncertain(Fact):
    """The call was cut off: nobody can tell whether it arrived, a person decides."""

    reply_id: int
    mention_id: int


@event("listening.contact_refused")
@dataclass(frozen=True)
class ContactRefused(Fact):
    person_id: int


@event("listening.contact_allowed")
@dataclass(frozen=True)
class ContactAllowed(Fact):
    """A refusal that was noted was taken back."""

    person_id: int


@event("listening.source_changed")
@dataclass(frozen=True)
class SourceChanged(Fact):
    """Made, edited, paused, resumed, or its secret renewed: `change` says which."""

    source_id: int
    change: str = "edited"


@event("listening.source_removed")
@dataclass(frozen=True)
class SourceRemoved(Fact):
    source_id: int
    name: str


@event("listening.check_wanted")
@dataclass(frozen=True)
class CheckWanted(Fact):
    """Somebody asked for a look at a feed now."""

    source_id: int
