"""Accounts that others make, and what reputation writes onto them."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from core.db import db
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from people import passwords, policy
from people.accounts import add_member, give_roles
from people.events import PersonRegistered
from people.models import Person


def create_person(
    actor: Viewer,
    *,
    name: str,
    handle: str,
    email: str | None,
    password: str | None = None,
    roles: Iterable[str] = ("customer",),
    confirmed: bool = True,
    created_at: datetime | None = None,
) -> Person:
    """An account made by the system or an owner. Raises Refused when handle or address is taken."""
    require(policy.may_create_person(actor))
    password_hash = passwords.hash_of(password) if password else None
    person = add_member(
        name=name,
        handle=handle,
        email=email,
        password_hash=password_hash,
        confirmed=confirmed,
        created_at=created_at,
    )
    give_roles(person, roles, by=actor)
    record(PersonRegistered(person.id), actor=actor)
    return person


def set_standing(actor: Viewer, person_id: int, points: int, level: int) -> None:
    """Copy points and level from the ledger onto the person."""
    require(policy.may_set_standing(actor))
    db.session.execute(sa.update(Person).where(Person.id == person_id).values(points=points, level=level))
