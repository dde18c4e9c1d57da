"""Pages, streams and jobs as one process: the home installation's server."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn
from flask import Flask

from core import search
from core.asgi import Root, create_asgi
from core.config import Settings
from core.worker import Worker

log = logging.getLogger(__name__)
BACKLOG: Final = 512
GRACE_SECONDS: Final = 10
MAX_HEADERS: Final = 32_768  # bytes of one request's headers


class PortTaken(SystemExit):
    """The address cannot be used; the message says what to do."""


def serve(app: Flask, settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs and return.

    `on_ready` is told the address once it answers; without it the address is printed. Raises PortTaken.
    """
    listener = listen(settings.host, settings.port)
    with app.app_context():
        _claim_index()
    worker = Worker(app)
    server = Server(create_asgi(app), listener, on_ready or _print_address)
    with _quiet_signals():
        worker.start()
        try:
            server.run(sockets=[listener])
        finally:
            worker.stop()
            listener.close()


def _claim_index() -> None:
    """One process writes the search index: a second `run` over the same data stops here."""
    try:
        search.index().claim()
    except search.SearchBusy as busy:
        raise SystemExit(str(busy)) from None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a port of 0 takes any free one. Raises PortTaken."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _name, address = found[0]
        return _bound(family, kind, protocol, address)
    except OSError as problem:
        reason = problem.strerror or problem
        raise PortTaken(
            f"{host}:{port} cannot be used ({reason}). Choose another by PORT=... or HOST=..."
        ) from None


def _bound(family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
    """The protocol is named, because asyncio sends small pieces at once only on sockets that say TCP:
    otherwise every page waits 40 ms for the browser's delayed acknowledgement."""
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _print_address(address: str) -> None:
    print(f"Fullcircle is at {address}", flush=True)


class Server(uvicorn.Server):
    """Uvicorn, told to say when it answers and to let its streams go before it waits for them."""

    def __init__(self, root: Root, listener: socket.socket, on_ready: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                root,
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # Flask reads them, as far as the settings trust them
                h11_max_incomplete_event_size=MAX_HEADERS,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=GRACE_SECONDS,
                backlog=BACKLOG,
            )
        )
        self._root, self._listener, self._on_ready = root, listener, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the address."""
        await super().startup(sockets)
        if self.started:
            self._on_ready(address_of(self._listener))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams never end by themselves: they are ended first."""
        ending = asyncio.create_task(self._root.end_streams())
        await super().shutdown(sockets)
        await ending


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - shown, not bound
    return f"http://{shown}:{port}"


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Uvicorn raises the signal that stopped it once more: that must not cut the worker's last receipt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def noted(number: int, _frame: FrameType | None) -> None:
        log.info("stopping on signal %s", number)

    before = {number: signal.signal(number, noted) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
