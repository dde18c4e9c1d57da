"""Every write in the backlog."""

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.viewer import Viewer
from ideation import policy
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
    record(BacklogItemAdded(item.id, idea.id), actor=actor)
    return item


def finish_item(actor: Viewer, item: BacklogItem) -> None:
    """The tracker says done. That is not shipped: a release is."""
    require(policy.may_triage(actor))
    if item.done_at is not None:
        raise Refused("This item is done already.")
    item.done_at = clock.now()
    record(BacklogItemDone(item.id, item.idea_id), actor=actor)
