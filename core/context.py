"""The context of the moment, behind Flask's proxies: for what a page asks dozens of times."""

from flask.ctx import AppContext
from flask.globals import _cv_app


def here() -> AppContext:
    """The app and what is kept (`g`) for this request, task or command. Raises LookupError outside of any."""
    return _cv_app.get()
