"""Making accounts, whoever they are for: registration, invitations, first run, seeds and imports end here.

Nothing is asked here: these are the hands of the actions, which asked their policy.
"""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused
from core.search.words import fold
from core.viewer import ROLES, Viewer
from people import queries
from people.models import MEMBER, Person, RoleGrant

MAX_HANDLE: Final = 40
RESERVED: Final = frozenset(
    [
        "admin",
        "administrator",
        "moderator",
        "mod",
        "owner",
        "staff",
        "support",
        "system",
        "root",
        "help",
        "team",
        "all",
        "everyone",
        "here",
        "channel",
        "me",
        "you",
        "nobody",
        "anonymous",
        "removed",
        "fullcircle",
        "community",
        "official",
        "security",
        "abuse",
        "postmaster",
        "webmaster",
        "settings",
        "mentions",
    ]
)


def add_member(
    *,
    name: str,
    handle: str,
    email: str | None,
    password_hash: str | None,
    confirmed: bool,
    created_at: datetime | None = None,
) -> Person:
    """A member's row. An empty handle is made from the name. Raises Refused with the field that is taken."""
    moment = created_at or clock.now()
    person = Person(
        kind=MEMBER,
        name=name,
        handle=handle.lower() or free_handle(name),
        email=email.lower() if email else None,
        password_hash=password_hash,
        email_confirmed_at=moment if confirmed else None,
        created_at=moment,
    )
    try:
        with db.session.begin_nested():
            db.session.add(person)
    except sa.exc.IntegrityError:
        raise Refused(fields=_taken(email)) from None
    return person


def change_handle(person: Person, handle: str) -> None:
    """Give an account its handle. Raises Refused at the field `handle` when somebody has it."""
    try:
        with db.session.begin_nested():
            person.handle = handle.lower()
            db.session.flush()
    except sa.exc.IntegrityError:
        raise Refused(fields={"handle": _("This handle is taken.")}) from None


def _taken(email: str | None) -> dict[str, str]:
    if email and queries.by_email(email.lower()):
        return {"email": _("This address has an account already.")}
    return {"handle": _("This handle is taken.")}


def give_roles(person: Person, roles: Iterable[str], *, by: Viewer) -> None:
    """Roles of a new account. Raises Refused for a role that does not exist."""
    for role in dict.fromkeys(roles):
        if role not in ROLES:
            raise Refused(_("There is no role %(role)s.", role=role))
        db.session.add(RoleGrant(person_id=person.id, role=role, granted_at=clock.now(), granted_by_id=by.id))
    db.session.flush()


def free_handle(wanted: str) -> str:
    """A handle that nobody has, made from a name: plain letters, with a number behind it when taken."""
    base = _plain(wanted)[: MAX_HANDLE - 8].strip("-")
    if len(base) < 2 or base in RESERVED:
        base = f"member-{base}".strip("-")
    if not is_taken(base):
        return base
    for digits in (2, 2, 3, 3, 4, 6):
        candidate = f"{base}-{secrets.randbelow(10**digits):0{digits}d}"
        if not is_taken(candidate):
            return candidate
    return f"{base}-{secrets.token_hex(3)}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")


def is_taken(handle: str) -> bool:
    """Whether somebody has this handle, seen or unseen."""
    return db.session.execute(sa.select(Person.id).where(Person.handle == handle.lower())).first() is not None
