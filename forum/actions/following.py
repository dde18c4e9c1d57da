"""Following threads: who hears of what comes next."""

import sqlalchemy as sa

from core import clock
from core.db import db, insert_ignore, upsert
from core.errors import require
from core.viewer import Viewer
from forum import policy
from forum.models import Follow, Thread


def follow(actor: Viewer, thread: Thread) -> None:
    """Hear of every reply; ends a mute."""
    require(policy.may_follow(actor, thread))
    _set(actor, thread, muted=False)


def mute(actor: Viewer, thread: Thread) -> None:
    """Hear nothing of it any more, not even after replying again."""
    require(policy.may_follow(actor, thread))
    _set(actor, thread, muted=True)


def _set(actor: Viewer, thread: Thread, *, muted: bool) -> None:
    moment = clock.now()
    change = {"reason": "chosen", "muted_at": moment if muted else None}
    row = {"person_id": actor.id, "thread_id": thread.id, "at": moment} | change
    upsert(Follow.__table__, row, key=["person_id", "thread_id"], change=change)


def unfollow(actor: Viewer, thread: Thread) -> None:
    """Stop hearing of it until one takes part again."""
    require(policy.may_follow(actor, thread))
    mine = sa.and_(Follow.person_id == actor.id, Follow.thread_id == thread.id)
    db.session.execute(sa.delete(Follow).where(mine))


def follow_for(actor: Viewer, person_id: int, thread_id: int, reason: str) -> None:
    """Let a person follow because of what they did; whoever follows or muted already is left as they are.

    `reason` is author, reply, vote or chosen.
    """
    require(policy.may_follow_for(actor, person_id))
    remember_follow(person_id, thread_id, reason)


def remember_follow(person_id: int, thread_id: int, reason: str) -> None:
    """The row itself, for actions that have asked their own rule."""
    row = {
        "person_id": person_id,
        "thread_id": thread_id,
        "reason": reason,
        "at": clock.now(),
        "muted_at": None,
    }
    insert_ignore(Follow.__table__, [row])
