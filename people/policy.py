"""Who may do what to accounts. Each rule stands beside the action of the same name and never queries."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from core.viewer import ROLES, STAFF_ROLES, Viewer
from people.models import MEMBER, REMOVED, Invitation, Person, SignInSession

FRESH: Final = timedelta(minutes=30)
CUSTOMER: Final = "customer"


def may_register(actor: Viewer, registration: str) -> bool:
    """Visitors, where registration is open to everybody."""
    return not actor.is_member and registration == "open"


def may_prove_address(actor: Viewer) -> bool:
    """Anybody holding the link: the link is the proof (confirming, resetting, changing an address, accepting)."""
    return not actor.is_system


def may_answer_requests(actor: Viewer) -> bool:
    """What was asked for is looked up by the product alone."""
    return actor.is_system


def may_sign_in(actor: Viewer) -> bool:
    """Anybody in front of a browser; whether the account may is `is_welcome`."""
    return not actor.is_system


def is_welcome(person: Person, moment: datetime) -> bool:
    """Whether this account may hold a session at all, by whatever way it signs in."""
    is_banned = person.banned_until is not None and person.banned_until > moment
    return person.kind == MEMBER and person.email_confirmed_at is not None and not is_banned


def is_fresh(actor: Viewer, moment: datetime) -> bool:
    """Whether the password was typed in the last half hour; actors without a session are commands and the system."""
    if actor.session_id is None:
        return True
    return actor.session_fresh_at is not None and moment - actor.session_fresh_at <= FRESH


def may_end_session(actor: Viewer, session: SignInSession) -> bool:
    """One's own sessions; an owner anybody's."""
    return actor.id == session.person_id or actor.has("owner")


def may_end_sessions(actor: Viewer, person: Person) -> bool:
    """As for one session."""
    return actor.id == person.id or actor.has("owner")


def may_use_settings(actor: Viewer) -> bool:
    """Profile, password, address, sessions, own data: actions that touch nobody's account but the actor's own."""
    return actor.is_member


def may_remove_account(actor: Viewer, person: Person, roles: Collection[str]) -> bool:
    """One's own account; an owner also others', but never another owner's (that role must be withdrawn first)."""
    if actor.is_member and actor.id == person.id:
        return True
    return actor.has("owner") and "owner" not in roles


def may_create_person(actor: Viewer) -> bool:
    """Imports, seeds, and owners."""
    return actor.has("owner")


def may_manage_accounts(actor: Viewer) -> bool:
    """The page with somebody's roles and sessions."""
    return actor.has("owner")


def may_link_identity(actor: Viewer) -> bool:
    """Outside identities are kept by the system and by staff who handle mentions."""
    return actor.is_staff


def may_merge_outside(actor: Viewer) -> bool:
    """Say which member an outside poster is: agents and moderators, who saw the proof."""
    return actor.has("agent", "moderator")


def may_set_standing(actor: Viewer) -> bool:
    """Points and level are copied from the ledger by the system alone."""
    return actor.is_system


def may_change_roles(actor: Viewer, person: Person) -> bool:
    """Owners, for accounts that can sign in."""
    return actor.has("owner") and person.kind == MEMBER


def may_ban(actor: Viewer, person: Person, roles: Collection[str]) -> bool:
    """Moderators, for customers; an owner also for other staff; nobody bans an owner or themselves."""
    if person.kind == REMOVED or actor.id == person.id or "owner" in roles:
        return False
    if STAFF_ROLES.isdisjoint(roles):
        return actor.has("moderator")
    return actor.has("owner")


def may_lift_ban(actor: Viewer, roles: Collection[str]) -> bool:
    """Whoever may ban them."""
    return actor.has("moderator") if STAFF_ROLES.isdisjoint(roles) else actor.has("owner")


def may_see_bans(actor: Viewer) -> bool:
    """Moderators see who was banned, why and by whom."""
    return actor.has("moderator")


def may_invite(actor: Viewer, roles: Collection[str]) -> bool:
    """Owners into any role, moderators as customers."""
    if not set(roles) <= set(ROLES):
        return False
    return actor.has("owner") or (actor.has("moderator") and set(roles) <= {CUSTOMER})


def may_withdraw_invitation(actor: Viewer, invitation: Invitation) -> bool:
    """Whoever sent it, and owners."""
    return actor.has("owner") or (actor.has("moderator") and actor.id == invitation.invited_by_id)


def may_see_invitations(actor: Viewer) -> bool:
    """Whoever may invite."""
    return actor.has("moderator")


def may_set_up(is_open: bool) -> bool:
    """The first-run page: whoever reads the terminal, as long as nobody has used it."""
    return is_open
