"""Signing in by password, and typing it again before something that matters."""

import logging

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import clock
from core.db import db
from core.errors import Forbidden, Refused, require
from core.viewer import Viewer
from people import passwords, policy, queries
from people.forms import Again, SignIn
from people.models import Person
from people.sessions import begin_session, renew_token

log = logging.getLogger("fullcircle.audit")


class AddressUnconfirmed(Refused):
    """The password is right, but the address was never confirmed: the page offers to send the link again."""


class SignInAgain(Forbidden):
    """The password must be typed again first; a browser is sent to do so."""

    status = 401
    title = _l("Please type your password again")


def require_fresh(actor: Viewer) -> None:
    """Stop unless the password was typed in the last half hour. Raises SignInAgain."""
    if not policy.is_fresh(actor, clock.now()):
        raise SignInAgain(_("Please type your password again to go on."))


def sign_in(actor: Viewer, form: SignIn, *, address: str, user_agent: str) -> str:
    """A new session's token. One wording and one duration for a wrong address and a wrong password."""
    require(policy.may_sign_in(actor))
    found = queries.credentials(form.address)
    if not passwords.matches(found.password_hash if found else None, form.password) or found is None:
        _log_refusal("wrong password", address, found.person_id if found else None)
        raise Refused(_("Address and password do not belong together. Please check both and try again."))
    new_hash = _outdated(found, form.password)
    person = queries.person(found.person_id)
    _refuse_unwelcome(person, address)
    if new_hash:
        person.password_hash = new_hash
    token = begin_session(person, remember=form.remember, address=address, user_agent=user_agent)
    log.info("signed in", extra={"event": "signed_in", "person": person.id, "address": address})
    return token


def _outdated(found: queries.Credentials, password: str) -> str | None:
    """A new hash when the stored one was made with older parameters."""
    if found.password_hash and passwords.is_outdated(found.password_hash):
        return passwords.hash_of(password)
    return None


def _refuse_unwelcome(person: Person, address: str) -> None:
    """Say why somebody with the right password stays out."""
    if policy.is_welcome(person, clock.now()):
        return
    ban = queries.current_ban(person.id)
    if ban is not None:
        _log_refusal("banned", address, person.id)
        until = format_date(ban.until, "long")
        raise Refused(
            _("This account is shut out until %(until)s. Reason: %(reason)s", until=until, reason=ban.reason)
        )
    _log_refusal("unconfirmed", address, person.id)
    raise AddressUnconfirmed(_("Please confirm your address first: open the link in the mail we sent you."))


def _log_refusal(why: str, address: str, person_id: int | None) -> None:
    log.warning(
        "sign-in refused: %s",
        why,
        extra={"event": "sign_in_refused", "person": person_id, "address": address},
    )


def sign_in_again(actor: Viewer, form: Again) -> str:
    """Prove presence; returns the session's new token."""
    require(actor.session_id is not None)
    assert actor.id is not None and actor.session_id is not None  # noqa: S101 - said by require; for the type checker
    found = queries.credentials_of(actor.id)
    if not passwords.matches(found.password_hash if found else None, form.password):
        log.warning("wrong password", extra={"event": "sign_in_again_refused", "person": actor.id})
        raise Refused(fields={"password": _("This is not your password.")})
    token = renew_token(queries.session(actor.session_id))
    db.session.flush()
    log.info("signed in again", extra={"event": "signed_in_again", "person": actor.id})
    return token
