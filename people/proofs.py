"""Secrets that are shown once and never stored: session tokens, and the links sent by mail."""

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final

from core.config import settings

CONFIRM, RESET, EMAIL = "confirm", "reset", "email"
# Mails about an account that carry no proof; their rows only remember where the mail goes.
KNOWN, MOVED, CHANGED = "known", "moved", "changed"
INVITE = "invite"
LIFETIMES: Final = {
    CONFIRM: timedelta(hours=24),
    RESET: timedelta(hours=1),
    EMAIL: timedelta(hours=24),
    INVITE: timedelta(days=14),
}
LONGEST: Final = 100


def new_token() -> str:
    """256 random bits for a session or the first-run page."""
    return secrets.token_urlsafe(32)


def new_nonce() -> str:
    """What is stored of a mail link: without the secret key nobody can make the link from it."""
    return secrets.token_hex(16)


def link_token(purpose: str, nonce: str) -> str:
    """The secret part of a mail link, derived anew whenever the mail is written. Another purpose, another secret."""
    message = f"fullcircle.mail-link\0{purpose}\0{nonce}".encode()
    digest = hmac.digest(settings().secret_key.encode(), message, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def digest_of(token: str) -> str:
    """What the database holds of a token (64 hex digits): enough to recognise it, useless to forge it."""
    return hashlib.sha256(token[:LONGEST].encode("utf-8", "replace")).hexdigest()
