"""The one guarded client for every outgoing call: only public addresses, one deadline, bounded answers.

The name is looked up once per hop, every address it has is judged, and the connection goes to a judged
address itself: a name that changes its mind between the check and the call (DNS rebinding) gains nothing.
"""

from collections.abc import Mapping
from typing import Final

from flask import Flask, current_app

from core.config import Settings
from core.outgoing.client import DEFAULT_LIMITS, Answer, Client, Limits
from core.outgoing.errors import OutgoingFailed, OutgoingRefused

__all__ = [
    "Answer",
    "Client",
    "Limits",
    "OutgoingFailed",
    "OutgoingRefused",
    "check",
    "client",
    "fetch",
    "init",
]

_KEY: Final = "fullcircle.outgoing"


def init(app: Flask, settings: Settings) -> None:
    """Give the app its client."""
    app.extensions[_KEY] = Client(
        allow_private=settings.allow_private_fetch,
        user_agent=f"Fullcircle (+{settings.site_url})",
    )


def client() -> "Client":
    """The current app's client."""
    found: Client = current_app.extensions[_KEY]
    return found


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
    return client().fetch(url, method=method, headers=headers, body=body, limits=limits)


def check(url: str) -> None:
    """Judge an address without calling it, so that a form can refuse it.

    Raises OutgoingRefused or OutgoingFailed.
    """
    client().check(url)
