"""The ASGI root: event streams served natively in one loop, everything else by Flask in threads."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
from a2wsgi import WSGIMiddleware
from flask import Flask

from core import live
from core.errors import Unavailable
from core.hubs import order_of
from core.intake import BadUpload, taken_in
from core.live import Allowed, Heard, Stream

log = logging.getLogger(__name__)
MAX_EACH: Final = 8  # streams of one person
MAX_VISITORS: Final = 1000  # streams of all visitors together
RETRY_MS: Final = 3000  # a browser waits so long before it asks again

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'"),
]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between signs of life, between looks whether the session stands, and for a slow reader."""

    heartbeat: float = 25.0
    recheck: float = 60.0
    patience: float = 30.0


def create_asgi(flask_app: Flask, *, pace: Pace | None = None) -> "Root":
    """The application for an ASGI server, in one process: streams at `/events`, pages at every other path."""
    return Root(flask_app, pace or Pace())


class Root:
    """Knows who has how many streams open; everything else about a stream is in `_Reader`."""

    def __init__(self, flask_app: Flask, pace: Pace) -> None:
        settings = flask_app.extensions["fullcircle.settings"]
        self.app, self.pace = flask_app, pace
        self.hub = live.hub(flask_app)
        self._hosts = {urlsplit(settings.site_url).netloc}
        self._pages: Any = WSGIMiddleware(flask_app, workers=settings.web_threads)  # type: ignore[arg-type]
        self._max_body = int(flask_app.config.get("MAX_CONTENT_LENGTH") or 12_000_000)
        self._asking = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-ask")
        self._seats: Counter[int | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of whatever kind."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"].removeprefix(scope.get("root_path", "")) == "/events":
            await self._events(scope, receive, send)
        else:
            await self._page(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(self.hub.start)
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.end_streams()
                self._asking.shutdown(wait=False, cancel_futures=True)
                self._pages.executor.shutdown(wait=False, cancel_futures=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def end_streams(self) -> None:
        """Let every reader go, so that the server can stop."""
        await asyncio.to_thread(self.hub.stop)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A thread is taken only when the whole request is here: slow senders hold none."""
        try:
            async with taken_in(scope, receive, self._max_body) as whole:
                await self._pages(*whole, send)
        except BadUpload as problem:
            await refuse(send, problem.status)

    async def _events(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        if scope["method"] != "GET":
            return await refuse(send, 405)
        if not self._is_own_page(headers):
            return await refuse(send, 403)
        query = _query(scope)
        wanted = query.get("c", [""])[0].split(",")
        granted = await self.ask(headers.get("cookie", ""), wanted)
        if granted is None:
            return await refuse(send, 503)
        if not granted.channels:
            return await refuse(send, 403)
        since = headers.get("last-event-id") or query.get("since", [""])[0]
        await self._seat(_Reader(self, granted, headers.get("cookie", ""), wanted, since), receive, send)

    def _is_own_page(self, headers: dict[str, str]) -> bool:
        """Only pages of this site may listen with its visitors' cookies."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        return origin is None or origin.partition("://")[2] in self._hosts | {headers.get("host", "")}

    async def ask(self, cookies: str, wanted: list[str]) -> Allowed | None:
        """What this browser may hear now; None when the database cannot tell."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._asking, live.authorise, self.app, cookies, wanted)
        except (sa.exc.SQLAlchemyError, Unavailable) as problem:
            log.warning("who may listen could not be told: %s", problem)
            return None

    async def _seat(self, reader: "_Reader", receive: Receive, send: Send) -> None:
        person_id = reader.granted.person_id
        if self._seats[person_id] >= (MAX_VISITORS if person_id is None else MAX_EACH):
            return await refuse(send, 429)
        self._seats[person_id] += 1
        try:
            await reader.run(receive, send)
        finally:
            self._seats[person_id] -= 1
            if not self._seats[person_id]:
                del self._seats[person_id]


class _Reader:
    """One open stream: says what is heard, shows life, and looks now and then whether it may go on."""

    def __init__(self, root: Root, granted: Allowed, cookies: str, wanted: list[str], since: str) -> None:
        self.granted = granted
        self._root, self._pace = root, root.pace
        self._cookies, self._wanted, self._since = cookies, wanted, since
        self._caught_up = (0, 0)  # messages up to this place were told when the stream opened

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve until the browser goes, the session ends, or the reader is too slow."""
        own = {f"person:{self.granted.person_id}"} if self.granted.person_id is not None else set()
        stream = self._root.hub.subscribe(self.granted.channels | own)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            async with _gone(receive) as gone:
                await self._say(send, await self._opening())
                await self._serve(stream, gone, send)
            with suppress(TimeoutError):
                await asyncio.wait_for(send({"type": "http.response.body", "body": b""}), 1.0)
        except TimeoutError:
            log.info("a reader of live updates was too slow")
        finally:
            stream.close()

    async def _opening(self) -> bytes:
        """How long to wait before asking again, and what was said while the browser was away."""
        recent = await asyncio.to_thread(self._root.hub.recent, self.granted.channels, self._since)
        self._caught_up = order_of(recent.cursor) if order_of(self._since) != (0, 0) else (0, 0)
        lines = [f"retry: {RETRY_MS}\nid: {recent.cursor}\n".encode()]
        lines += [] if recent.is_complete else [_data(live.GAP)]
        return b"".join([*lines, b": welcome\n\n", *(self._event(heard) for heard in recent.messages)])

    def _event(self, heard: Heard) -> bytes:
        if live.is_end(heard):
            return b""
        return f"id: {heard.id}\n".encode() + _data(live.shown(heard, self.granted.channels))

    async def _serve(self, stream: Stream, gone: "asyncio.Task[None]", send: Send) -> None:
        loop = asyncio.get_running_loop()
        look_at = loop.time() + self._pace.recheck
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while True:
                pause = max(0.0, min(self._pace.heartbeat, look_at - loop.time()))
                done, _pending = await asyncio.wait(
                    {coming, gone}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                )
                if gone in done or (coming in done and not await self._take(coming.result(), send)):
                    return
                if coming in done:
                    coming = asyncio.ensure_future(anext(stream, None))
                else:
                    await self._say(send, b": alive\n\n")
                if loop.time() >= look_at:
                    if not await self._may_go_on():
                        return
                    look_at = loop.time() + self._pace.recheck
        finally:
            coming.cancel()

    async def _take(self, heard: Heard | None, send: Send) -> bool:
        """Pass on what was heard; False when this was the end."""
        if heard is None:
            return False
        if live.is_end(heard):
            return await self._may_go_on()
        if order_of(heard.id) > self._caught_up and heard.channel_among(self.granted.channels):
            await self._say(send, self._event(heard))
        return True

    async def _may_go_on(self) -> bool:
        """Whether everything granted is granted still; if not, the browser asks again for what is left."""
        return await self._root.ask(self._cookies, self._wanted) == self.granted

    async def _say(self, send: Send, data: bytes) -> None:
        """Raises TimeoutError when the reader takes nothing any more."""
        if data:
            await asyncio.wait_for(
                send({"type": "http.response.body", "body": data, "more_body": True}), self._pace.patience
            )


def _query(scope: Scope) -> dict[str, list[str]]:
    try:
        return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=10)
    except ValueError:  # far more than any page of ours asks
        return {}


def _data(message: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(message, separators=(',', ':'))}\n\n".encode()


@asynccontextmanager
async def _gone(receive: Receive) -> AsyncIterator["asyncio.Task[None]"]:
    """A task that is done when the browser has gone."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            continue

    task = asyncio.create_task(watch())
    try:
        yield task
    finally:
        task.cancel()


async def refuse(send: Send, status: int) -> None:
    """A bare answer for programs: browsers show none of these."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"0"),
    ]
    headers += {
        405: [(b"allow", b"GET")],
        429: [(b"retry-after", b"60")],
        503: [(b"retry-after", b"10")],
    }.get(status, [])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
