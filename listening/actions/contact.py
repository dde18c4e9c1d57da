"""Wishes not to be contacted: once noted, nothing is drafted and nothing goes out."""

import sqlalchemy as sa

from core import clock
from core.db import db, insert_ignore
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from listening import policy, queries
from listening.actions.mentions import poster
from listening.events import ContactAllowed, ContactRefused, ReplyDiscarded
from listening.models import APPROVED, DISCARDED, DRAFT, FAILED, ContactRefusal, Mention, OutsideReply


def refuse_contact(actor: Viewer, person_id: int, note: str = "", *, is_proven: bool = False) -> None:
    """Note the wish and drop every reply that has not gone out. `is_proven`: by their own signed link."""
    require(policy.may_record_refusal(actor, is_proven))
    if queries.contact_refusal(person_id) is not None:
        return
    row = {"person_id": person_id, "at": clock.now(), "recorded_by_id": actor.id, "note": note[:300]}
    insert_ignore(ContactRefusal.__table__, [row])
    record(ContactRefused(person_id), actor=actor)
    _discard_pending(actor, person_id)


def refuse_contact_of(actor: Viewer, mention: Mention, note: str = "") -> None:
    """Note the wish of whoever wrote this post outside."""
    require(policy.may_record_refusal(actor, is_proven=False))
    refuse_contact(actor, poster(actor, mention).id, note)


def _discard_pending(actor: Viewer, person_id: int) -> None:
    """What is in mid-call cannot be called back; everything before that can."""
    dropped = db.session.execute(
        sa.update(OutsideReply)
        .where(OutsideReply.person_id == person_id, OutsideReply.state.in_((DRAFT, APPROVED, FAILED)))
        .values(state=DISCARDED)
        .returning(OutsideReply.id, OutsideReply.mention_id)
    ).all()
    record(*[ReplyDiscarded(row.id, row.mention_id) for row in dropped], actor=actor)


def allow_contact(actor: Viewer, person_id: int) -> None:
    """Take a noted wish back. Replies that were dropped stay dropped; they can be brought back one by one."""
    require(policy.may_lift_refusal(actor))
    gone = db.session.execute(
        sa.delete(ContactRefusal)
        .where(ContactRefusal.person_id == person_id)
        .returning(ContactRefusal.person_id)
        .execution_options(synchronize_session="fetch")
    ).first()
    if gone:
        record(ContactAllowed(person_id), actor=actor)
