"""The context of the moment, behind Flask's proxies: for what a page asks dozens of times."""

from typing import Any

from flask.ctx import AppContext
from flask.globals import app_ctx


def here() -> AppContext:
    """The app and what is kept (`g`) for this request, task or command. Raises RuntimeError outside of any."""
    proxy: Any = app_ctx
    found: AppContext = proxy._get_current_object()
    return found
