"""Facts become notices: who is told is computed here, once for each fact."""

from collections.abc import Collection

from core import live, mail, text
from core.db import writing
from core.outbox import Delivery, on
from core.viewer import Viewer
from forum import queries as forum
from forum.events import AnswerAccepted, EscalationClosed, EscalationOpened, PostAdded, ThreadStarted
from forum.models import ANSWER
from ideation import queries as ideation
from ideation.events import IdeaStatusChanged
from ideation.models import SHIPPED
from ideation.releases import queries as releases
from ideation.releases.events import IdeaShippedLate, ReleasePublished
from listening import actions as listening
from listening import queries as mentions
from notices import actions, letters, queries
from notices.actions import Telling
from notices.events import MailsQueued, PeopleTold
from notices.kinds import ACCEPTED, LEVEL, MENTION, RELEASE, REPLY, STAFF, STATUS
from notices.kinds import ANSWER as ANSWER_NOTICE
from people import queries as people
from people.models import OUTSIDE
from reputation.events import LevelReached

SYSTEM = Viewer.system()


@on(ThreadStarted, PostAdded, name="notices.post_written")
def on_post_written(fact: ThreadStarted | PostAdded, delivery: Delivery) -> None:
    """Who is mentioned hears that first; else the asker hears of an answer, other followers of something new."""
    post = forum.bare_post(fact.post_id)
    mentioned = set(people.ids_of_handles(text.mentions(post.source)).values())
    _tell(MENTION, fact, delivery, mentioned)
    if isinstance(fact, ThreadStarted):
        return
    followers = set(forum.followers(fact.thread_id)) - mentioned
    asker_id = forum.author_of_thread(fact.thread_id)
    if post.kind == ANSWER and asker_id in followers:
        _tell(ANSWER_NOTICE, fact, delivery, [asker_id])
        followers.discard(asker_id)
    _tell(REPLY, fact, delivery, followers)


def _tell(
    kind: str, fact: ThreadStarted | PostAdded, delivery: Delivery, person_ids: Collection[int]
) -> None:
    key = f"post:{fact.post_id}"
    telling = Telling(kind, key, fact.thread_id, fact.post_id, fact.author_id, at=delivery.at)
    actions.tell(SYSTEM, telling, person_ids)


@on(AnswerAccepted, name="notices.answer_accepted")
def on_answer_accepted(fact: AnswerAccepted, delivery: Delivery) -> None:
    """The answerer hears it; so does the asker when staff accepted for them."""
    values = {"on_behalf": fact.on_behalf}
    telling = Telling(
        ACCEPTED,
        f"accepted:{fact.post_id}",
        thread_id=fact.thread_id,
        post_id=fact.post_id,
        actor_id=delivery.actor_id,
        values=values,
        at=delivery.at,
    )
    actions.tell(SYSTEM, telling, {fact.answer_author_id, fact.asker_id})


@on(IdeaStatusChanged, name="notices.idea_status")
def on_idea_status(fact: IdeaStatusChanged, delivery: Delivery) -> None:
    """Followers hear that an idea moves; that it shipped they hear from the release."""
    if fact.status == SHIPPED:
        return
    telling = Telling(
        STATUS,
        f"status:{delivery.event_id}",
        thread_id=fact.thread_id,
        actor_id=delivery.actor_id,
        at=delivery.at,
        values={"status": fact.status, "reason": ideation.status_reason(fact.idea_id)},
    )
    actions.tell(SYSTEM, telling, forum.followers(fact.thread_id))


@on(ReleasePublished, IdeaShippedLate, name="notices.shipped")
def on_shipped(fact: ReleasePublished | IdeaShippedLate, delivery: Delivery) -> None:
    """The circle closes: everyone who asked is told once, members here, others by a draft for their channel."""
    if isinstance(fact, ReleasePublished):
        idea_ids, key = fact.idea_ids, f"release:{fact.release_id}"
    else:
        idea_ids, key = (fact.idea_id,), f"release:{fact.release_id}:idea:{fact.idea_id}"
    askers = {a.person_id: a for a in releases.askers(idea_ids)}
    for person_id in releases.muted(askers, idea_ids):
        del askers[person_id]
    outside = people.of_kind(askers, OUTSIDE)
    for why in {a.why for a in askers.values()}:
        theirs = [a for a in askers.values() if a.why == why and a.person_id not in outside]
        for idea_id in {a.idea_id for a in theirs}:
            telling = Telling(
                RELEASE,
                key,
                thread_id=fact.thread_id,
                actor_id=None,
                at=delivery.at,
                values={"release_id": fact.release_id, "idea_id": idea_id, "why": why},
            )
            actions.tell(SYSTEM, telling, [a.person_id for a in theirs if a.idea_id == idea_id])
    for person_id in sorted(outside):
        _draft_for_outside(fact.release_id, askers[person_id], key)


def _draft_for_outside(release_id: int, asker: releases.Asker, key: str) -> None:
    """A reply on the channel the wish came from, for a moderator to approve."""
    mention = mentions.mention_of_person(asker.person_id)
    if mention is not None:
        body = letters.outside_words(release_id, asker.idea_id)
        listening.draft_reply(
            SYSTEM,
            mention=mention,
            person_id=asker.person_id,
            key=f"{key}:person:{asker.person_id}",
            body=body,
        )


@on(EscalationOpened, EscalationClosed, name="notices.escalation")
def on_escalation(fact: EscalationOpened | EscalationClosed, delivery: Delivery) -> None:
    """The team hears of a new case, whoever opened it of the outcome."""
    is_new = isinstance(fact, EscalationOpened)
    told = people.staff_ids() if is_new else [forum.opener_of_escalation(fact.escalation_id)]
    telling = Telling(
        STAFF,
        f"escalation:{fact.escalation_id}:{'opened' if is_new else 'closed'}",
        thread_id=fact.thread_id,
        actor_id=delivery.actor_id,
        values={"is_new": is_new},
        at=delivery.at,
    )
    actions.tell(SYSTEM, telling, told)


@on(LevelReached, name="notices.level")
def on_level(fact: LevelReached, delivery: Delivery) -> None:
    """A new level is worth a word."""
    actions.tell(
        SYSTEM,
        Telling(LEVEL, f"level:{fact.level}", values={"level": fact.level}, at=delivery.at),
        [fact.person_id],
    )


@on(MailsQueued, name="notices.send_mails", outside=True)
def send_mails(fact: MailsQueued, delivery: Delivery) -> None:
    """Send what waits in this range, each mail noted in a transaction of its own: a repeat sends only the rest."""
    for row in queries.waiting_mails(fact.first_mail_id, fact.last_mail_id):
        letter, reason = letters.letter(row)
        if letter is not None:
            reason = _sent(letter)
        with writing():
            actions.mark_sent(SYSTEM, row.id, reason)


def _sent(letter: mail.Letter) -> str:
    """Send it; an address that can never be delivered to is noted instead of tried again."""
    try:
        mail.send(letter)
    except mail.MailRefused as refused:
        return f"undeliverable: {refused.message}"[:100]
    return ""


@on(PeopleTold, name="notices.ring")
def ring(fact: PeopleTold, delivery: Delivery) -> None:
    """Bells on open pages count anew."""
    for person_id in fact.person_ids:
        live.publish([f"person:{person_id}"], {"type": "bell"})
