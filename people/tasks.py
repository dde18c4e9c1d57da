"""The mails about accounts, and sweeping what has run out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from flask import render_template
from flask_babel import force_locale, lazy_gettext
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from core import clock, files, mail
from core.config import settings
from core.db import db, writing
from core.outbox import Delivery, on
from core.site import site
from core.viewer import Viewer
from core.worker import every
from people import actions, proofs, queries
from people.events import AccountMailWanted, PersonInvited, ResetAsked
from people.models import REMOVED, Invitation, MailToken, Person, SignInSession

KEEP_LINKS: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mail about an account; its button leads to `path`, with the secret behind it if it is a proof."""

    subject: LazyString
    path: str
    label: LazyString
    is_proof: bool = True


KINDS: Final = {
    proofs.CONFIRM: Kind(
        lazy_gettext("Confirm your address"), "/confirm/", lazy_gettext("Confirm the address")
    ),
    proofs.RESET: Kind(lazy_gettext("Choose a new password"), "/reset/", lazy_gettext("Choose a password")),
    proofs.EMAIL: Kind(
        lazy_gettext("Confirm your new address"), "/address/", lazy_gettext("Confirm the address")
    ),
    proofs.KNOWN: Kind(
        lazy_gettext("You have an account already"), "/sign-in", lazy_gettext("Sign in"), False
    ),
    proofs.MOVED: Kind(
        lazy_gettext("Your e-mail address was changed"), "/", lazy_gettext("Open the site"), False
    ),
    proofs.CHANGED: Kind(
        lazy_gettext("Your password was changed"), "/reset", lazy_gettext("It was not me"), False
    ),
}


@on(ResetAsked, name="people.answer_reset")
def answer_reset(fact: ResetAsked, delivery: Delivery) -> None:
    """Look up here whether the address has an account: the request must take as long for one that has none."""
    actions.answer_reset(Viewer.system(), fact.request_id)


@on(AccountMailWanted, name="people.account_mail", outside=True)
def send_account_mail(fact: AccountMailWanted, delivery: Delivery) -> None:
    """Write the mail with its link made anew; a link that has died meanwhile is not sent."""
    row, kind = db.session.get(MailToken, fact.token_id), KINDS[fact.purpose]
    if row is None or (kind.is_proof and (row.used_at is not None or row.expires_at <= clock.now())):
        return
    person = queries.person(row.person_id)
    if person.kind == REMOVED:
        return
    with force_locale(person.locale or settings().language_list[0]):
        mail.send(_letter(delivery.key, row, kind, person))


def _letter(key: str, row: MailToken, kind: Kind, person: Person) -> mail.Letter:
    secret = proofs.link_token(row.purpose, row.nonce) if kind.is_proof else ""
    values = {
        "name": person.name,
        "handle": person.handle,
        "action_url": settings().site_url + kind.path + secret,
        "action_label": str(kind.label),
        "reason": _("This letter was sent because somebody used this address at %(site)s.", site=site().name),
    }
    return _written(row.purpose, row.email, f"{kind.subject} · {site().name}", key, values)


@on(PersonInvited, name="people.invitation_mail", outside=True)
def send_invitation(fact: PersonInvited, delivery: Delivery) -> None:
    """Write the invitation, unless it was withdrawn meanwhile."""
    row = db.session.get(Invitation, fact.invitation_id)
    if row is None or row.withdrawn_at is not None or row.accepted_at is not None:
        return
    host = queries.person(row.invited_by_id)
    with force_locale(settings().language_list[0]):
        values = {
            "host": host.name,
            "action_url": f"{settings().site_url}/invitations/{proofs.link_token(proofs.INVITE, row.nonce)}",
            "action_label": _("Accept the invitation"),
            "reason": _(
                "This letter was sent because %(name)s invited this address.", name=mail.unlinked(host.name)
            ),
        }
        subject = _("You are invited to %(site)s", site=site().name)
        mail.send(_written("invite", row.email, subject, delivery.key, values))


def _written(name: str, to: str, subject: str, key: str, values: dict[str, str]) -> mail.Letter:
    return mail.Letter(
        to=to,
        subject=subject,
        text=render_template(f"mail/people/{name}.txt", unlinked=mail.unlinked, **values),
        html=render_template(f"mail/people/{name}.html", **values),
        message_id=f"people-{key.replace(':', '-')}",
    )


@every(timedelta(hours=6), name="people.sweep")
def sweep() -> None:
    """Delete sessions that ran out and mail links that died days ago."""
    moment = clock.now()
    idle = moment - timedelta(days=settings().remember_days)
    with writing():
        over = sa.or_(SignInSession.expires_at <= moment, SignInSession.seen_at <= idle)
        db.session.execute(sa.delete(SignInSession).where(over))
        db.session.execute(sa.delete(MailToken).where(MailToken.expires_at < moment - KEEP_LINKS))


@files.holder
def holds_picture(key: str) -> bool:
    """Whether a stored file is somebody's picture."""
    return (
        db.session.execute(sa.select(Person.id).where(Person.avatar_key == key).limit(1)).first() is not None
    )
