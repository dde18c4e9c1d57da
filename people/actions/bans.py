"""Shutting somebody out for a time, and letting them in again."""

import logging
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.viewer import Viewer
from people import policy, queries, sessions
from people.events import BanLifted, PersonBanned
from people.models import Ban, Person

log = logging.getLogger("fullcircle.audit")


def ban(actor: Viewer, person: Person, reason: str, until: datetime) -> Ban:
    """Shut somebody out until a moment; their sessions end at once and no way of signing in lets them past."""
    require(policy.may_ban(actor, person, queries.roles_of(person.id)))
    if until <= clock.now():
        raise Refused(fields={"until": _("Please choose a day after today, within ten years.")})
    if queries.current_ban(person.id) is not None:
        raise Refused(_("This account is shut out already. Let it in again first, to choose another end."))
    row = Ban(person_id=person.id, reason=reason, banned_at=clock.now(), banned_by_id=actor.id, until=until)
    db.session.add(row)
    person.banned_until = until
    db.session.flush()
    sessions.end_all(actor, person.id, "banned")
    record(PersonBanned(person.id, row.id), actor=actor)
    log.info("banned by %s", actor.id, extra={"event": "banned", "person": person.id})
    return row


def lift_ban(actor: Viewer, person: Person) -> None:
    """Let somebody in again; the row stays, with who lifted it."""
    require(policy.may_lift_ban(actor, queries.roles_of(person.id)))
    current = queries.current_ban(person.id)
    if current is None:
        raise Refused(_("This account is not shut out."))
    db.session.execute(
        sa.update(Ban)
        .where(Ban.person_id == person.id, Ban.lifted_at.is_(None))
        .values(lifted_at=clock.now(), lifted_by_id=actor.id)
    )
    person.banned_until = None
    record(BanLifted(person.id, current.id), actor=actor)
    log.info("ban lifted by %s", actor.id, extra={"event": "ban_lifted", "person": person.id})
