"""Removing an account: what the person wrote stays, without their name; what is theirs alone goes."""

import logging
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import after_commit, db
from core.errors import Refused, require
from core.outbox import record
from core.viewer import Viewer
from people import passwords, policy, portability, queries, sessions
from people.actions.profile import forget_picture
from people.actions.roles import require_another_owner
from people.actions.signing_in import require_fresh
from people.events import PersonRemoved
from people.forms import Again
from people.models import REMOVED, Invitation, LinkedIdentity, MailToken, Person, RoleGrant

REMOVED_NAME: Final = "Removed person"
log = logging.getLogger("fullcircle.audit")


def remove_own_account(actor: Viewer, form: Again) -> None:
    """Leave for good; the password is needed."""
    require(policy.may_use_settings(actor))
    found = queries.credentials_of(actor.id or 0)
    if found is None or not passwords.matches(found.password_hash, form.password):
        log.warning("removal refused", extra={"event": "removal_refused", "person": actor.id})
        raise Refused(fields={"password": _("This is not your password.")})
    remove_account(actor, queries.person(found.person_id))


def remove_account(actor: Viewer, person: Person) -> None:
    """Anonymise an account, end its sessions and links, and let every feature forget what is the person's alone."""
    roles = queries.roles_of(person.id)
    require(policy.may_remove_account(actor, person, roles))
    require_fresh(actor)
    if person.kind == REMOVED:
        return
    if "owner" in roles:
        require_another_owner(person)
    sessions.end_all(actor, person.id, "removed")
    portability.forget(person.id)
    _delete_rows(person)
    _anonymise(person)
    record(PersonRemoved(person.id), actor=actor)
    log.info("account removed by %s", actor.id, extra={"event": "account_removed", "person": person.id})


def _delete_rows(person: Person) -> None:
    """Everything that only served the person. Bans stay: they are the moderators' record."""
    for table in (RoleGrant, MailToken, LinkedIdentity):
        db.session.execute(sa.delete(table).where(table.person_id == person.id))
    db.session.execute(sa.update(Invitation).where(Invitation.accepted_by_id == person.id).values(email=""))
    were_theirs = sa.update(Person).where(Person.merged_into_id == person.id)
    nameless = sa.literal("removed-") + sa.cast(Person.id, sa.String)
    db.session.execute(were_theirs.values(handle=nameless, merged_into_id=None))


def _anonymise(person: Person) -> None:
    """The origin's key stays, so that a repeated import does not bring the person back."""
    picture = person.avatar_key
    if picture:
        after_commit(lambda: forget_picture(picture))
    person.kind, person.removed_at = REMOVED, clock.now()
    person.name, person.handle = REMOVED_NAME, f"removed-{person.id}"
    person.email = person.email_confirmed_at = person.password_hash = person.seen_at = person.banned_until = (
        None
    )
    for column in (
        "bio_source",
        "bio_html",
        "location",
        "website",
        "company",
        "avatar_key",
        "locale",
        "timezone",
        "theme",
    ):
        setattr(person, column, "")
    person.points = person.level = 0
    db.session.flush()
