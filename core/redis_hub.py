"""The hub of live updates over Redis: every process hears what any process says."""

import json
import logging
import threading
from collections.abc import Collection, Iterable
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.hubs import REMEMBERED, Heard, LocalHub, Recent, Stream, order_of

log = logging.getLogger(__name__)
BLOCK_MS: Final = 1000
NOTHING_YET: Final = "0-1"  # the cursor of a stream without any message


class RedisHub:
    """Carries messages between processes over a short Redis stream.

    A stream, not pub/sub: a reader that lost the connection goes on where it stopped, and `recent` works in
    processes that never listen. Messages are JSON, so nothing that gets into Redis is ever run.
    """

    def __init__(self, url: str) -> None:
        retry = Retry(NoBackoff(), 0)
        self._client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5, retry=retry)
        database = self._client.connection_pool.connection_kwargs.get("db") or 0
        self.key = f"fullcircle:live:{database}"
        self._local = LocalHub()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._listening = threading.Event()
        self._stopped = threading.Event()

    def publish(self, channels: Iterable[str], message: dict[str, Any]) -> None:
        """Tell every process. While Redis is down messages are lost: they are a comfort, not a record."""
        said = json.dumps({"channels": list(channels), "message": message}, separators=(",", ":"))
        try:
            self._client.xadd(self.key, {"said": said}, maxlen=REMEMBERED, approximate=True)
        except redis.RedisError as problem:
            log.warning("a live message was lost: %s", problem)

    def subscribe(self, channels: Iterable[str]) -> Stream:
        """Listen, in the running event loop."""
        self._begin()
        return self._local.subscribe(channels)

    def recent(self, channels: Collection[str], since: str) -> Recent:
        """What was said after `since` by any process; nothing while Redis is down."""
        try:
            return self._recent(channels, since)
        except redis.RedisError as problem:
            log.warning("live messages could not be read: %s", problem)
            return Recent([], since, True)

    def _recent(self, channels: Collection[str], since: str) -> Recent:
        after = order_of(since)
        last = self._last_id()
        if after == (0, 0):
            return Recent([], last, True)
        oldest = cast(list[Any], self._client.xrange(self.key, count=1))
        entries = cast(list[Any], self._client.xrange(self.key, min=f"({since}", max=last))
        found = [heard for heard in map(_heard, entries) if heard]
        is_complete = since == NOTHING_YET or (bool(oldest) and order_of(_text(oldest[0][0])) <= after)
        return Recent([h for h in found if h.channel_among(channels)], last, is_complete)

    def _last_id(self) -> str:
        newest = cast(list[Any], self._client.xrevrange(self.key, count=1))
        return _text(newest[0][0]) if newest else NOTHING_YET

    def start(self, seconds: float = 2.0) -> None:
        """Begin to listen in a thread; returns once it does, or after `seconds` while Redis is away."""
        self._begin()
        self._listening.wait(seconds)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="live", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End every stream and the listening thread."""
        self._stopped.set()
        self._local.stop()
        if self._thread is not None:
            self._thread.join(BLOCK_MS / 1000 + 5)

    def _listen(self) -> None:
        last, pause = "", 0.1
        while not self._stopped.is_set():
            try:
                last = last or self._last_id()
                self._listening.set()
                last = self._take_after(last)
                pause = 0.1
            except redis.RedisError as problem:
                log.warning("live updates wait for redis: %s", problem)
                self._stopped.wait(pause)
                pause = min(pause * 2, 5.0)

    def _take_after(self, last: str) -> str:
        """Hand out what came after `last`, waiting a second for it; returns the new last."""
        answer = cast(list[Any], self._client.xread({self.key: last}, count=200, block=BLOCK_MS) or [])
        for _key, entries in answer:
            for entry in entries:
                last = _text(entry[0])
                heard = _heard(entry)
                if heard:
                    self._local.hand_out(heard)
        return last


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _heard(entry: tuple[bytes, dict[bytes, bytes]]) -> Heard | None:
    """An entry of the Redis stream; None for one that is not ours to read."""
    try:
        said = json.loads(entry[1][b"said"])
        return Heard(_text(entry[0]), tuple(said["channels"]), dict(said["message"]))
    except (KeyError, ValueError, TypeError):
        log.warning("a live message could not be read")
        return None
