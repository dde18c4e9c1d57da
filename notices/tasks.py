"""Facts become notices: who is told is computed here, once for each fact."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

from core import live, mail, text
from core.db import writing
from core.outbox import Delivery, on
from core.viewer import Viewer
from forum import queries as forum
from forum.actions.posts import MOST_MENTIONS
from forum.events import AnswerAccepted, EscalationClosed, EscalationOpened, PersonMentioned, PostAdded
from forum.models import ANSWER, PUBLIC
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
from people.events import SessionsEnded
from people.models import OUTSIDE
from people.portability import on_merging
from reputation.events import LevelReached

SYSTEM: Final = Viewer.system()
MOST_FAILURES: Final = 3
DESK: Final = ("agent", "moderator", "supervisor", "owner")


@on(PersonMentioned, name="notices.mentioned")
def on_mentioned(fact: PersonMentioned, delivery: Delivery) -> None:
    """Whoever is called by name hears it, also when the name came with an edit."""
    post = forum.bare_post(fact.post_id)
    if post.deleted_at is None:
        key = f"mention:{fact.post_id}"
        telling = Telling(MENTION, key, fact.thread_id, fact.post_id, post.author_id, at=delivery.at)
        actions.tell(SYSTEM, telling, [fact.person_id])


@on(PostAdded, name="notices.post_written")
def on_post_written(fact: PostAdded, delivery: Delivery) -> None:
    """The asker hears of an answer, other followers of something new; not those whom it calls by name."""
    post = forum.bare_post(fact.post_id)
    if post.deleted_at is not None:
        return
    followers = set(forum.followers(fact.thread_id)) - _called_by_name(post.source)
    asker_id = forum.author_of_thread(fact.thread_id)
    if post.kind == ANSWER and asker_id in followers:
        _tell(ANSWER_NOTICE, fact, delivery, [asker_id])
        followers.discard(asker_id)
    _tell(REPLY, fact, delivery, followers)


def _called_by_name(source: str) -> set[int]:
    """Those the forum announces as mentioned: they are told of that, and of nothing else."""
    handles = sorted(text.mentions(source))[:MOST_MENTIONS]
    return set(people.ids_of_handles(handles).values())


def _tell(kind: str, fact: PostAdded, delivery: Delivery, person_ids: Collection[int]) -> None:
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
    _tell_askers(fact, delivery, key, [a for a in askers.values() if a.person_id not in outside])
    if forum.bare_thread(fact.thread_id).access == PUBLIC:
        for person_id in sorted(outside):
            _draft_for_outside(fact.release_id, askers[person_id], key)


def _tell_askers(
    fact: ReleasePublished | IdeaShippedLate, delivery: Delivery, key: str, askers: Iterable[releases.Asker]
) -> None:
    """One telling for each reason and idea: the same words go to all of its people."""
    alike: dict[tuple[str, int], list[int]] = defaultdict(list)
    for asker in askers:
        alike[asker.why, asker.idea_id].append(asker.person_id)
    for (why, idea_id), person_ids in sorted(alike.items()):
        values = {"release_id": fact.release_id, "idea_id": idea_id, "why": why}
        telling = Telling(RELEASE, key, thread_id=fact.thread_id, at=delivery.at, values=values)
        actions.tell(SYSTEM, telling, person_ids)


def _draft_for_outside(release_id: int, asker: releases.Asker, key: str) -> None:
    """A reply on the channel the wish came from, for a moderator to approve."""
    mention = mentions.mention_of_person(asker.person_id)
    if mention is None:
        return
    body = letters.outside_words(release_id, asker.idea_id)
    person_key = f"{key}:person:{asker.person_id}"
    listening.draft_reply(SYSTEM, mention=mention, person_id=asker.person_id, key=person_key, body=body)


@on_merging("notices", order=10)
def tell_member_instead(person_id: int, member_id: int) -> None:
    """News of releases that still waits for a channel outside is told here, unless the member has heard it already."""
    for unsent in mentions.unsent_of(person_id, "release:"):
        listening.discard_reply(SYSTEM, unsent)
        occasion = unsent.key.rpartition(":person:")[0]
        release_id, idea_ids = _occasion(occasion)
        if releases.muted([member_id], idea_ids):
            continue
        for asker in releases.askers(idea_ids):
            if asker.person_id == person_id:
                values = {"release_id": release_id, "idea_id": asker.idea_id, "why": asker.why}
                thread_id = releases.bare_release(release_id).thread_id
                actions.tell(
                    SYSTEM, Telling(RELEASE, occasion, thread_id=thread_id, values=values), [member_id]
                )


def _occasion(key: str) -> tuple[int, list[int]]:
    """The release and the ideas of a key such as `release:3` or `release:3:idea:7`."""
    numbers = [int(part) for part in key.split(":")[1::2]]
    return numbers[0], numbers[1:] or [idea.id for idea in releases.ideas_in(numbers[0])]


@on(EscalationOpened, EscalationClosed, name="notices.escalation")
def on_escalation(fact: EscalationOpened | EscalationClosed, delivery: Delivery) -> None:
    """The desk hears of a new case, whoever opened it of the outcome."""
    is_new = isinstance(fact, EscalationOpened)
    told = people.ids_with_role(*DESK) if is_new else [forum.opener_of_escalation(fact.escalation_id)]
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
    """Send what waits of this batch, each mail noted in a transaction of its own: a repeat sends only the rest.

    One mail that fails for now does not hold up the others; a server that fails again and again is left in peace.
    """
    failures: list[mail.MailFailed] = []
    for row in queries.waiting_mails(fact.mail_ids):
        try:
            reason = _sent(row)
        except mail.MailFailed as failure:
            failures.append(failure)
            if len(failures) >= MOST_FAILURES:
                break
            continue
        with writing():
            actions.mark_sent(SYSTEM, row.id, reason)
    if failures:
        raise failures[0]


def _sent(row: Any) -> str:
    """Send it, or say why not; an address that can never be delivered to is noted instead of tried again."""
    letter, reason = letters.letter(row)
    if letter is None:
        return reason
    try:
        mail.send(letter)
    except mail.MailRefused as refused:
        return f"undeliverable: {refused.message}"[:100]
    return ""


@on(PeopleTold, name="notices.ring")
def ring(fact: PeopleTold, delivery: Delivery) -> None:
    """Bells on open pages count anew."""
    for person_id, count in queries.unread_counts(fact.person_ids).items():
        live.publish([f"person:{person_id}"], {"type": "bell", "count": count})


@on(SessionsEnded, name="notices.end_streams")
def end_streams(fact: SessionsEnded, delivery: Delivery) -> None:
    """Open pages of ended sessions stop hearing at once."""
    live.publish_end(fact.person_id)
