"""Every write about people; each asks its policy first and records what happened."""

from people.actions.accounts import create_person, set_standing
from people.actions.bans import ban, lift_ban
from people.actions.credentials import (
    answer_reset,
    ask_address_change,
    ask_reset,
    change_address,
    change_password,
    reset_password,
)
from people.actions.identities import link_identity, outside_person
from people.actions.invitations import accept_invitation, invite, withdraw_invitation
from people.actions.profile import change_avatar, drop_avatar, edit_profile, set_language, set_theme
from people.actions.registering import DeadLink, confirm_address, dead_link, register, resend_confirmation
from people.actions.removal import remove_account, remove_own_account
from people.actions.roles import grant_role, withdraw_role
from people.actions.sessions import end_other_sessions, end_session, sign_out
from people.actions.setup import open_house, prepare_setup
from people.actions.signing_in import AddressUnconfirmed, SignInAgain, require_fresh, sign_in, sign_in_again

__all__ = [
    "AddressUnconfirmed",
    "DeadLink",
    "SignInAgain",
    "accept_invitation",
    "answer_reset",
    "ask_address_change",
    "ask_reset",
    "ban",
    "change_address",
    "change_avatar",
    "change_password",
    "confirm_address",
    "create_person",
    "dead_link",
    "drop_avatar",
    "edit_profile",
    "end_other_sessions",
    "end_session",
    "grant_role",
    "invite",
    "lift_ban",
    "link_identity",
    "open_house",
    "outside_person",
    "prepare_setup",
    "register",
    "remove_account",
    "remove_own_account",
    "require_fresh",
    "resend_confirmation",
    "reset_password",
    "set_language",
    "set_standing",
    "set_theme",
    "sign_in",
    "sign_in_again",
    "sign_out",
    "withdraw_invitation",
    "withdraw_role",
]
