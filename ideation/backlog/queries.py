"""Every read of the backlog."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.models import Thread
from ideation.backlog.models import BacklogItem
from ideation.models import Idea
from ideation.visibility import visible_ideas


def item(viewer: Viewer, item_id: int) -> BacklogItem:
    """One item, if the viewer may see its idea. Raises NotFound."""
    statement = (
        sa.select(BacklogItem)
        .join(Idea, Idea.id == BacklogItem.idea_id)
        .join(Thread, Thread.id == Idea.thread_id)
        .where(BacklogItem.id == item_id, visible_ideas(viewer))
    )
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def items_of(idea_ids: Collection[int]) -> Sequence[BacklogItem]:
    """The items of these ideas, which are known to be visible, oldest first."""
    if not idea_ids:
        return []
    statement = sa.select(BacklogItem).where(BacklogItem.idea_id.in_(list(idea_ids))).order_by(BacklogItem.id)
    return db.session.execute(statement).scalars().all()
