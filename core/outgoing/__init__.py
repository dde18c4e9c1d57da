"""The one guarded client for every outgoing call: only public addresses, one deadline, bounded answers.

The name is looked up once per hop, every address it has is judged, and the connection goes to a judged
address itself: a name that changes its mind between the check and the call (DNS rebinding) gains nothing.

The client is loaded at the first call: with the packages it stands on it costs a tenth of a second at every start.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flask import Flask, current_app

from core.config import Settings, settings
from core.outgoing.calls import DEFAULT_LIMITS, Answer, Limits
from core.outgoing.errors import OutgoingFailed, OutgoingRefused

if TYPE_CHECKING:
    from core.outgoing.client import Client

__all__ = [
    "Answer",
    "Limits",
    "OutgoingFailed",
    "OutgoingRefused",
    "caller",
    "check",
    "fetch",
    "init",
]

_KEY: Final = "fullcircle.outgoing"


def init(app: Flask, settings: Settings) -> None:
    """Let the app have a client of its own."""
    app.extensions[_KEY] = {}


def caller() -> "Client":
    """The current app's client."""
    from core.outgoing.client import Client

    kept: dict[str, Client] = current_app.extensions[_KEY]
    if "client" not in kept:
        own = settings()
        agent = f"Fullcircle (+{own.site_url})"
        kept["client"] = Client(allow_private=own.allow_private_fetch, user_agent=agent)
    return kept["client"]


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Answer:
    """Call `url` with the current app's client; any status is an answer.

    Raises OutgoingRefused or OutgoingFailed.
    """
    return caller().fetch(url, method=method, headers=headers, body=body, limits=limits)


def check(url: str) -> None:
    """Judge an address without calling it, so that a form can refuse it.

    Raises OutgoingRefused or OutgoingFailed.
    """
    caller().check(url)
