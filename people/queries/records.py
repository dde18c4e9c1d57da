"""What is kept about accounts: sessions, credentials, mail links, bans, invitations, the first run."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from core import clock
from core.db import db, glance
from core.errors import NotFound
from people import proofs
from people.models import MEMBER, Ban, Invitation, MailToken, Person, SetupToken, SignInSession
from people.queries.persons import ids_with_role


def sessions_of(person_id: int) -> Sequence[SignInSession]:
    """Running sessions, the latest seen first."""
    statement = (
        sa.select(SignInSession)
        .where(SignInSession.person_id == person_id, SignInSession.expires_at > clock.now())
        .order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())
    )
    return db.session.execute(statement).scalars().all()


def session(session_id: int) -> SignInSession:
    """One session. Raises NotFound."""
    found = db.session.get(SignInSession, session_id)
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in compares with."""

    person_id: int
    password_hash: str | None


def credentials(email: str) -> Credentials | None:
    """Read without opening the write transaction: hashing takes time that no writer should wait for."""
    rows = glance(
        sa.select(Person.id, Person.password_hash).where(Person.email == email, Person.kind == MEMBER)
    )
    return Credentials(rows[0].id, rows[0].password_hash) if rows else None


def credentials_of(person_id: int) -> Credentials | None:
    """The same by id."""
    rows = glance(
        sa.select(Person.id, Person.password_hash).where(Person.id == person_id, Person.kind == MEMBER)
    )
    return Credentials(rows[0].id, rows[0].password_hash) if rows else None


def mail_link(purpose: str, token: str) -> MailToken | None:
    """The unused, unexpired link of this very purpose."""
    statement = sa.select(MailToken).where(
        MailToken.token_hash == proofs.digest_of(token),
        MailToken.purpose == purpose,
        MailToken.used_at.is_(None),
        MailToken.expires_at > clock.now(),
    )
    return db.session.execute(statement).scalar_one_or_none()


def current_ban(person_id: int) -> Ban | None:
    """The ban that holds now."""
    statement = (
        sa.select(Ban)
        .where(Ban.person_id == person_id, Ban.lifted_at.is_(None), Ban.until > clock.now())
        .order_by(Ban.until.desc())
        .limit(1)
    )
    return db.session.execute(statement).scalar_one_or_none()


def bans_of(person_id: int) -> Sequence[Ban]:
    """Every ban somebody had, newest first."""
    return (
        db.session.execute(sa.select(Ban).where(Ban.person_id == person_id).order_by(Ban.id.desc()))
        .scalars()
        .all()
    )


def _open_invitations() -> sa.Select[Invitation]:
    return sa.select(Invitation).where(
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
        Invitation.expires_at > clock.now(),
    )


def invitation_of_token(token: str) -> Invitation | None:
    """The open invitation of a link."""
    statement = _open_invitations().where(Invitation.token_hash == proofs.digest_of(token))
    return db.session.execute(statement).scalar_one_or_none()


def open_invitations(limit: int = 200) -> Sequence[Invitation]:
    """Invitations that can still be accepted, newest first."""
    return db.session.execute(_open_invitations().order_by(Invitation.id.desc()).limit(limit)).scalars().all()


def invitation(invitation_id: int) -> Invitation:
    """One invitation. Raises NotFound."""
    found = db.session.get(Invitation, invitation_id)
    if found is None:
        raise NotFound
    return found


def latest_link(person_id: int, purpose: str) -> MailToken | None:
    """The mail of this purpose sent last, used or not."""
    statement = (
        sa.select(MailToken)
        .where(MailToken.person_id == person_id, MailToken.purpose == purpose, MailToken.used_at.is_(None))
        .order_by(MailToken.id.desc())
        .limit(1)
    )
    return db.session.execute(statement).scalar_one_or_none()


def is_owned() -> bool:
    """Whether somebody owns the house, or its first-run page was used once."""
    used = db.session.execute(sa.select(SetupToken.id).where(SetupToken.used_at.is_not(None))).first()
    return used is not None or bool(ids_with_role("owner"))


def is_setup_open() -> bool:
    """Whether the first-run page waits for the token in the terminal."""
    waiting = db.session.execute(sa.select(SetupToken.id).where(SetupToken.used_at.is_(None))).first()
    return waiting is not None and not is_owned()
