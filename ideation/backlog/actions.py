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
from ideation.backlog.events import BacklogItemAdded, BacklogItemDone, BacklogItemReopened
from ideation.backlog.models import BacklogItem, BacklogItemChange
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
    if not _set_done(actor, item, is_done=True):
        raise Conflict(_("This work is done already."))
    touch(idea.thread_id)
    record(BacklogItemDone(item.id, idea.id), actor=actor)


def reopen_item(actor: Viewer, item: BacklogItem, reason: str) -> None:
    """It is not done after all; its history says why. Raises Conflict when it was not called done."""
    require(policy.may_triage(actor))
    idea = lock(item.idea_id)
    if not _set_done(actor, item, is_done=False, reason=reason):
        raise Conflict(_("This work is not done yet."))
    touch(idea.thread_id)
    record(BacklogItemReopened(item.id, idea.id), actor=actor)


def _set_done(actor: Viewer, item: BacklogItem, *, is_done: bool, reason: str = "") -> bool:
    """Change it, with a line in its history; False when it stood so already."""
    moment = clock.now()
    stands = BacklogItem.done_at.is_(None) if is_done else BacklogItem.done_at.is_not(None)
    change = sa.update(BacklogItem).where(BacklogItem.id == item.id, stands)
    change = change.values(done_at=moment if is_done else None)
    if db.session.execute(change.returning(BacklogItem.id)).first() is None:
        return False
    line = {"item_id": item.id, "is_done": is_done, "reason": reason, "at": moment, "by_id": actor.id}
    db.session.execute(sa.insert(BacklogItemChange).values(**line))
    return True
