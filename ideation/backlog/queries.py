"""Every read of the backlog."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.models import Thread
from ideation.backlog.models import BacklogItem, BacklogItemChange
from ideation.models import Idea
from ideation.visibility import visible_ideas
from people.queries import PersonCard, cards


@dataclass(frozen=True, slots=True)
class Change:
    """Work was called done, or not done after all and why."""

    is_done: bool
    reason: str
    at: datetime
    by: PersonCard | None


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


def changes_of(item_ids: Collection[int]) -> Mapping[int, Sequence[Change]]:
    """The history of these items, oldest first, for those who triage; in two statements."""
    found: dict[int, list[Change]] = defaultdict(list)
    if not item_ids:
        return found
    statement = sa.select(BacklogItemChange).where(BacklogItemChange.item_id.in_(list(item_ids)))
    rows = db.session.execute(statement.order_by(BacklogItemChange.id)).scalars().all()
    people = cards(row.by_id for row in rows)
    for row in rows:
        found[row.item_id].append(Change(row.is_done, row.reason, row.at, people.get(row.by_id)))
    return found
