"""Passwords and addresses of accounts that exist: reset, change, and the mails that tell the person of it."""

import logging

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.site import site
from core.viewer import Viewer
from people import letters, passwords, policy, proofs, queries, sessions
from people.actions.registering import dead_link, link_and_person
from people.actions.signing_in import require_fresh
from people.events import EmailConfirmed, PasswordChanged, ResetAsked
from people.forms import NewPassword, PasswordChange
from people.models import MEMBER, Person, ResetRequest

log = logging.getLogger("fullcircle.audit")


def ask_reset(actor: Viewer, email: str) -> None:
    """Mail a link that allows a new password for an hour, if the address has an account; nobody is told whether.

    Whether it has one is looked up afterwards, by the worker: nobody can tell by the time this takes either.
    """
    require(policy.may_prove_address(actor))
    asked = ResetRequest(email=email, at=clock.now())
    db.session.add(asked)
    db.session.flush()
    record(ResetAsked(asked.id), actor=actor)


def answer_reset(actor: Viewer, request_id: int) -> None:
    """Send the link that was asked for, if there is an account, and forget the request."""
    require(policy.may_answer_requests(actor))
    gone = sa.delete(ResetRequest).where(ResetRequest.id == request_id).returning(ResetRequest.email)
    email = db.session.execute(gone).scalar_one_or_none()
    person = queries.by_email(email) if email else None
    if email and person is not None and person.kind == MEMBER:
        letters.send_link(actor, person, proofs.RESET, email)


def reset_password(actor: Viewer, token: str, form: NewPassword) -> Person:
    """Use the link: the new password holds, every session and other link ends. Proves the address too."""
    require(policy.may_prove_address(actor))
    new_hash = passwords.hash_of(form.password)
    link, person = link_and_person(proofs.RESET, token)
    _require_strong(person, form.password)
    if person.kind != MEMBER or person.email != link.email or not letters.use(link):
        raise dead_link()
    if person.email_confirmed_at is None:
        person.email_confirmed_at = clock.now()
        record(EmailConfirmed(person.id), actor=actor)
    _set_password(actor, person, new_hash, keep=None)
    return person


def change_password(actor: Viewer, form: PasswordChange) -> None:
    """Change one's own: the current one is needed, all other sessions end, open links die."""
    require(policy.may_use_settings(actor))
    found = queries.credentials_of(actor.id or 0)
    if found is None or not passwords.matches(found.password_hash, form.current):
        log.warning("password change refused", extra={"event": "password_change_refused", "person": actor.id})
        raise Refused(fields={"current": _("This is not your password.")})
    new_hash = passwords.hash_of(form.password)
    person = queries.person(found.person_id)
    _require_strong(person, form.password)
    _set_password(actor, person, new_hash, keep=actor.session_id)


def _require_strong(person: Person, password: str) -> None:
    passwords.require_strong(password, person.name, person.handle, person.email or "", site().name)


def _set_password(actor: Viewer, person: Person, password_hash: str, *, keep: int | None) -> None:
    person.password_hash = password_hash
    db.session.flush()
    letters.kill_links(person.id)
    sessions.end_all(actor, person.id, "password_changed", keep=keep)
    if person.email:
        letters.send_notice(actor, person, proofs.CHANGED, person.email)
    record(PasswordChanged(person.id), actor=actor)
    log.info("password changed", extra={"event": "password_changed", "person": person.id})


def ask_address_change(actor: Viewer, email: str) -> None:
    """Mail a link to the new address; the account keeps the old one until it is opened there."""
    require(policy.may_use_settings(actor))
    require_fresh(actor)
    person, owner = queries.person(actor.id or 0), queries.by_email(email)
    if owner is None:
        letters.send_link(actor, person, proofs.EMAIL, email)
    elif owner.id != person.id:
        letters.send_notice(actor, owner, proofs.KNOWN, email)


def change_address(actor: Viewer, token: str) -> Person:
    """Use the link: the new address holds, the old one is told, its links die and other sessions end."""
    require(policy.may_prove_address(actor))
    link, person = link_and_person(proofs.EMAIL, token)
    old = person.email
    if person.kind != MEMBER or queries.by_email(link.email) is not None or not letters.use(link):
        raise dead_link()
    person.email, person.email_confirmed_at = link.email, clock.now()
    db.session.flush()
    letters.kill_links(person.id)
    sessions.end_all(actor, person.id, "address_changed", keep=actor.session_id)
    if old:
        letters.send_notice(actor, person, proofs.MOVED, old)
    record(EmailConfirmed(person.id), actor=actor)
    log.info("address changed", extra={"event": "email_changed", "person": person.id})
    return person
