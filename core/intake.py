"""Taking in a request's body before a thread is given to it: slow senders cost a connection, no thread."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import IO, Any, Final

IDLE_SECONDS: Final = 30.0  # between two pieces of a body
IN_MEMORY: Final = 256_000  # bytes; the rest of a larger body waits in a file
PIECE: Final = 65_536

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BadUpload(Exception):
    """The body did not come or is too large; `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@asynccontextmanager
async def taken_in(scope: Scope, receive: Receive, limit: int) -> AsyncIterator[tuple[Scope, Receive]]:
    """The request with its whole body at hand, at most `limit` bytes of it. Raises BadUpload.

    A body announced as larger is left where it is: the application refuses it unread, with a page of its own.
    """
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    is_chunked = any(name == b"transfer-encoding" for name, _value in scope["headers"])
    announced = int(lengths[0]) if lengths and lengths[0].isdigit() else 0
    if not is_chunked and not 0 < announced <= limit:
        yield scope, receive
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as body:
        size = await _fill(body, receive, limit)
        body.seek(0)
        yield _with_length(scope, size), _replayed(body, size, receive)


async def _fill(body: IO[bytes], receive: Receive, limit: int) -> int:
    size, has_more = 0, True
    while has_more:
        try:
            message = await asyncio.wait_for(receive(), IDLE_SECONDS)
        except TimeoutError:
            raise BadUpload(408) from None
        if message["type"] == "http.disconnect":
            raise BadUpload(400)
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise BadUpload(413)
        body.write(piece)
        has_more = message.get("more_body", False)
    return size


def _with_length(scope: Scope, size: int) -> Scope:
    """A chunked body has become one of known length: WSGI knows no other."""
    framing = (b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name not in framing]
    return {**scope, "headers": [*headers, (b"content-length", str(size).encode())]}


def _replayed(body: IO[bytes], size: int, receive: Receive) -> Receive:
    left = size

    async def replay() -> MutableMapping[str, Any]:
        nonlocal left
        if left <= 0:
            return await receive()
        piece = body.read(PIECE)
        left -= len(piece)
        return {"type": "http.request", "body": piece, "more_body": left > 0}

    return replay
