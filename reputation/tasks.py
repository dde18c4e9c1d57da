"""Facts become ledger entries. Awards are differences under the delivery's key: order and repeats do not matter."""

from core.outbox import Delivery, on
from core.viewer import Viewer
from forum import queries as forum
from forum.events import (
    AnswerAccepted,
    AnswerUnaccepted,
    PostDeleted,
    PostRestored,
    PostVoted,
    ThreadsImported,
)
from forum.models import ANSWER
from ideation.events import IdeaVoted, IdeaVoteWithdrawn
from ideation.releases.events import IdeaShippedLate, ReleasePublished
from reputation import actions, queries, rules
from reputation.actions import Award

SYSTEM = Viewer.system()


@on(PostVoted, name="reputation.post_voted")
def on_post_voted(fact: PostVoted, delivery: Delivery) -> None:
    """The author gains or loses the difference between the new vote and the one before."""
    kind = forum.kind_of_post(fact.post_id)
    is_answer = kind == ANSWER
    points = rules.vote_points(fact.value, is_answer=is_answer) - rules.vote_points(
        fact.previous, is_answer=is_answer
    )
    reason = "answer_voted" if is_answer else "opening_voted"
    award = Award(
        delivery.key,
        fact.author_id,
        points,
        reason,
        f"post:{fact.post_id}",
        delivery.at,
        fact.thread_id,
        delivery.event_id,
    )
    actions.award(SYSTEM, [award])


@on(AnswerAccepted, AnswerUnaccepted, name="reputation.accepted")
def on_accepted(fact: AnswerAccepted | AnswerUnaccepted, delivery: Delivery) -> None:
    """The answerer gains, the asker a little for saying so; nothing for one's own answer, nor for staff's click."""
    if fact.answer_author_id == fact.asker_id:
        return
    sign = 1 if isinstance(fact, AnswerAccepted) else -1
    subject = f"post:{fact.post_id}"
    awards = [
        Award(
            f"{delivery.key}:answer",
            fact.answer_author_id,
            sign * rules.ACCEPTED,
            "accepted",
            subject,
            delivery.at,
            fact.thread_id,
            delivery.event_id,
        )
    ]
    if delivery.actor_id == fact.asker_id:
        awards.append(
            Award(
                f"{delivery.key}:asker",
                fact.asker_id,
                sign * rules.ACCEPTING,
                "accepting",
                f"thread:{fact.thread_id}",
                delivery.at,
                fact.thread_id,
                delivery.event_id,
            )
        )
    actions.award(SYSTEM, awards)


@on(PostDeleted, PostRestored, name="reputation.post_gone")
def on_post_gone(fact: PostDeleted | PostRestored, delivery: Delivery) -> None:
    """A deleted post takes its points with it; restored, it brings them back."""
    reason = "withdrawn" if isinstance(fact, PostDeleted) else "reinstated"
    actions.withdraw(SYSTEM, f"post:{fact.post_id}", key=delivery.key, at=delivery.at, reason=reason)


@on(IdeaVoted, IdeaVoteWithdrawn, name="reputation.idea_voted")
def on_idea_voted(fact: IdeaVoted | IdeaVoteWithdrawn, delivery: Delivery) -> None:
    """Whoever had an idea that others want gains a little for each of them."""
    author_id = forum.author_of_thread(fact.thread_id)
    if author_id == fact.person_id:
        return
    points = rules.IDEA_WANTED if isinstance(fact, IdeaVoted) else -rules.IDEA_WANTED
    award = Award(
        delivery.key,
        author_id,
        points,
        "idea_wanted",
        f"idea:{fact.idea_id}",
        delivery.at,
        fact.thread_id,
        delivery.event_id,
    )
    actions.award(SYSTEM, [award])


@on(ReleasePublished, IdeaShippedLate, name="reputation.idea_shipped")
def on_idea_shipped(fact: ReleasePublished | IdeaShippedLate, delivery: Delivery) -> None:
    """Ideas that shipped honour their authors; once for each idea."""
    ids = fact.idea_ids if isinstance(fact, ReleasePublished) else (fact.idea_id,)
    awards = [
        Award(
            f"shipped:{idea_id}",
            author_id,
            rules.IDEA_SHIPPED,
            "idea_shipped",
            f"idea:{idea_id}",
            delivery.at,
            thread_id,
            delivery.event_id,
        )
        for idea_id, author_id, thread_id in queries.idea_authors(ids)
    ]
    actions.award(SYSTEM, awards)


@on(ThreadsImported, name="reputation.imported")
def on_imported(fact: ThreadsImported, delivery: Delivery) -> None:
    """Imported posts bring along what they earned elsewhere."""
    actions.award_imported(SYSTEM, fact.first_thread_id, fact.last_thread_id, delivery.at)
