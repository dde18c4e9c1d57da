"""Inviting people by mail, with the roles they will have."""

import logging
from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.site import site
from core.viewer import Viewer
from people import letters, passwords, policy, proofs, queries
from people.accounts import add_member, change_handle, give_roles
from people.actions.registering import dead_link
from people.actions.signing_in import require_fresh
from people.events import EmailConfirmed, PersonInvited, PersonRegistered
from people.forms import Acceptance
from people.models import MEMBER, Invitation, Person

log = logging.getLogger("fullcircle.audit")


def invite(actor: Viewer, email: str, roles: Sequence[str]) -> Invitation:
    """Mail an invitation to one address; an open one to the same address is replaced."""
    require(policy.may_invite(actor, roles))
    if set(roles) != {policy.CUSTOMER}:
        require_fresh(actor)
    known = queries.by_email(email)
    if known is not None and known.email_confirmed_at is not None:
        raise Refused(fields={"email": _("This address has an account already.")})
    _replace_open(actor, email)
    nonce, moment = proofs.new_nonce(), clock.now()
    row = Invitation(
        email=email,
        roles=" ".join(dict.fromkeys(roles)),
        nonce=nonce,
        token_hash=proofs.digest_of(proofs.link_token(proofs.INVITE, nonce)),
        invited_by_id=actor.id,
        created_at=moment,
        expires_at=moment + proofs.LIFETIMES[proofs.INVITE],
    )
    db.session.add(row)
    db.session.flush()
    record(PersonInvited(row.id), actor=actor)
    log.info("invited by %s as %s", actor.id, row.roles, extra={"event": "invited"})
    return row


def _replace_open(actor: Viewer, email: str) -> None:
    for open_one in queries.open_invitations():
        if open_one.email == email:
            require(policy.may_withdraw_invitation(actor, open_one))
            open_one.withdrawn_at = clock.now()


def withdraw_invitation(actor: Viewer, invitation: Invitation) -> None:
    """The link stops working at once."""
    require(policy.may_withdraw_invitation(actor, invitation))
    if invitation.accepted_at is not None:
        raise Refused(_("This invitation has been accepted already."))
    invitation.withdrawn_at = invitation.withdrawn_at or clock.now()
    log.info("invitation withdrawn by %s", actor.id, extra={"event": "invitation_withdrawn"})


def accept_invitation(actor: Viewer, token: str, form: Acceptance) -> Person:
    """The account of an invited person. The link proves the address, so no confirmation follows.

    Roles are given only as far as whoever invited may still give them. One acceptance wins a race.
    """
    require(policy.may_prove_address(actor))
    password_hash = passwords.hash_of(form.password)
    invitation = queries.invitation_of_token(token)
    if invitation is None:
        raise dead_link()
    passwords.require_strong(form.password, form.name, form.handle, invitation.email, site().name)
    host, roles = queries.viewer_of(invitation.invited_by_id), invitation.roles.split()
    if not policy.may_invite(host, roles) or not _use(invitation):
        raise dead_link()
    person = _account(invitation.email, form, password_hash)
    person.timezone = form.timezone
    give_roles(person, set(roles) - queries.roles_of(person.id), by=host)
    invitation.accepted_by_id = person.id
    db.session.flush()
    letters.kill_links(person.id)
    record(PersonRegistered(person.id), EmailConfirmed(person.id), actor=queries.viewer_of(person.id))
    log.info("invitation accepted", extra={"event": "invitation_accepted", "person": person.id})
    return person


def _use(invitation: Invitation) -> bool:
    taken = db.session.execute(
        sa.update(Invitation)
        .where(
            Invitation.id == invitation.id,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .values(accepted_at=clock.now())
        .returning(Invitation.id)
    )
    return taken.first() is not None


def _account(email: str, form: Acceptance, password_hash: str) -> Person:
    """A new account, or one that somebody began with this address but never proved; nothing of theirs stays."""
    known = queries.by_email(email)
    if known is None:
        return add_member(
            name=form.name, handle=form.handle, email=email, password_hash=password_hash, confirmed=True
        )
    if known.email_confirmed_at is not None or known.kind != MEMBER:
        raise dead_link()
    if form.handle:
        change_handle(known, form.handle)
    known.name, known.password_hash, known.email_confirmed_at = form.name, password_hash, clock.now()
    db.session.flush()
    return known
