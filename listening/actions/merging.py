"""Whose words from outside they are: when their writer turns out to be a member."""

import sqlalchemy as sa

from core.db import db
from core.errors import require
from core.viewer import Viewer
from listening import policy
from listening.models import ContactRefusal, Mention, OutsideReply


def move_mentions(actor: Viewer, person_id: int, member_id: int) -> None:
    """Posts, replies, and a wish not to be contacted, of `person_id` are those of `member_id` from now on."""
    require(policy.may_move_mentions(actor))
    for table in (Mention, OutsideReply):
        moved = sa.update(table).where(table.person_id == person_id).values(person_id=member_id)
        db.session.execute(moved.execution_options(synchronize_session="fetch"))
    refused = sa.exists().where(ContactRefusal.person_id == member_id)
    theirs = ContactRefusal.person_id == person_id
    moved = sa.update(ContactRefusal).where(theirs, ~refused.correlate(None)).values(person_id=member_id)
    db.session.execute(moved.execution_options(synchronize_session=False))
    db.session.execute(sa.delete(ContactRefusal).where(theirs).execution_options(synchronize_session=False))
    db.session.expire_all()
