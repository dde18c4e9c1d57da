"""Facts become ledger entries. Awards are differences under the delivery's key: order and repeats do not matter."""

from typing import Final

from core.outbox import Delivery, on
from core.viewer import Viewer
from forum import queries as forum
from forum.events import (
    AnswerAccepted,
    AnswerUnaccepted,
    PostDeleted,
    PostRestored,
    PostVoted,
    ThreadDeleted,
    ThreadRestored,
    ThreadsImported,
)
from forum.models import ANSWER
from ideation.events import IdeaVoted, IdeaVoteWithdrawn
from ideation.releases.events import IdeaShippedLate, ReleasePublished
from reputation import actions, queries, rules
from reputation.actions import Award

SYSTEM: Final = Viewer.system()


@on(PostVoted, name="reputation.post_voted")
def on_post_voted(fact: PostVoted, delivery: Delivery) -> None:
    """The author gains or loses the difference between the new vote and the one before."""
    is_answer = forum.kind_of_post(fact.post_id) == ANSWER
    now, before = (rules.vote_points(v, is_answer=is_answer) for v in (fact.value, fact.previous))
    reason = "answer_voted" if is_answer else "opening_voted"
    _award(delivery, fact.author_id, now - before, reason, f"post:{fact.post_id}", fact.thread_id)


def _award(
    delivery: Delivery, person_id: int, points: int, reason: str, subject: str, thread_id: int
) -> None:
    """An entry under the delivery's key; what is deleted by now is answered at once."""
    key = f"{delivery.key}:{reason}"
    award = Award(key, person_id, points, reason, subject, delivery.at, thread_id, delivery.event_id)
    actions.award(SYSTEM, [award])
    actions.settle(SYSTEM, thread_id, key=key, at=delivery.at, subject=subject)


@on(AnswerAccepted, AnswerUnaccepted, name="reputation.accepted")
def on_accepted(fact: AnswerAccepted | AnswerUnaccepted, delivery: Delivery) -> None:
    """The answerer gains, the asker a little for saying so; nothing for one's own answer, nor for staff's click."""
    if fact.answer_author_id == fact.asker_id:
        return
    sign = 1 if isinstance(fact, AnswerAccepted) else -1
    post, thread = f"post:{fact.post_id}", f"thread:{fact.thread_id}"
    _award(delivery, fact.answer_author_id, sign * rules.ACCEPTED, "accepted", post, fact.thread_id)
    if not fact.on_behalf:
        _award(delivery, fact.asker_id, sign * rules.ACCEPTING, "accepting", thread, fact.thread_id)


@on(PostDeleted, PostRestored, name="reputation.post_gone")
def on_post_gone(fact: PostDeleted | PostRestored, delivery: Delivery) -> None:
    """A deleted post takes its points with it; restored, it brings them back."""
    subject = f"post:{fact.post_id}"
    actions.settle(SYSTEM, fact.thread_id, key=delivery.key, at=delivery.at, subject=subject)


@on(ThreadDeleted, ThreadRestored, name="reputation.thread_gone")
def on_thread_gone(fact: ThreadDeleted | ThreadRestored, delivery: Delivery) -> None:
    """So does a deleted thread, with everything in it."""
    actions.settle(SYSTEM, fact.thread_id, key=delivery.key, at=delivery.at)


@on(IdeaVoted, IdeaVoteWithdrawn, name="reputation.idea_voted")
def on_idea_voted(fact: IdeaVoted | IdeaVoteWithdrawn, delivery: Delivery) -> None:
    """Whoever had an idea that others want gains a little for each of them."""
    author_id = forum.author_of_thread(fact.thread_id)
    if author_id == fact.person_id:
        return
    points = rules.IDEA_WANTED if isinstance(fact, IdeaVoted) else -rules.IDEA_WANTED
    _award(delivery, author_id, points, "idea_wanted", f"idea:{fact.idea_id}", fact.thread_id)


@on(ReleasePublished, IdeaShippedLate, name="reputation.idea_shipped")
def on_idea_shipped(fact: ReleasePublished | IdeaShippedLate, delivery: Delivery) -> None:
    """Ideas that shipped honour their authors; once for each idea."""
    ids = fact.idea_ids if isinstance(fact, ReleasePublished) else (fact.idea_id,)
    points, at = rules.IDEA_SHIPPED, delivery.at
    awards = [
        Award(f"shipped:{i}", author, points, "idea_shipped", f"idea:{i}", at, thread, delivery.event_id)
        for i, author, thread in queries.idea_authors(ids)
    ]
    actions.award(SYSTEM, awards)


@on(ThreadsImported, name="reputation.imported")
def on_imported(fact: ThreadsImported, delivery: Delivery) -> None:
    """Imported posts bring along what they earned elsewhere."""
    actions.award_imported(SYSTEM, fact.first_thread_id, fact.last_thread_id, delivery.at)
