"""Flask's signed session cookie, read once in a while instead of with every request of its browser."""

from typing import Final

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from core.config import Settings
from core.shelf import Shelf

_KEY: Final = "fullcircle.cookies"
KEPT_BYTES: Final = 4_000_000
KEPT_SECONDS: Final = (
    60.0  # so long a cookie may be believed past its end; who is signed in is a record of ours
)
_FIXED: Final = (str, int, float, type(None))


class KeptCookies(SecureCookieSessionInterface):
    """Checks a cookie's signature and age, and keeps what it said under the very cookie that said it."""

    def __init__(self, shelf: Shelf[dict[str, object]]) -> None:
        self._kept = shelf

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a request. Only values that nobody can change in place are kept."""
        cookie = request.cookies.get(self.get_cookie_name(app), "")
        said = self._kept.get(cookie) if cookie else None
        if said is not None:
            return self.session_class(said)
        session = super().open_session(app, request)
        if session and all(isinstance(value, _FIXED) for value in session.values()):
            self._kept.put(cookie, dict(session), 4 * len(cookie) + 500)
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie when it changed; else say that the answer depends on it, past a parsed set of headers."""
        if session.modified or app.config["SESSION_REFRESH_EACH_REQUEST"]:
            super().save_session(app, session, response)
        elif session.accessed:
            vary = response.headers.get("Vary", "")
            if "cookie" not in vary.lower():
                response.headers["Vary"] = f"{vary}, Cookie" if vary else "Cookie"


def init(app: Flask, settings: Settings) -> None:
    """Put it in the place of Flask's own."""
    shelf = app.extensions[_KEY] = Shelf[dict[str, object]](KEPT_BYTES, KEPT_SECONDS)
    app.session_interface = KeptCookies(shelf)
