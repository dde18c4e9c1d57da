"""Registering, and proving that the address is one's own. What is said never tells whether an address is known."""

import logging

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import clock
from core.config import settings
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.site import site
from core.viewer import Viewer
from people import letters, passwords, policy, proofs, queries
from people.accounts import add_member, change_handle, give_roles
from people.events import EmailConfirmed, PersonRegistered
from people.forms import Confirmation, Registration
from people.models import IMPORTED, MEMBER, MailToken, Person

log = logging.getLogger("fullcircle.audit")


class DeadLink(Refused):
    """What every used, old, withdrawn or forged link answers."""

    status = 410
    title = _l("This link does not work any more")


def dead_link() -> DeadLink:
    """The refusal with its words."""
    return DeadLink(_("This link has been used or is too old. Please ask for a new one."))


def link_and_person(purpose: str, token: str) -> tuple[MailToken, Person]:
    """The open link of this purpose and whose it is. Raises DeadLink when there is none."""
    link = queries.mail_link(purpose, token)
    if link is None:
        raise dead_link()
    return link, queries.person(link.person_id)


def register(actor: Viewer, form: Registration) -> None:
    """Make an unconfirmed account and mail its link; a known address is told so by mail. Both answer the same.

    The password travels with the link: whoever proves the address gets the password of their own registration.
    """
    require(policy.may_register(actor, settings().registration))
    passwords.require_strong(form.password, form.name, form.email, site().name)
    password_hash = passwords.hash_of(form.password)
    known = queries.by_email(form.email)
    if known is not None and _is_confirmed(known):
        letters.send_notice(actor, known, proofs.KNOWN, form.email)
        return
    person = known or _new_account(actor, form)
    letters.send_link(actor, person, proofs.CONFIRM, form.email, password_hash=password_hash)


def _is_confirmed(person: Person) -> bool:
    return person.kind == MEMBER and person.email_confirmed_at is not None


def _new_account(actor: Viewer, form: Registration) -> Person:
    person = add_member(name=form.name, handle="", email=form.email, password_hash=None, confirmed=False)
    give_roles(person, [policy.CUSTOMER], by=actor)
    record(PersonRegistered(person.id), actor=actor)
    return person


def resend_confirmation(actor: Viewer, email: str) -> None:
    """Mail a new link to an address that waits for one, with the password of its latest registration."""
    require(policy.may_prove_address(actor))
    passwords.matches(None, email)
    person = queries.by_email(email)
    waiting = queries.latest_link(person.id, proofs.CONFIRM) if person and not _is_confirmed(person) else None
    if person is not None and waiting is not None:
        letters.send_link(actor, person, proofs.CONFIRM, email, password_hash=waiting.password_hash)


def confirm_address(actor: Viewer, token: str, form: Confirmation) -> Person:
    """Use the link: the account, an imported one too, belongs to whoever reads the mail of its address."""
    require(policy.may_prove_address(actor))
    link, person = link_and_person(proofs.CONFIRM, token)
    password_hash = link.password_hash
    is_open = person.kind in (MEMBER, IMPORTED) and not _is_confirmed(person) and person.email == link.email
    if not is_open or password_hash is None or not letters.use(link):
        raise dead_link()
    if form.handle:
        change_handle(person, form.handle)
    if person.kind == IMPORTED:
        give_roles(person, {policy.CUSTOMER} - queries.roles_of(person.id), by=actor)
    person.kind, person.email_confirmed_at, person.password_hash = MEMBER, clock.now(), password_hash
    person.timezone = form.timezone
    db.session.flush()
    letters.kill_links(person.id)
    record(EmailConfirmed(person.id), actor=actor)
    log.info("address confirmed", extra={"event": "email_confirmed", "person": person.id})
    return person
