"""The blueprint every route of people hangs on, and what several of its modules need."""

from urllib.parse import urlsplit

from flask import Blueprint, request, session
from flask_login import login_user

from core.db import db
from core.sign_in import member, viewer
from core.viewer import Viewer
from people import actions, queries, sessions, words
from people.models import Person

blueprint = Blueprint("people", __name__)
blueprint.add_app_template_filter(words.role_name, "role_name")


def fresh_member() -> Viewer:
    """Who asks, having typed the password in the last half hour."""
    asker = member()
    actions.require_fresh(asker)
    return asker


def enter(person: Person, *, remember: bool) -> None:
    """Sign in somebody who just proved who they are; whoever was signed in here before is signed out."""
    actions.sign_out(viewer())
    hold_session(sessions.begin_session(person, remember=remember, **browser()), remember=remember)


def hold_session(token: str, *, remember: bool) -> None:
    """Give the browser a session's token in a new cookie: nothing of the one before stays, CSRF token included."""
    session.clear()
    session.permanent = remember
    found = queries.viewer_of_token(token)
    if found is not None:
        login_user(found)


def undo() -> None:
    """Take back what a refused action began, so that the page shows things as they stand: the link still unused."""
    db.session.rollback()


def browser() -> dict[str, str]:
    """What a session record notes of the browser: its address and how it names itself."""
    return {"address": request.remote_addr or "", "user_agent": request.user_agent.string}


def local_path(target: str, otherwise: str = "/") -> str:
    """`target` when it is a path on this site. Browsers read a backslash as a slash and pass over controls."""
    is_path = target.startswith("/") and not target.startswith("//") and "\\" not in target
    if not is_path or any(ord(c) < 33 for c in target):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target
