"""How often somebody may try. Guesses count when they fail: by place, by account and place, and by account.

The limit by account alone is wide and passes over browsers in which the account was signed in before, so that
a stranger's guesses from many places cannot keep the owner out.
"""

from typing import Final

from flask import Response, request
from itsdangerous import BadSignature, URLSafeSerializer

from core.config import settings
from core.limits import limiter, who
from people.proofs import digest_of

_COOKIE: Final = "device"
_YEAR: Final = 365 * 86400


def _account() -> str:
    return digest_of(request.form.get("email", "").strip().lower())


def _account_and_place() -> str:
    return f"{_account()}:{who()}"


def _failed(response: Response) -> bool:
    return response.status_code >= 400


def is_known_device() -> bool:
    """Whether this account was signed in from this browser before."""
    try:
        return bool(_signer().loads(request.cookies.get(_COOKIE, "")) == _account())
    except BadSignature:
        return False


def remember_device(response: Response) -> None:
    """Note in the browser, for the sign-in page alone, that the account was signed in here."""
    value = _signer().dumps(_account())
    response.set_cookie(
        *(_COOKIE, value),
        max_age=_YEAR,
        path="/sign-in",
        httponly=True,
        samesite="Lax",
        secure=settings().is_https,
    )


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="people.device")


guesses_by_address = limiter.limit("30 per 15 minutes", key_func=who, deduct_when=_failed)
guesses_by_both = limiter.limit("10 per 15 minutes", key_func=_account_and_place, deduct_when=_failed)
guesses_by_account = limiter.limit(
    "100 per hour", key_func=_account, deduct_when=_failed, exempt_when=is_known_device
)
guesses_of_member = limiter.limit("10 per 15 minutes", key_func=who, deduct_when=_failed)
registrations = limiter.limit("10 per 10 minutes; 40 per day", key_func=who)
links_by_address = limiter.limit("10 per 15 minutes", key_func=who)
links_by_both = limiter.limit("4 per hour", key_func=_account_and_place)
links_by_account = limiter.limit("12 per hour", key_func=_account)
proofs_by_address = limiter.limit("30 per 15 minutes", key_func=who, deduct_when=_failed)
invitations = limiter.limit("60 per hour", key_func=who)
exports = limiter.limit("6 per hour", key_func=who)
pictures = limiter.limit("20 per hour", key_func=who)
