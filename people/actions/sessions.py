"""Ending sessions: signing out, and the list of one's own."""

from core.errors import require
from core.viewer import Viewer
from people import policy, sessions
from people.models import Person, SignInSession


def sign_out(actor: Viewer) -> None:
    """End the session this request came with."""
    require(policy.may_sign_in(actor))
    if actor.id is not None and actor.session_id is not None:
        sessions.end(actor, actor.id, [actor.session_id], "signed_out")


def end_session(actor: Viewer, session: SignInSession) -> None:
    """End one session."""
    require(policy.may_end_session(actor, session))
    sessions.end(actor, session.person_id, [session.id], "ended")


def end_other_sessions(actor: Viewer, person: Person) -> None:
    """End all of somebody's sessions but the one this request came with."""
    require(policy.may_end_sessions(actor, person))
    sessions.end_all(actor, person.id, "ended", keep=actor.session_id)
