"""An answer on its way out: one signed POST, and what its end says about whether it arrived."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext as _

from core import outgoing
from listening.connectors.item import safe_link
from listening.connectors.signing import HEADER, sign
from listening.models import DELIVERED, FAILED, UNKNOWN

# A redirected POST would arrive as a GET, or somewhere nobody chose: none is followed.
LIMITS: Final = outgoing.Limits(deadline=10.0, max_bytes=200_000, redirects=0)


@dataclass(frozen=True, slots=True)
class Letter:
    """What the channel is told. `id` stays the same at every attempt, so that a repeat can be known."""

    id: str
    in_reply_to: str
    url: str
    author: str
    body: str

    def packed(self) -> bytes:
        """The body of the call."""
        told = {"id": self.id, "in_reply_to": self.in_reply_to, "url": self.url}
        return json.dumps(told | {"author": self.author, "body": self.body}, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `delivered`, `failed` (it did not arrive) or `unknown` (nobody can tell)."""

    state: str
    error: str = ""
    url: str = ""


def send(address: str, secret: str, letter: Letter, at: datetime) -> Outcome:
    """Post the letter. Never raises for what the other side does."""
    body = letter.packed()
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Idempotency-Key": letter.id,
        HEADER: sign(secret, body, at),
    }
    try:
        answer = outgoing.fetch(address, method="POST", headers=headers, body=body, limits=LIMITS)
    except outgoing.OutgoingRefused as problem:
        return Outcome(FAILED, problem.message)
    except outgoing.OutgoingFailed as problem:
        return Outcome(FAILED if problem.nothing_sent else UNKNOWN, problem.message)
    return _outcome(answer)


def _outcome(answer: outgoing.Answer) -> Outcome:
    """2xx arrived; 4xx was refused; anything else may have been done before it failed."""
    if 200 <= answer.status < 300:
        return Outcome(DELIVERED, url=_address_in(answer.body))
    if 300 <= answer.status < 500:
        return Outcome(FAILED, _("The channel refused the reply (status %(status)s).", status=answer.status))
    return Outcome(
        UNKNOWN, _("The channel broke while it took the reply (status %(status)s).", status=answer.status)
    )


def _address_in(body: bytes) -> str:
    """Where the reply stands now, if the answer says so: {"url": "https://..."}."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    link = told.get("url") if isinstance(told, dict) else ""
    return safe_link(link) if isinstance(link, str) else ""
