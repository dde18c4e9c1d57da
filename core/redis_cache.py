"""The cache over Redis: one that does not answer is a cache that knows nothing."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
from flask import Flask
from flask_caching.backends.rediscache import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
PAUSE: Final = 3.0  # seconds without questions to a Redis that failed
Result = TypeVar("Result")


class ForgivingRedis(RedisCache):
    """A Redis cache whose failures are misses."""

    _asleep_until = 0.0

    @classmethod
    def factory(
        cls, app: Flask, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]
    ) -> "ForgivingRedis":
        """Called by Flask-Caching."""
        client = redis.Redis.from_url(
            config["CACHE_REDIS_URL"],
            socket_connect_timeout=0.5,
            socket_timeout=0.5,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(host=client, key_prefix=config["CACHE_KEY_PREFIX"], **kwargs)

    def _tried(self, missed: Result, call: Callable[[], Result]) -> Result:
        """Ask Redis, but not one that failed a moment ago: pages must not wait for it one by one."""
        if time.monotonic() < self._asleep_until:
            return missed
        try:
            return call()
        except redis.RedisError as problem:
            self._asleep_until = time.monotonic() + PAUSE
            log.warning("the cache does not answer: %s", problem)
            return missed

    def get(self, key: str) -> Any:
        """The value, or None."""
        return self._tried(None, lambda: RedisCache.get(self, key))

    def get_many(self, *keys: str) -> list[Any]:
        """The values, None for each that is missing."""
        return self._tried([None] * len(keys), lambda: RedisCache.get_many(self, *keys))

    def has(self, key: str) -> bool:
        """Whether there is a value."""
        return self._tried(False, lambda: bool(RedisCache.has(self, key)))

    def set(self, key: str, value: Any, timeout: Any = None) -> Any:
        """Keep a value; `timeout` in seconds."""
        return self._tried(False, lambda: RedisCache.set(self, key, value, timeout))

    def add(self, key: str, value: Any, timeout: Any = None) -> Any:
        """Keep a value if there is none."""
        return self._tried(False, lambda: RedisCache.add(self, key, value, timeout))

    def set_many(self, mapping: dict[str, Any], timeout: Any = None) -> list[Any]:
        """Keep several values."""
        return self._tried([], lambda: RedisCache.set_many(self, mapping, timeout))

    def delete(self, key: str) -> bool:
        """Forget a value. It is tried in any case: what should be forgotten must not come back."""
        self._asleep_until = 0.0
        return self._tried(False, lambda: bool(RedisCache.delete(self, key)))

    def delete_many(self, *keys: str) -> list[str]:
        """Forget several values."""
        self._asleep_until = 0.0
        return self._tried([], lambda: RedisCache.delete_many(self, *keys))

    def clear(self) -> bool:
        """Forget everything of ours."""
        self._asleep_until = 0.0
        return self._tried(False, lambda: RedisCache.clear(self))
