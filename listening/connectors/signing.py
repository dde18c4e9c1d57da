"""Signatures of webhooks, in and out: HMAC-SHA256 over time and body, so that neither can be changed."""

import hmac
import secrets
from datetime import datetime
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.errors import ProductError

HEADER: Final = "X-Fullcircle-Signature"
WINDOW: Final = 300  # seconds that a signature is good for, before and after its time
_MAX_HEADER: Final = 600
_MAX_MARKS: Final = 5


class BadSignature(ProductError):
    """The caller did not prove that it knows the source's secret."""

    status = 401
    title = _l("The signature does not fit")


def new_secret() -> str:
    """A secret of 256 bits, in letters that can be copied."""
    return secrets.token_urlsafe(32)


def sign(secret: str, body: bytes, at: datetime) -> str:
    """The header's value for `body` sent at `at`: `t=1767225600,v1=<hex>`."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_mark(secret, moment, body)}"


def _mark(secret: str, moment: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()


def verify(secret: str, body: bytes, header: str, now: datetime) -> str:
    """Check a header against the body; returns the mark that fitted. Raises BadSignature, saying why."""
    moment, marks = _parts(header)
    if abs(now.timestamp() - moment) > WINDOW:
        raise BadSignature(
            _("The signature's time is more than %(minutes)s minutes off.", minutes=WINDOW // 60)
        )
    expected = _mark(secret, moment, body)
    if not secret or not any(hmac.compare_digest(expected.encode(), mark.encode()) for mark in marks):
        raise BadSignature(_("The signature does not fit the body and this source's secret."))
    return expected


def _parts(header: str) -> tuple[int, list[str]]:
    """The time and the marks of `t=...,v1=...`; several marks are allowed, as while a secret changes."""
    pairs = [part.strip().partition("=") for part in header[:_MAX_HEADER].split(",")]
    times = [value for name, _equals, value in pairs if name == "t"]
    marks = [value for name, _equals, value in pairs if name == "v1"][:_MAX_MARKS]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12 or not marks:
        raise BadSignature(_("The header %(header)s must read t=<unix time>,v1=<hex>.", header=HEADER))
    return int(times[0]), marks
