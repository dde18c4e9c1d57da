"""Every read of the backlog."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from ideation.backlog.models import BacklogItem


def item(item_id: int) -> BacklogItem:
    """One item."""
    found = db.session.get(BacklogItem, item_id)
    if found is None:
        raise NotFound
    return found


def items_of(idea_ids: Collection[int]) -> Sequence[BacklogItem]:
    """The items of these ideas, oldest first."""
    statement = sa.select(BacklogItem).where(BacklogItem.idea_id.in_(list(idea_ids))).order_by(BacklogItem.id)
    return db.session.execute(statement).scalars().all()
