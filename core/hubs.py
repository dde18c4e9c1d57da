"""The hubs behind live updates: one inside a process, one over Redis, each with a short memory."""

import asyncio
import json
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
QUEUE: Final = 100  # messages that wait for one reader; a slower one is let go and asks again
REMEMBERED: Final = 1000  # messages
BLOCK_MS: Final = 1000
NOTHING_YET: Final = "0-1"  # the cursor of a stream without any message
_CURSOR: Final = re.compile(r"[0-9]{1,15}-[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message with its place in time (`milliseconds-number`, ordered) and the channels it went to."""

    id: str
    channels: tuple[str, ...]
    message: dict[str, Any]

    def channel_among(self, allowed: Collection[str]) -> str | None:
        """The first of its channels that the reader may hear, so that no other is named to them."""
        return next((channel for channel in self.channels if channel in allowed), None)


class Recent(NamedTuple):
    """What was said since a cursor, the cursor to ask with next, and whether nothing in between is lost."""

    messages: list[Heard]
    cursor: str
    is_complete: bool


class Hub(Protocol):
    """What both hubs promise."""

    def publish(self, channels: Iterable[str], message: dict[str, Any]) -> None:
        """Tell everyone who listens to one of the channels. Never raises: a page catches up when it asks."""

    def subscribe(self, channels: Iterable[str]) -> "Stream":
        """Listen, in the running event loop; close the stream afterwards."""

    def recent(self, channels: Collection[str], since: str) -> Recent:
        """What was said after `since`; with an unknown cursor nothing but the present one."""

    def start(self, seconds: float = 2.0) -> None:
        """Begin to listen to other processes; returns once it does, or after `seconds`."""

    def stop(self) -> None:
        """End every stream and stop listening."""


def order_of(cursor: str) -> tuple[int, int]:
    """A cursor as something to compare; (0, 0) when it is none."""
    if not _CURSOR.fullmatch(cursor):
        return (0, 0)
    moment, number = cursor.split("-")
    return int(moment), int(number)


class Stream:
    """Messages for one reader, an async iterator. It ends by itself when the reader is too slow."""

    def __init__(self, hub: "LocalHub", channels: Iterable[str]) -> None:
        self.channels = frozenset(channels)
        self.loop = asyncio.get_running_loop()
        self._hub = hub
        self._waiting: deque[Heard] = deque()
        self._stirred = asyncio.Event()
        self._ended = False

    def offer(self, heard: Heard) -> None:
        """Queue a message; called in the stream's own loop."""
        if self._ended:
            return
        if len(self._waiting) >= QUEUE:
            self._waiting.clear()
            self.close()
            return
        self._waiting.append(heard)
        self._stirred.set()

    def close(self) -> None:
        """End it; whoever waits on it goes on."""
        self._ended = True
        self._hub.forget(self)
        self._stirred.set()

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> Heard:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._stirred.clear()
            await self._stirred.wait()
        return self._waiting.popleft()


class LocalHub:
    """Carries messages between the threads and the event loop of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Stream]] = {}
        self._memory: deque[Heard] = deque(maxlen=REMEMBERED)
        self._last = (time.time_ns() // 1_000_000, 0)
        self._forgotten = self._last  # everything after this is still in the memory

    def publish(self, channels: Iterable[str], message: dict[str, Any]) -> None:
        """Tell the streams of this process and remember for a while."""
        with self._lock:
            heard = Heard(self._next_id(), tuple(channels), message)
            if len(self._memory) == REMEMBERED:
                self._forgotten = order_of(self._memory[0].id)
            self._memory.append(heard)
        self.hand_out(heard)

    def _next_id(self) -> str:
        moment, number = self._last
        now = time.time_ns() // 1_000_000
        self._last = (now, 0) if now > moment else (moment, number + 1)
        return f"{self._last[0]}-{self._last[1]}"

    def hand_out(self, heard: Heard) -> None:
        """Give a message to every stream that listens, once each."""
        with self._lock:
            streams = {stream for name in heard.channels for stream in self._listeners.get(name, ())}
        by_loop: dict[asyncio.AbstractEventLoop, list[Stream]] = {}
        for stream in streams:
            by_loop.setdefault(stream.loop, []).append(stream)
        for loop, its_streams in by_loop.items():
            self._in_loop(loop, its_streams, heard)

    def _in_loop(self, loop: asyncio.AbstractEventLoop, streams: list[Stream], heard: Heard) -> None:
        def offer_all() -> None:
            for stream in streams:
                stream.offer(heard)

        try:
            loop.call_soon_threadsafe(offer_all)
        except RuntimeError:  # the loop was closed with streams left in it
            for stream in streams:
                self.forget(stream)

    def subscribe(self, channels: Iterable[str]) -> Stream:
        """Listen, in the running event loop."""
        stream = Stream(self, channels)
        with self._lock:
            for name in stream.channels:
                self._listeners.setdefault(name, set()).add(stream)
        return stream

    def forget(self, stream: Stream) -> None:
        """Take a stream off every channel."""
        with self._lock:
            for name in stream.channels:
                listeners = self._listeners.get(name, set())
                listeners.discard(stream)
                if not listeners:
                    self._listeners.pop(name, None)

    def recent(self, channels: Collection[str], since: str) -> Recent:
        """What this process said after `since`."""
        with self._lock:
            memory, last = list(self._memory), self._last
        cursor = f"{last[0]}-{last[1]}"
        after = order_of(since)
        if after == (0, 0):
            return Recent([], cursor, True)
        found = [h for h in memory if order_of(h.id) > after and h.channel_among(channels)]
        return Recent(found, cursor, after >= self._forgotten)

    def start(self, seconds: float = 2.0) -> None:
        """Nothing to wait for: there are no other processes."""

    def stop(self) -> None:
        """End every stream."""
        with self._lock:
            streams = {stream for listeners in self._listeners.values() for stream in listeners}
        for stream in streams:
            try:
                stream.loop.call_soon_threadsafe(stream.close)
            except RuntimeError:  # the loop is closed, and the stream with it
                self.forget(stream)


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
