"""Replies to outside: drafted, approved by a person or dropped, and what a person decides afterwards."""

from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import clock
from core.db import db, insert_ignore
from core.errors import Conflict, Refused, require
from core.outbox import record
from core.viewer import Viewer
from listening import policy, queries
from listening.actions.mentions import poster
from listening.connectors.item import prose, safe_link
from listening.events import ReplyApproved, ReplyDelivered, ReplyDiscarded, ReplyDrafted
from listening.models import (
    APPROVED,
    DELIVERED,
    DISCARDED,
    DRAFT,
    FAILED,
    HANDLED,
    NEW,
    SENDING,
    UNKNOWN,
    Mention,
    OutsideReply,
    Source,
)

MAX_REPLY: Final = 5000
_WORDS: Final = {
    DRAFT: _l("This reply waits for approval."),
    APPROVED: _l("This reply was approved meanwhile."),
    SENDING: _l("This reply is on its way."),
    DELIVERED: _l("This reply has been delivered."),
    UNKNOWN: _l("Nobody can tell whether this reply arrived; somebody must decide."),
    FAILED: _l("This reply could not be delivered."),
    DISCARDED: _l("This reply was dropped meanwhile."),
}


def draft_reply(
    actor: Viewer, *, mention: Mention, person_id: int | None, key: str, body: str
) -> OutsideReply | None:
    """Draft an answer for an outside person, one for each `key`; it goes out only when somebody approves it.

    Returns None when the person wishes no contact, and the reply that is there already when the key is known.
    """
    require(policy.may_draft_reply(actor))
    if not queries.is_contactable(person_id):
        return None
    known = queries.reply_of_key(key)
    if known is not None:
        return known
    row = {
        "mention_id": mention.id,
        "person_id": person_id,
        "key": key,
        "body": prose(body, MAX_REPLY),
        "state": DRAFT,
        "drafted_at": clock.now(),
        "drafted_by_id": actor.id,
    }
    insert_ignore(OutsideReply.__table__, [row])
    drafted = queries.reply_of_key(key)
    if drafted is not None:
        record(ReplyDrafted(drafted.id, mention.id), actor=actor)
    return drafted


def write_reply(actor: Viewer, mention: Mention, body: str) -> OutsideReply:
    """A person's own draft, in answer to a mention. Raises Refused when its writer wishes no contact."""
    require(policy.may_draft_reply(actor))
    person = poster(actor, mention)
    count = sa.select(sa.func.count()).where(OutsideReply.mention_id == mention.id)
    number = int(db.session.execute(count).scalar_one()) + 1
    key = f"mention:{mention.id}:{number}"
    if queries.reply_of_key(key) is not None:
        raise Conflict(_("Somebody else has just drafted a reply to this post."))
    found = draft_reply(actor, mention=mention, person_id=person.id, key=key, body=body)
    if found is None:
        raise Refused(_("This person wishes no contact: nothing can be sent to them."))
    return found


def redraft_reply(actor: Viewer, reply: OutsideReply, body: str) -> None:
    """New words for a draft whose occasion has changed; a dropped one comes back, one that went out stays."""
    require(policy.may_draft_reply(actor))
    if reply.state in (DRAFT, DISCARDED) and queries.is_contactable(reply.person_id):
        _move(reply, (DRAFT, DISCARDED), DRAFT, body=prose(body, MAX_REPLY), drafted_at=clock.now())
        record(ReplyDrafted(reply.id, reply.mention_id), actor=actor)


def edit_reply(actor: Viewer, reply: OutsideReply, body: str) -> None:
    """Change the words while they have not gone out. Raises Conflict when they have."""
    require(policy.may_draft_reply(actor))
    _move(reply, (DRAFT, FAILED), DRAFT, body=_checked(body), error="")


def _checked(body: str) -> str:
    if len(body) > MAX_REPLY:
        message = _("A reply may have %(number)s characters at most.", number=MAX_REPLY)
        raise Refused(message, fields={"body": message})
    text = prose(body, MAX_REPLY)
    if not text:
        raise Refused(_("There are no words in this reply."), fields={"body": _("Please fill this in.")})
    return text


