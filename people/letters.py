"""Mails about accounts: a row that remembers what was sent to whom, and the fact that makes the worker send it.

Nothing is asked here: these are the hands of the actions.
"""

import sqlalchemy as sa

from core import clock
from core.db import db
from core.outbox import record
from core.viewer import Viewer
from people import proofs
from people.events import AccountMailWanted
from people.models import MailToken, Person


def send_link(
    actor: Viewer, person: Person, purpose: str, email: str, *, password_hash: str | None = None
) -> MailToken:
    """A one-use link to `email`. Links of the same purpose sent before stay good until one of them is used."""
    moment, nonce = clock.now(), proofs.new_nonce()
    row = MailToken(
        purpose=purpose,
        nonce=nonce,
        token_hash=proofs.digest_of(proofs.link_token(purpose, nonce)),
        person_id=person.id,
        email=email,
        password_hash=password_hash,
        created_at=moment,
        expires_at=moment + proofs.LIFETIMES[purpose],
    )
    return _post(actor, row)


def send_notice(actor: Viewer, person: Person, purpose: str, email: str) -> MailToken:
    """A mail without a link that proves anything; its row is used up from the start."""
    moment, nonce = clock.now(), proofs.new_nonce()
    row = MailToken(
        purpose=purpose,
        nonce=nonce,
        token_hash=proofs.digest_of(nonce),
        person_id=person.id,
        email=email,
        created_at=moment,
        expires_at=moment,
        used_at=moment,
    )
    return _post(actor, row)


def _post(actor: Viewer, row: MailToken) -> MailToken:
    db.session.add(row)
    db.session.flush()
    record(AccountMailWanted(row.person_id, row.id, row.purpose), actor=actor)
    return row


def use(link: MailToken) -> bool:
    """Use a link up; False when somebody was faster with it."""
    taken = db.session.execute(
        sa.update(MailToken)
        .where(MailToken.id == link.id, MailToken.used_at.is_(None))
        .values(used_at=clock.now(), password_hash=None)
        .returning(MailToken.id)
    )
    return taken.first() is not None


def kill_links(person_id: int, *purposes: str) -> None:
    """Make a person's open links useless (all purposes when none is named)."""
    statement = sa.update(MailToken).where(MailToken.person_id == person_id, MailToken.used_at.is_(None))
    if purposes:
        statement = statement.where(MailToken.purpose.in_(purposes))
    db.session.execute(statement.values(used_at=clock.now(), password_hash=None))
