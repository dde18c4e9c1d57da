"""Rate limits: counted per person, or per address for visitors; in process at home, in Redis at scale.

Use `@limiter.limit("5 per minute")` on a view. While Redis is down reads go on and limited writes are
refused: a limit that nobody counts is no limit.
"""

import ipaddress
import logging
import time
from typing import Final, NoReturn

from flask import Flask, current_app, request
from flask_babel import gettext as _
from flask_limiter import Limiter, RequestLimit
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from werkzeug.exceptions import TooManyRequests

from core.config import Settings, settings
from core.errors import Unavailable
from core.sign_in import viewer

log = logging.getLogger(__name__)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY: Final = "fullcircle.limits"


def who() -> str:
    """Whose requests are counted together: a person's, or a visitor's by address (IPv6 by its /64)."""
    asker = viewer()
    return f"person:{asker.id}" if asker.id is not None else f"address:{_block(request.remote_addr or '')}"


def _block(address: str) -> str:
    """One household or server has a whole /64 of IPv6: its addresses are counted as one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))


def too_many(breached: RequestLimit) -> NoReturn:
    """Refuse with 429 and the seconds to wait."""
    raise TooManyRequests(retry_after=max(1, int(breached.reset_at - time.time()) + 1))


class Limits(Limiter):
    """Flask-Limiter that counts where the current app counts, and fails closed for writes alone."""

    @property
    def limiter(self) -> RateLimiter:
        """The counter of the current app: one process may hold several apps."""
        found: RateLimiter = current_app.extensions[_KEY]
        return found

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if in_middleware or not settings().rate_limits:
            return  # limits stand on views alone, and a view checks its own: before each request there is nothing
        try:
            super()._check_request_limit(callable_name, in_middleware)
        except StorageError as problem:
            log.warning("limits could not be counted: %s", problem)
            if request.method not in _SAFE:
                raise Unavailable(
                    _("This cannot be taken right now. Please try again in a moment.")
                ) from problem


limiter = Limits(who, on_breach=too_many)


def init(app: Flask, settings: Settings) -> None:
    """Count in Redis where REDIS_URL names one, else in this process."""
    app.config["RATELIMIT_STORAGE_URI"] = "memory://"  # the extension's own, which `Limits` never asks
    limiter.init_app(app)
    app.extensions[_KEY] = MovingWindowRateLimiter(_storage(settings.redis_url))


def _storage(redis_url: str) -> Storage:
    if not redis_url:
        return MemoryStorage()
    url = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
    return RedisStorage(
        url, key_prefix="fullcircle:limits", wrap_exceptions=True, socket_connect_timeout=1, socket_timeout=1
    )
