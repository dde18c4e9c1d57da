"""Every write in the backlog."""

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Conflict, require
from core.outbox import record
from core.viewer import Viewer
from ideation import policy
from ideation.actions.locking import lock, touch
from ideation.backlog.events import BacklogItemAdded, BacklogItemDone
from ideation.backlog.models import BacklogItem
from ideation.models import Idea


def add_item(actor: Viewer, idea: Idea, *, title: str, tracker_url: str = "") -> BacklogItem:
    """Note the work an idea became, with its address in the team's tracker."""
    require(policy.may_triage(actor))
    item = BacklogItem(
        idea_id=idea.id, title=title, tracker_url=tracker_url, created_at=clock.now(), created_by_id=actor.id
    )
    db.session.add(item)
    db.session.flush()
    touch(idea.thread_id)
    record(BacklogItemAdded(item.id, idea.id), actor=actor)
    return item


def finish_item(actor: Viewer, item: BacklogItem) -> None:
    """The tracker says done. That is not shipped: a release is. Raises Conflict when it was done before."""
    require(policy.may_triage(actor))
    idea = lock(item.idea_id)
    is_open = sa.and_(BacklogItem.id == item.id, BacklogItem.done_at.is_(None))
    change = sa.update(BacklogItem).where(is_open).values(done_at=clock.now()).returning(BacklogItem.id)
    if db.session.execute(change).first() is None:
        raise Conflict(_("This work is done already."))
    touch(idea.thread_id)
    record(BacklogItemDone(item.id, idea.id), actor=actor)
