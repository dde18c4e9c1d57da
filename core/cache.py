"""The cache seam: values worth keeping for a while, in process at home, in Redis at scale.

Only plain values go in (text, bytes, numbers, lists, dicts, times); tuples and sets come out as lists. A
cache that does not answer is a cache that knows nothing: reads go on.
"""

import logging
from typing import Any, Final

import msgspec
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching import Cache

from core.config import Settings

log = logging.getLogger(__name__)
DEFAULT_SECONDS: Final = 300
THRESHOLD: Final = 2000  # entries kept at home

cache = Cache()


class PlainSerializer(BaseSerializer):
    """MessagePack instead of pickle: nothing that gets into Redis is ever run."""

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        """Raises TypeError for what is no plain value."""
        return msgspec.msgpack.encode(value)

    def loads(self, value: bytes | None) -> Any:
        """What was stored; None for nothing and for what cannot be read."""
        if value is None:
            return None
        try:
            return msgspec.msgpack.decode(value)
        except msgspec.DecodeError:
            log.warning("a cached value could not be read")
            return None


def init(app: Flask, settings: Settings) -> None:
    """Choose where values are kept by REDIS_URL."""
    cache.init_app(
        app,
        {
            "CACHE_TYPE": "core.redis_cache.ForgivingRedis" if settings.redis_url else "SimpleCache",
            "CACHE_REDIS_URL": settings.redis_url,
            "CACHE_KEY_PREFIX": "fullcircle:cache:",
            "CACHE_DEFAULT_TIMEOUT": DEFAULT_SECONDS,
            "CACHE_IGNORE_ERRORS": True,  # a key that somebody set again at once was forgotten all the same
            "CACHE_THRESHOLD": THRESHOLD,
            "CACHE_SERIALIZER": PlainSerializer,
        },
    )
