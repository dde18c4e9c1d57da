"""A reply on its way: its state is stored before the call, so that one cut off in the middle is known."""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import require
from core.outbox import record
from core.site import site
from core.viewer import Viewer
from listening import policy, queries
from listening.connectors.reply import Letter, Outcome
from listening.events import ReplyBecameUncertain, ReplyDelivered, ReplyDiscarded, ReplyFailed
from listening.models import (
    APPROVED,
    DELIVERED,
    DISCARDED,
    FAILED,
    SENDING,
    UNKNOWN,
    Mention,
    OutsideReply,
    Source,
)


@dataclass(frozen=True, slots=True)
class Errand:
    """A call that is about to be made."""

    reply_id: int
    address: str
    secret: str
    letter: Letter


def begin_sending(actor: Viewer, reply_id: int) -> Errand | None:
    """Store that the call is about to be made; the caller commits this before it calls.

    None when there is nothing to call: not approved now, posted by hand, or the person wishes no contact.
    A reply found on its way already was cut off in mid-call: it becomes uncertain, for a person to decide.
    """
    require(policy.may_send(actor))
    reply = _held(reply_id)
    if reply is None:
        return None
    if reply.state == SENDING:
        message = _("The call was cut off in the middle. Nobody can tell whether the reply arrived.")
        _end(actor, reply, Outcome(UNKNOWN, message))
        return None
    source = _source_of(reply)
    if reply.state != APPROVED or not source.reply_url or _was_refused(actor, reply):
        return None
    reply.state, reply.sending_at = SENDING, clock.now()
    db.session.flush()
    return Errand(reply.id, source.reply_url, source.secret, _letter(reply))


def _held(reply_id: int) -> OutsideReply | None:
    statement = sa.select(OutsideReply).where(OutsideReply.id == reply_id).with_for_update()
    return db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()


def _source_of(reply: OutsideReply) -> Source:
    mention = db.session.get_one(Mention, reply.mention_id)
    return db.session.get_one(Source, mention.source_id)


def _was_refused(actor: Viewer, reply: OutsideReply) -> bool:
    """The wish may have been noted after the approval: it still holds."""
    if queries.is_contactable(reply.person_id):
        return False
    reply.state = DISCARDED
    db.session.flush()
    record(ReplyDiscarded(reply.id, reply.mention_id), actor=actor)
    return True


def _letter(reply: OutsideReply) -> Letter:
    """The id names the reply and its words: a repeat of both can be passed over, new words cannot."""
    mention = db.session.get_one(Mention, reply.mention_id)
    body = queries.text_to_send(reply)
    words = hashlib.sha256(body.encode()).hexdigest()[:16]
    return Letter(
        id=f"reply-{reply.id}-{words}",
        in_reply_to=mention.external_id,
        url=mention.url,
        author=site().name,
        body=body,
    )


def note_outcome(actor: Viewer, reply_id: int, outcome: Outcome) -> None:
    """Store how the call ended, unless a person has decided meanwhile."""
    require(policy.may_send(actor))
    reply = _held(reply_id)
    if reply is not None and reply.state in (SENDING, UNKNOWN):
        _end(actor, reply, outcome)


def _end(actor: Viewer, reply: OutsideReply, outcome: Outcome) -> None:
    facts = {DELIVERED: ReplyDelivered, FAILED: ReplyFailed, UNKNOWN: ReplyBecameUncertain}
    reply.state, reply.error = outcome.state, outcome.error[:500]
    if outcome.state == DELIVERED:
        reply.delivered_at, reply.delivered_url = clock.now(), outcome.url
    db.session.flush()
    record(facts[outcome.state](reply.id, reply.mention_id), actor=actor)
