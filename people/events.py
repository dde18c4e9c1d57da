"""What happened to people."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("people.registered")
@dataclass(frozen=True)
class PersonRegistered(Fact):
    person_id: int


@event("people.email_confirmed")
@dataclass(frozen=True)
class EmailConfirmed(Fact):
    person_id: int


@event("people.mail_wanted")
@dataclass(frozen=True)
class AccountMailWanted(Fact):
    """A mail with a one-use link is due. The link's secret is derived anew by the sender from the token's id."""

    person_id: int
    token_id: int
    purpose: str


@event("people.reset_asked")
@dataclass(frozen=True)
class ResetAsked(Fact):
    """For an address that has an account, or for one that has none: the request does the same for both."""

    request_id: int


@event("people.invited")
@dataclass(frozen=True)
class PersonInvited(Fact):
    invitation_id: int


@event("people.signed_in")
@dataclass(frozen=True)
class SignedIn(Fact):
    person_id: int
    session_id: int


@event("people.sessions_ended")
@dataclass(frozen=True)
class SessionsEnded(Fact):
    """Sign-out, ban, password change, role loss or removal: streams of these sessions must end too."""

    person_id: int
    session_ids: tuple[int, ...]
    reason: str


@event("people.password_changed")
@dataclass(frozen=True)
class PasswordChanged(Fact):
    person_id: int


@event("people.roles_changed")
@dataclass(frozen=True)
class RolesChanged(Fact):
    person_id: int
    roles: tuple[str, ...]


@event("people.banned")
@dataclass(frozen=True)
class PersonBanned(Fact):
    person_id: int
    ban_id: int


@event("people.ban_lifted")
@dataclass(frozen=True)
class BanLifted(Fact):
    person_id: int
    ban_id: int


@event("people.profile_edited")
@dataclass(frozen=True)
class ProfileEdited(Fact):
    person_id: int


@event("people.removed")
@dataclass(frozen=True)
class PersonRemoved(Fact):
    person_id: int


@event("people.identity_linked")
@dataclass(frozen=True)
class IdentityLinked(Fact):
    person_id: int
    identity_id: int


@event("people.outside_joined")
@dataclass(frozen=True)
class OutsidePersonJoined(Fact):
    """An outside person turned out to be a member: all that was theirs is the member's."""

    person_id: int
    member_id: int
