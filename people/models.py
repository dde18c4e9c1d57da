"""Tables of people: persons, roles, sessions, tokens, invitations, bans, linked identities."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import BigId, Model, id_column

MEMBER, IMPORTED, OUTSIDE, REMOVED = "member", "imported", "outside", "removed"


class Person(Model):
    """Anybody who wrote something: a member, an imported account, an outside poster, or a removed account.

    Only members can sign in. `points` and `level` are written by reputation and shown here. An outside poster who
    turned out to be a member is an empty, removed row that points at them.
    """

    __tablename__ = "person"
    id: Mapped[int] = id_column()
    kind: Mapped[str] = mapped_column(sa.String(12), default=MEMBER)
    name: Mapped[str] = mapped_column(sa.String(60))
    handle: Mapped[str] = mapped_column(sa.String(40), unique=True)
    email: Mapped[str | None] = mapped_column(sa.String(254), unique=True)
    email_confirmed_at: Mapped[datetime | None]
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    bio_source: Mapped[str] = mapped_column(sa.Text, default="")
    bio_html: Mapped[str] = mapped_column(sa.Text, default="")
    location: Mapped[str] = mapped_column(sa.String(80), default="")
    website: Mapped[str] = mapped_column(sa.String(200), default="")
    company: Mapped[str] = mapped_column(sa.String(80), default="")
    avatar_key: Mapped[str] = mapped_column(sa.String(100), default="")
    locale: Mapped[str] = mapped_column(sa.String(10), default="")
    timezone: Mapped[str] = mapped_column(sa.String(40), default="")
    theme: Mapped[str] = mapped_column(sa.String(10), default="")
    points: Mapped[int] = mapped_column(default=0)
    level: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    banned_until: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    origin_key: Mapped[str | None] = mapped_column(sa.String(120), unique=True)
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)


class RoleGrant(Model):
    """A role somebody was given, by whom and when."""

    __tablename__ = "role_grant"
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    role: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    granted_at: Mapped[datetime]
    granted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))


class SignInSession(Model):
    """A server-side session record: deleting it ends the session at once. The token itself is never stored."""

    __tablename__ = "sign_in_session"
    id: Mapped[int] = id_column()
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    fresh_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    is_remembered: Mapped[bool] = mapped_column(default=False)
    address: Mapped[str] = mapped_column(sa.String(45), default="")
    user_agent: Mapped[str] = mapped_column(sa.String(300), default="")


class MailToken(Model):
    """A mail about an account: a one-use proof, good for one purpose, one person and one address, or a bare notice.

    The link's secret is made from `nonce` and the secret key when the mail is written; only its hash is stored.
    """

    __tablename__ = "mail_token"
    id: Mapped[int] = id_column()
    purpose: Mapped[str] = mapped_column(sa.String(20))
    nonce: Mapped[str] = mapped_column(sa.String(32))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    password_hash: Mapped[str | None] = mapped_column(
        sa.String(200)
    )  # chosen in the registration this mail confirms
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ResetRequest(Model):
    """Somebody asked for a new password for this address. Gone once the worker has seen whether it has an account."""

    __tablename__ = "reset_request"
    id: Mapped[int] = id_column()
    email: Mapped[str] = mapped_column(sa.String(254))
    at: Mapped[datetime]


class Invitation(Model):
    """An invitation to one address, with the roles it gives."""

    __tablename__ = "invitation"
    id: Mapped[int] = id_column()
    email: Mapped[str] = mapped_column(sa.String(254), index=True)
    roles: Mapped[str] = mapped_column(sa.String(120), default="customer")
    nonce: Mapped[str] = mapped_column(sa.String(32))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    invited_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    withdrawn_at: Mapped[datetime | None]


class Ban(Model):
    """Why somebody was shut out, by whom, until when; lifting keeps the row."""

    __tablename__ = "ban"
    id: Mapped[int] = id_column()
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    reason: Mapped[str] = mapped_column(sa.String(500))
    banned_at: Mapped[datetime]
    banned_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    until: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))


class LinkedIdentity(Model):
    """Somebody's identity outside, e.g. on Mastodon: (channel, external_id) is unique, a person may have many.

    Linked to a member it says since when, who saw the proof, and what it was.
    """

    __tablename__ = "linked_identity"
    __table_args__ = (sa.UniqueConstraint("channel", "external_id"),)
    id: Mapped[int] = id_column()
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    channel: Mapped[str] = mapped_column(sa.String(80))
    external_id: Mapped[str] = mapped_column(sa.String(300))
    display_name: Mapped[str] = mapped_column(sa.String(120), default="")
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    linked_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    verified_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    proof: Mapped[str] = mapped_column(sa.String(300), default="", server_default="")


class SetupToken(Model):
    """The one-time token of the first-run page; once used, the page is closed for good."""

    __tablename__ = "setup_token"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
