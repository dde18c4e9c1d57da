"""Rate limits: counted per person, or per address for visitors; in process at home, in Redis at scale.

Use `@limiter.limit("5 per minute")` on a view. While Redis is down reads go on and limited writes are refused:
a limit that nobody counts is no limit.
"""

import ipaddress
import logging
import time
from typing import Final

from flask import Flask, Response, request
from flask_babel import gettext as _
from flask_limiter import Limiter, RequestLimit
from limits.errors import StorageError
from werkzeug.exceptions import TooManyRequests

from core.config import Settings, settings
from core.errors import Unavailable
from core.sign_in import viewer

log = logging.getLogger(__name__)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REDIS: Final = {"socket_connect_timeout": 1, "socket_timeout": 1, "wrap_exceptions": True}


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


def too_many(breached: RequestLimit) -> Response:
    """Refuse with 429 and the seconds to wait."""
    raise TooManyRequests(retry_after=max(1, int(breached.reset_at - time.time()) + 1))
