"""What listening does by itself: fetching feeds, checking HTML twice, sending replies, drafting answers."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Flask, current_app
from flask_babel import gettext as _

from core import clock, files, live
from core.config import settings
from core.db import db, reading, writing
from core.errors import ProductError
from core.leases import LEASE, Lease, kept
from core.outbox import Delivery, on
from core.text import excerpt, second_pass
from core.viewer import Viewer
from core.worker import every, on_release
from forum.addresses import post_path
from forum.events import AnswerAccepted, AnswerUnaccepted
from forum.models import PUBLIC, Post, Thread
from listening import actions, queries
from listening.actions import Check
from listening.connectors import Unreadable, feed, reply
from listening.events import CheckWanted, MentionsReceived, ReplyApproved
from listening.models import DRAFT
from people import queries as people
from people.models import MEMBER
from people.portability import export_section, on_merging, on_removal

log = logging.getLogger(__name__)
AT_ONCE: Final = 4  # feeds that are asked at the same time
A_TURN: Final = 8  # feeds that one turn takes: at most two slow ones after another hold up the worker
SYSTEM: Final = Viewer.system()


# --- feeds ---


@every(timedelta(minutes=1), name="listening.fetch")
def fetch_due_feeds() -> None:
    """Look at the feeds whose time has come, some at once, none inside a transaction."""
    with reading():
        due = queries.due_source_ids(A_TURN)
    look_at(due)


@on_release
def release_checks() -> None:
    """At home a killed process leaves its feeds to the next one at once."""
    actions.release_checks(SYSTEM)


@on(CheckWanted, name="listening.check", outside=True)
def check_now(fact: CheckWanted, delivery: Delivery) -> None:
    """Somebody wants to see at once what a feed brings."""
    look_at([fact.source_id])


def look_at(source_ids: Sequence[int]) -> None:
    """Claim, fetch and store. A feed that fails says so at its source and disturbs no other."""
    checks = [check for check in map(_claim, source_ids) if check is not None]
    if not checks:
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with ExitStack() as stack:
        for check in checks:
            stack.enter_context(kept(_lease(check)))
        pool = stack.enter_context(ThreadPoolExecutor(min(AT_ONCE, len(checks)), thread_name_prefix="feed"))
        for check, found in zip(checks, pool.map(lambda check: _fetch(app, check), checks), strict=True):
            _store(check, found)


def _lease(check: Check) -> Lease:
    """A feed is its fetcher's for CLAIM after each sign of life, which the ends of a lease tell."""

    def keep(ends: Sequence[datetime], end: datetime) -> bool:
        return actions.keep_check(SYSTEM, check, [one - LEASE for one in ends], end - LEASE)

    return Lease(check.since + LEASE, keep)


def _claim(source_id: int) -> Check | None:
    with writing():
        return actions.claim_check(SYSTEM, source_id)


def _fetch(app: Flask, check: Check) -> feed.Fetched | ProductError:
    """In a thread of its own, with a context of its own and no database."""
    with app.app_context():
        try:
            return feed.fetch(check.url, check.cursor)
        except ProductError as problem:
            return problem
        except (
            Exception
        ) as problem:  # a parser's mistake over a document nobody has seen is that feed's failure
            log.exception("feed %s could not be read", check.source_id)
            return Unreadable(_("The feed could not be read (%(kind)s).", kind=type(problem).__name__))


def _store(check: Check, found: feed.Fetched | ProductError) -> None:
    with writing():
        if isinstance(found, ProductError):
            wait = found.retry_after if isinstance(found, Unreadable) else 0
            actions.note_failure(SYSTEM, check, found.message, retry_after=wait)
        elif found.is_unchanged:
            actions.note_unchanged(SYSTEM, check)
        else:
            actions.receive_check(SYSTEM, check, found.items, found.cursor, found.note)


@on(MentionsReceived, name="listening.tell_staff", outside=True)
def tell_staff(fact: MentionsReceived, delivery: Delivery) -> None:
    """Whoever has the inbox open sees that something came in."""
    live.publish(["staff"], {"type": "listening.received", "count": fact.count})


# --- HTML ---


@on(MentionsReceived, name="listening.check_html", outside=True)
def check_html(fact: MentionsReceived, delivery: Delivery) -> None:
    """The second sanitiser takes its time, so it works outside of transactions, in small shares."""
    check_waiting_html()


