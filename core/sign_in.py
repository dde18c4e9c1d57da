"""Who is signed in: flask-login over server-side session records. `people` brings the loader."""

from typing import cast

from flask import Flask, has_request_context, request
from flask_login import LoginManager, current_user

from core.config import Settings
from core.context import here
from core.errors import SignInRequired
from core.viewer import Viewer

login_manager = LoginManager()
THEMES = frozenset({"light", "dark"})


def init(app: Flask, settings: Settings) -> None:
    """Configure flask-login: its own remember cookie stays off, a longer session record does that."""
    app.config["REMEMBER_COOKIE_DURATION"] = 0
    login_manager.session_protection = None
    # The browser's hash that this protection would compare: without it nobody needs to make one for every request.
    login_manager._session_identifier_generator = str
    login_manager.anonymous_user = visitor
    login_manager.init_app(app, add_context_processor=False)  # templates know the viewer


def visitor() -> Viewer:
    """Somebody not signed in, with the theme their browser remembers."""
    theme = request.cookies.get("theme", "") if has_request_context() else ""
    return Viewer.visitor(theme=theme if theme in THEMES else "")


def viewer() -> Viewer:
    """Who asks in this request; outside of one (letters written by the worker) nobody in particular."""
    if not has_request_context():
        return Viewer.visitor()
    found = here().g.get("_login_user")  # where flask-login keeps it once loaded: a page asks a dozen times
    return cast(Viewer, found if found is not None else current_user._get_current_object())


def member() -> Viewer:
    """Who asks, or a request to sign in."""
    found = viewer()
    if not found.is_member:
        raise SignInRequired
    return found
