"""The hub behind live updates inside a process, with a short memory; `redis_hub` carries them between processes."""

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

QUEUE: Final = 100  # messages that wait for one reader; a slower one is let go and asks again
REMEMBERED: Final = 1000  # messages
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
