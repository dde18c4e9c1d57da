"""Flags by members, and cases (escalations) that the company's staff must settle."""

from datetime import timedelta

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Conflict, require
from core.outbox import record
from core.text import Rendered
from core.viewer import Viewer
from forum import policy
from forum.actions.locking import lock, lock_post, thread_of
from forum.actions.posts import delete_post, reply
from forum.events import (
    EscalationClosed,
    EscalationHandedOver,
    EscalationOpened,
    EscalationTaken,
    FlagSettled,
    PostFlagged,
)
from forum.models import OPENING, Escalation, Flag, Post, Thread
from people.models import Person

AGREED, DECLINED = "agreed", "declined"


def flag_post(actor: Viewer, post: Post, reason: str, note: str = "") -> Flag:
    """Ask for a moderator's eye. A second flag by the same member on the same post is the first one."""
    require(policy.may_flag(actor, post))
    thread, post = lock_post(post)
    mine = sa.select(Flag).where(Flag.post_id == post.id, Flag.reporter_id == actor.id)
    found = db.session.execute(mine).scalar_one_or_none()
    if found is not None:
        return found
    flag = Flag(post_id=post.id, reporter_id=actor.id, reason=reason, note=note, at=clock.now(), outcome="")
    db.session.add(flag)
    db.session.flush()
    record(PostFlagged(thread.id, post.id, flag.id), actor=actor)
    return flag


def settle_flags(actor: Viewer, post: Post, outcome: str) -> int:
    """Answer every open flag of a post: `agreed` or `declined`. Returns how many there were."""
    require(policy.may_settle_flags(actor))
    thread, post = lock_post(post)
    statement = (
        sa.update(Flag)
        .where(Flag.post_id == post.id, Flag.settled_at.is_(None))
        .values(settled_at=clock.now(), settled_by_id=actor.id, outcome=outcome)
        .returning(Flag.id)
    )
    ids = tuple(sorted(db.session.execute(statement).scalars()))
    if ids:
        record(FlagSettled(thread.id, post.id, ids, outcome), actor=actor)
    return len(ids)


def agree_with_flags(actor: Viewer, post: Post, reason: str = "") -> None:
    """The flags are right: settle them and take the post (not a whole thread) out of sight."""
    require(policy.may_settle_flags(actor))
    settle_flags(actor, post, AGREED)
    if post.kind != OPENING and post.deleted_at is None:
        delete_post(actor, post, reason)


def escalate(actor: Viewer, post: Post, reason: str, hours: int) -> Escalation:
    """Open a case on a post, due in `hours`; the thread is marked as needing staff. One open case a post."""
    require(policy.may_work_on(actor, thread_of(post)))
    thread, post = lock_post(post)
    if _open_case(post.id) is not None:
        raise Conflict(_("There is already an open case on this post."))
    moment = clock.now()
    case = Escalation(
        post_id=post.id,
        thread_id=thread.id,
        reason=reason,
        opened_at=moment,
        opened_by_id=actor.id,
        due_at=moment + timedelta(hours=hours),
        outcome="",
    )
    db.session.add(case)
    thread.needs_staff_at = thread.needs_staff_at or moment
    db.session.flush()
    record(EscalationOpened(thread.id, post.id, case.id), actor=actor)
    return case


def _open_case(post_id: int) -> int | None:
    statement = sa.select(Escalation.id).where(Escalation.post_id == post_id, Escalation.closed_at.is_(None))
    return db.session.execute(statement).scalar()


def take_escalation(actor: Viewer, escalation: Escalation) -> None:
    """Become its owner; never two people on one case. Raises Conflict naming whoever was faster."""
    require(policy.may_take_escalation(actor))
    _hold(escalation)
    if escalation.owner_id == actor.id:
        return
    if escalation.owner_id is not None:
        owner = db.session.get_one(Person, escalation.owner_id)
        raise Conflict(_("%(name)s has taken this case already.", name=owner.name))
    escalation.owner_id, escalation.taken_at = actor.id, clock.now()
    record(EscalationTaken(escalation.thread_id, escalation.id, escalation.owner_id or 0), actor=actor)


def hand_over_escalation(actor: Viewer, escalation: Escalation, owner_id: int | None) -> None:
    """Give a case to a colleague, or (None) back to the queue. The caller knows that the owner is staff."""
    require(policy.may_hand_over_escalation(actor, escalation))
    _hold(escalation)
    if escalation.owner_id == owner_id:
        return
    escalation.owner_id = owner_id
    escalation.taken_at = clock.now() if owner_id else None
    record(EscalationHandedOver(escalation.thread_id, escalation.id, owner_id), actor=actor)


def close_escalation(actor: Viewer, escalation: Escalation, outcome: Rendered) -> Post | None:
    """Settle a case. The outcome is posted back as a reply; None when the thread is gone by now."""
    require(policy.may_close_escalation(actor, escalation))
    thread = _hold(escalation)
    moment = clock.now()
    escalation.closed_at, escalation.closed_by_id, escalation.outcome = (
        moment,
        actor.id,
        outcome.source[:1000],
    )
    escalation.owner_id = escalation.owner_id or actor.id
    escalation.taken_at = escalation.taken_at or moment
    db.session.flush()
    if not _has_open_case(thread.id):
        thread.needs_staff_at = None
    record(EscalationClosed(thread.id, escalation.id), actor=actor)
    if thread.deleted_at is not None:
        return None
    post = db.session.get_one(Post, escalation.post_id)
    return reply(actor, thread, outcome, reply_to=post, as_comment=post.kind != OPENING)


def _hold(escalation: Escalation) -> Thread:
    """Lock the case by its thread. Raises Conflict when it was closed in the meantime."""
    thread = lock(escalation.thread_id)
    db.session.refresh(escalation)
    if escalation.closed_at is not None:
        closer = db.session.get(Person, escalation.closed_by_id or 0)
        if closer is None:
            raise Conflict(_("This case is closed already."))
        raise Conflict(_("%(name)s has settled this case already.", name=closer.name))
    return thread


def _has_open_case(thread_id: int) -> bool:
    statement = sa.select(Escalation.id).where(
        Escalation.thread_id == thread_id, Escalation.closed_at.is_(None)
    )
    return db.session.execute(statement.limit(1)).first() is not None
