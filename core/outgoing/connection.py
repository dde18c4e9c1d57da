"""Connections whose every wait is cut by the one deadline of the whole call."""

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
from flask_babel import gettext as _

from core.outgoing.errors import OutgoingFailed

Connect = Callable[[str, int, "Deadline"], socket.socket]


class Deadline:
    """The end of a whole call; every wait of it asks how much is left."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, above 0. Raises OutgoingFailed when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> OutgoingFailed:
        """The error that says so."""
        return OutgoingFailed(
            _("There was no complete answer within %(seconds)s seconds.", seconds=f"{self.seconds:g}")
        )


def _unsent(problem: OutgoingFailed) -> OutgoingFailed:
    problem.nothing_sent = True
    return problem


class Backend(httpcore.NetworkBackend):
    """Lets httpcore connect only through the client's judgement."""

    def __init__(self, connect: Connect, deadline: Deadline) -> None:
        self._connect = connect
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A stream that ends with the deadline; httpcore's own time-outs and options are not used."""
        try:
            sock = self._connect(host, port, self._deadline)
        except OutgoingFailed as problem:
            raise _unsent(problem) from problem.__cause__
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Stream(sock, host, self._deadline)


class Stream(httpcore.NetworkStream):
    """A connection whose every wait is cut by the one deadline of the call."""

    def __init__(self, sock: socket.socket, host: str, deadline: Deadline) -> None:
        self._sock = sock
        self._host = host
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._sock.settimeout(self._deadline.left())
            return self._sock.recv(max_bytes)
        except TimeoutError as problem:
            raise self._deadline.missed() from problem
        except OSError as problem:
            raise httpcore.ReadError(problem) from problem

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:
                self._sock.settimeout(self._deadline.left())
                rest = rest[self._sock.send(rest) :]
        except TimeoutError as problem:
            raise self._deadline.missed() from problem
        except OSError as problem:
            raise httpcore.WriteError(problem) from problem

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            self._sock.settimeout(self._deadline.left())
            secure = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except TimeoutError as problem:
            self.close()
            raise _unsent(self._deadline.missed()) from problem
        except OSError as problem:
            self.close()
            raise _unsent(
                OutgoingFailed(_("%(host)s shows no valid certificate.", host=self._host))
            ) from problem
        return Stream(secure, self._host, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._sock if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket) else None