def approve_reply(actor: Viewer, reply: OutsideReply, body: str | None = None) -> None:
    """Let it go out, with last changes to its words. Some channels need somebody to post it by hand then.

    Raises Refused when the person wishes no contact, Conflict when it is no draft any more.
    """
    require(policy.may_approve_reply(actor))
    _require_contactable(reply)
    words = {} if body is None else {"body": _checked(body)}
    approval = {"approved_at": clock.now(), "approved_by_id": actor.id, "error": ""}
    _move(reply, (DRAFT,), APPROVED, **words, **approval)
    _mark_answered(actor, reply)
    record(ReplyApproved(reply.id, reply.mention_id), actor=actor)


def _mark_answered(actor: Viewer, reply: OutsideReply) -> None:
    """A post that is answered waits for nobody any more."""
    db.session.execute(
        sa.update(Mention)
        .where(Mention.id == reply.mention_id, Mention.state == NEW)
        .values(state=HANDLED, handled_at=clock.now(), handled_by_id=actor.id)
    )


def send_again(actor: Viewer, reply: OutsideReply) -> None:
    """Try once more: after a failure, or where nobody can tell and a repeat does no harm."""
    require(policy.may_send_again(actor, reply))
    _require_contactable(reply)
    state = UNKNOWN if reply.state == UNKNOWN else FAILED
    _move(reply, (state,), APPROVED, approved_at=clock.now(), approved_by_id=actor.id, error="")
    record(ReplyApproved(reply.id, reply.mention_id), actor=actor)


def _require_contactable(reply: OutsideReply) -> None:
    if not queries.is_contactable(reply.person_id):
        raise Refused(_("This person wishes no contact: nothing can be sent to them."))


def discard_reply(actor: Viewer, reply: OutsideReply) -> None:
    """Drop it. Raises Conflict when it is on its way or has arrived."""
    require(policy.may_draft_reply(actor))
    _move(reply, (DRAFT, APPROVED, FAILED), DISCARDED)
    record(ReplyDiscarded(reply.id, reply.mention_id), actor=actor)


def restore_reply(actor: Viewer, reply: OutsideReply) -> None:
    """Bring a dropped reply back as a draft. Raises Refused when the person wishes no contact."""
    require(policy.may_draft_reply(actor))
    _require_contactable(reply)
    _move(reply, (DISCARDED,), DRAFT, error="")
    record(ReplyDrafted(reply.id, reply.mention_id), actor=actor)


def confirm_posted(actor: Viewer, reply: OutsideReply, url: str) -> None:
    """Somebody posted it by hand; `url` is where it stands. Raises Refused for a channel that is called."""
    require(policy.may_approve_reply(actor))
    if _source_of(reply).reply_url:
        raise Refused(_("This channel takes replies by itself; nobody needs to post it by hand."))
    link = safe_link(url)
    if not link:
        message = _("Please give the reply's address; it begins with https:// or http://.")
        raise Refused(message, fields={"url": message})
    _move(reply, (APPROVED,), DELIVERED, delivered_at=clock.now(), delivered_url=link, error="")
    record(ReplyDelivered(reply.id, reply.mention_id), actor=actor)


def settle_unknown(actor: Viewer, reply: OutsideReply, *, arrived: bool, url: str = "") -> None:
    """Decide what an attempt cut off in mid-call came to: it arrived, or it did not and counts as failed."""
    require(policy.may_settle_reply(actor))
    if not arrived:
        _move(reply, (UNKNOWN,), FAILED, error=_("Somebody looked: it did not arrive."))
        return
    _move(reply, (UNKNOWN,), DELIVERED, delivered_at=clock.now(), delivered_url=safe_link(url), error="")
    record(ReplyDelivered(reply.id, reply.mention_id), actor=actor)


def _source_of(reply: OutsideReply) -> Source:
    mention = db.session.get_one(Mention, reply.mention_id)
    return db.session.get_one(Source, mention.source_id)


def _move(reply: OutsideReply, states: tuple[str, ...], state: str, **values: Any) -> None:
    """Change the state if it still is one of `states`: of two people one is told. Raises Conflict."""
    changed = db.session.execute(
        sa.update(OutsideReply)
        .where(OutsideReply.id == reply.id, OutsideReply.state.in_(states))
        .values(state=state, **values)
        .returning(OutsideReply.id)
        .execution_options(synchronize_session=False)
    ).first()
    db.session.refresh(reply)
    if changed is None:
        raise Conflict(str(_WORDS[reply.state]))
