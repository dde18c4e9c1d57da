"""What happened in the forum."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("forum.thread_started")
@dataclass(frozen=True)
class ThreadStarted(Fact):
    thread_id: int
    post_id: int
    author_id: int


@event("forum.post_added")
@dataclass(frozen=True)
class PostAdded(Fact):
    """An answer or a comment."""

    thread_id: int
    post_id: int
    author_id: int


@event("forum.post_edited")
@dataclass(frozen=True)
class PostEdited(Fact):
    thread_id: int
    post_id: int
    revision_number: int


@event("forum.post_deleted")
@dataclass(frozen=True)
class PostDeleted(Fact):
    thread_id: int
    post_id: int
    author_id: int


@event("forum.post_restored")
@dataclass(frozen=True)
class PostRestored(Fact):
    thread_id: int
    post_id: int
    author_id: int


@event("forum.post_voted")
@dataclass(frozen=True)
class PostVoted(Fact):
    """`value` is the vote as it stands now: 1, -1, or 0 for taken back; `previous` what it was."""

    thread_id: int
    post_id: int
    author_id: int
    voter_id: int
    value: int
    previous: int


@event("forum.answer_accepted")
@dataclass(frozen=True)
class AnswerAccepted(Fact):
    """`on_behalf` is True when staff accepted for the person who asked."""

    thread_id: int
    post_id: int
    answer_author_id: int
    asker_id: int
    on_behalf: bool


@event("forum.answer_unaccepted")
@dataclass(frozen=True)
class AnswerUnaccepted(Fact):
    """`on_behalf` is True when it was staff who had accepted."""

    thread_id: int
    post_id: int
    answer_author_id: int
    asker_id: int
    on_behalf: bool = False


@event("forum.thread_closed")
@dataclass(frozen=True)
class ThreadClosed(Fact):
    thread_id: int


@event("forum.thread_reopened")
@dataclass(frozen=True)
class ThreadReopened(Fact):
    thread_id: int


@event("forum.thread_deleted")
@dataclass(frozen=True)
class ThreadDeleted(Fact):
    thread_id: int


@event("forum.thread_restored")
@dataclass(frozen=True)
class ThreadRestored(Fact):
    thread_id: int


@event("forum.thread_moved")
@dataclass(frozen=True)
class ThreadMoved(Fact):
    """Its category, or the category's access, changed."""

    thread_id: int
    category_id: int


@event("forum.authorship_moved")
@dataclass(frozen=True)
class AuthorshipMoved(Fact):
    """What somebody from outside wrote in these threads is a member's: they turned out to be the same person."""

    member_id: int
    thread_ids: tuple[int, ...]


@event("forum.thread_pinned")
@dataclass(frozen=True)
class ThreadPinned(Fact):
    thread_id: int


@event("forum.thread_unpinned")
@dataclass(frozen=True)
class ThreadUnpinned(Fact):
    thread_id: int


@event("forum.thread_marked")
@dataclass(frozen=True)
class ThreadMarked(Fact):
    """Whose turn it is: `mark` is `needs_staff` or `waiting_on_author`, put on or taken off."""

    thread_id: int
    mark: str
    is_on: bool


@event("forum.threads_imported")
@dataclass(frozen=True)
class ThreadsImported(Fact):
    """A batch of threads came in by import: first and last id, both included."""

    first_thread_id: int
    last_thread_id: int


@event("forum.post_flagged")
@dataclass(frozen=True)
class PostFlagged(Fact):
    thread_id: int
    post_id: int
    flag_id: int


@event("forum.flag_settled")
@dataclass(frozen=True)
class FlagSettled(Fact):
    thread_id: int
    post_id: int
    flag_ids: tuple[int, ...]
    outcome: str


@event("forum.escalation_opened")
@dataclass(frozen=True)
class EscalationOpened(Fact):
    thread_id: int
    post_id: int
    escalation_id: int


@event("forum.escalation_taken")
@dataclass(frozen=True)
class EscalationTaken(Fact):
    thread_id: int
    escalation_id: int
    owner_id: int


@event("forum.escalation_handed_over")
@dataclass(frozen=True)
class EscalationHandedOver(Fact):
    """`owner_id` is the new owner, or None when the case went back to the queue."""

    thread_id: int
    escalation_id: int
    owner_id: int | None


@event("forum.escalation_closed")
@dataclass(frozen=True)
class EscalationClosed(Fact):
    thread_id: int
    escalation_id: int


@event("forum.person_mentioned")
@dataclass(frozen=True)
class PersonMentioned(Fact):
    thread_id: int
    post_id: int
    person_id: int


@event("forum.category_changed")
@dataclass(frozen=True)
class CategoryChanged(Fact):
    """`is_access_new` is True when who may see it changed, and with it all that is in it."""

    category_id: int
    is_access_new: bool = True