@every(timedelta(minutes=10), name="listening.check_html")
def check_waiting_html() -> None:
    """Give every mention whose HTML one parser has seen to the other."""
    while True:
        with reading():
            waiting = queries.unchecked_html()
        if not waiting:
            return
        checked = {mention_id: (html, second_pass(html)) for mention_id, html in waiting}
        with writing():
            actions.keep_checked_html(SYSTEM, checked)


@every(timedelta(hours=12), name="listening.sweep")
def forget_old_things() -> None:
    """Deliveries of webhooks are remembered for a week, files that nobody took in for a day."""
    with writing():
        actions.sweep_deliveries(SYSTEM)
        actions.sweep_files(SYSTEM)


@files.holder
def holds_file(key: str) -> bool:
    """Whether a stored file waits to be taken in."""
    return queries.holds_file(key)


# --- replies ---


@on(ReplyApproved, name="listening.send_reply", outside=True)
def send_reply(fact: ReplyApproved, delivery: Delivery) -> None:
    """Store that the call begins, call, store how it ended: three steps, so that a crash is seen."""
    with writing():
        errand = actions.begin_sending(SYSTEM, fact.reply_id)
    if errand is None:
        return
    outcome = reply.send(errand.address, errand.secret, errand.letter, clock.now())
    with writing():
        actions.note_outcome(SYSTEM, errand.reply_id, outcome)


@on(AnswerAccepted, name="listening.draft_answer")
def draft_answer(fact: AnswerAccepted, delivery: Delivery) -> None:
    """A thread from outside has its answer: prepare to tell whoever asked. Only what is public goes out."""
    thread, post = db.session.get(Thread, fact.thread_id), db.session.get(Post, fact.post_id)
    mention = queries.mention_of_thread(fact.thread_id)
    if mention is None or thread is None or post is None or not _is_public(thread, post):
        return
    if people.of_kind([mention.person_id or 0], MEMBER):
        return  # members hear it here
    body = _answer_words(thread, post, mention.author_name)
    key = f"answer:{thread.id}"
    known = queries.reply_of_key(key)
    if known is not None:
        actions.redraft_reply(SYSTEM, known, body)
        return
    actions.draft_reply(SYSTEM, mention=mention, person_id=mention.person_id, key=key, body=body)


def _is_public(thread: Thread, post: Post) -> bool:
    return thread.access == PUBLIC and thread.deleted_at is None and post.deleted_at is None


def _answer_words(thread: Thread, post: Post, name: str) -> str:
    greeting = _("Hello %(name)s,", name=name) if name else _("Hello,")
    news = _("there is an answer to your question “%(title)s”:", title=thread.title)
    return (
        f"{greeting}\n{news}\n\n{excerpt(post.html, 600)}\n\n{settings().site_url}{post_path(thread, post)}"
    )


@on(AnswerUnaccepted, name="listening.drop_answer")
def drop_answer(fact: AnswerUnaccepted, delivery: Delivery) -> None:
    """The answer is none any more: a draft that speaks of it goes."""
    known = queries.reply_of_key(f"answer:{fact.thread_id}")
    if known is not None and known.state == DRAFT:
        actions.discard_reply(SYSTEM, known)


# --- a person's own data ---


@export_section("listening.posts")
def exported_posts(person_id: int) -> Iterable[dict[str, Any]]:
    """What somebody wrote outside and came in here."""
    for mention in queries.mentions_by_person(person_id):
        yield {
            "url": mention.url,
            "title": mention.title,
            "text": mention.text,
            "published_at": mention.published_at.isoformat(),
            "received_at": mention.received_at.isoformat(),
        }


@export_section("listening.replies")
def exported_replies(person_id: int) -> Iterable[dict[str, Any]]:
    """What was written to somebody outside."""
    for sent in queries.replies_to_person(person_id):
        yield {"state": sent.state, "body": sent.body, "drafted_at": sent.drafted_at.isoformat()}


@on_removal("listening")
def forget_author(person_id: int) -> None:
    """Names and addresses of a removed account go from what came from outside."""
    actions.forget_author(SYSTEM, person_id)


@on_merging("listening", order=30)
def merge_person(person_id: int, member_id: int) -> None:
    """What somebody wrote outside is the member's they turned out to be."""
    actions.move_mentions(SYSTEM, person_id, member_id)
