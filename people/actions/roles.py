"""Roles: who gave them, who took them away; the house always keeps an owner."""

import logging

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.viewer import ROLES, Viewer
from people import policy, queries, sessions
from people.actions.signing_in import require_fresh
from people.events import RolesChanged
from people.models import MEMBER, Person, RoleGrant

log = logging.getLogger("fullcircle.audit")


def grant_role(actor: Viewer, person: Person, role: str) -> None:
    """Give a role; giving it twice changes nothing."""
    require(policy.may_change_roles(actor, person))
    require_fresh(actor)
    if role not in ROLES:
        raise Refused(_("There is no role %(role)s.", role=role))
    if role in queries.roles_of(person.id):
        return
    db.session.add(RoleGrant(person_id=person.id, role=role, granted_at=clock.now(), granted_by_id=actor.id))
    _tell(actor, person, "granted", role)


def withdraw_role(actor: Viewer, person: Person, role: str) -> None:
    """Take a role away and end the person's sessions. Raises Refused for the last owner."""
    require(policy.may_change_roles(actor, person))
    require_fresh(actor)
    if role not in queries.roles_of(person.id):
        return
    if role == "owner":
        require_another_owner(person)
    db.session.execute(sa.delete(RoleGrant).where(RoleGrant.person_id == person.id, RoleGrant.role == role))
    sessions.end_all(actor, person.id, "role_lost", keep=actor.session_id)
    _tell(actor, person, "withdrawn", role)


def require_another_owner(person: Person) -> None:
    """Stop when nobody else owns the house. The rows are held, so that two owners cannot leave at once."""
    statement = (
        sa.select(RoleGrant.person_id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role == "owner", Person.kind == MEMBER)
        .order_by(RoleGrant.person_id)
        .with_for_update(of=RoleGrant)
    )
    if set(db.session.execute(statement).scalars()) <= {person.id}:
        raise Refused(_("This is the last owner. Give the role to somebody else first."))


def _tell(actor: Viewer, person: Person, what: str, role: str) -> None:
    db.session.flush()
    record(RolesChanged(person.id, tuple(sorted(queries.roles_of(person.id)))), actor=actor)
    log.info("role %s by %s: %s", what, actor.id, role, extra={"event": f"role_{what}", "person": person.id})
