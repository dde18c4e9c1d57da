"""The first run: whoever reads the terminal becomes the owner, once and never again."""

import logging

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import NotFound, Refused, require
from core.outbox import record
from core.site import site
from core.viewer import Viewer
from people import passwords, policy, proofs, queries
from people.accounts import add_member, give_roles
from people.events import EmailConfirmed, PersonRegistered
from people.forms import Setup
from people.models import Person, SetupToken

log = logging.getLogger("fullcircle.audit")


def prepare_setup() -> str:
    """A new one-time token for the terminal; one printed before stops working. Forbidden once the house is owned."""
    require(policy.may_set_up(not queries.is_owned()))
    token = proofs.new_token()
    db.session.execute(sa.delete(SetupToken).where(SetupToken.used_at.is_(None)))
    db.session.add(SetupToken(token_hash=proofs.digest_of(token), created_at=clock.now()))
    db.session.flush()
    return token


def open_house(actor: Viewer, form: Setup) -> Person:
    """Make the owner's account and close the page for good; one of two at once wins. NotFound when it is closed."""
    passwords.require_strong(form.password, form.name, form.handle, form.email, site().name)
    password_hash = passwords.hash_of(form.password)
    if not policy.may_set_up(queries.is_setup_open()):
        raise NotFound
    if not _use(form.token):
        raise Refused(fields={"token": _("This is not the token the terminal shows.")})
    require(policy.may_set_up(not queries.ids_with_role("owner")))
    person = add_member(
        name=form.name, handle=form.handle, email=form.email, password_hash=password_hash, confirmed=True
    )
    person.timezone = form.timezone
    give_roles(person, [policy.CUSTOMER, "owner"], by=actor)
    record(PersonRegistered(person.id), EmailConfirmed(person.id), actor=queries.viewer_of(person.id))
    log.info("house opened", extra={"event": "house_opened", "person": person.id})
    return person


def _use(token: str) -> bool:
    taken = db.session.execute(
        sa.update(SetupToken)
        .where(SetupToken.token_hash == proofs.digest_of(token), SetupToken.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(SetupToken.id)
    )
    return taken.first() is not None
