"""A real server on loopback that plays one given part, well-behaved or not, on every connection."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PAIR = Path(__file__).with_name(
    "localhost.pem"
)  # for localhost, 127.0.0.1 and right.example; worthless elsewhere

Play = Callable[[bytes, socket.socket], object]


def server_tls() -> ssl.SSLContext:
    """What a server shows: the certificate of `localhost.pem`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PAIR)
    return context


def client_trust() -> ssl.SSLContext:
    """A client that trusts the certificate of `localhost.pem` alone."""
    return ssl.create_default_context(cafile=PAIR)


def says(status: str, *headers: str, body: bytes = b"") -> Play:
    """Answer every request alike, with a right Content-Length unless one is given."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    raw = "\r\n".join([*lines, "", ""]).encode() + body

    def play(_request: bytes, sock: socket.socket) -> None:
        sock.sendall(raw)

    return play


class Site:
    """Serves until left; `requests` are the raw requests so far, headers and what came with them."""

    def __init__(self, play: Play, tls: ssl.SSLContext | None = None) -> None:
        self._play = play
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Site":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def url(self, path: str = "/") -> str:
        """Its address on loopback."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{path}"

    def _serve(self) -> None:
        while True:
            try:
                sock, _peer = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        """One connection; the client may break it off at any moment, that is what the tests are about."""
        try:
            with sock:
                sock.settimeout(10)
                self._answer(self._tls.wrap_socket(sock, server_side=True) if self._tls else sock)
        except OSError:
            return

    def _answer(self, sock: socket.socket) -> None:
        request = _request(sock)
        if request:
            self.requests.append(request)
            self._play(request, sock)
            sock.close()


def _request(sock: socket.socket) -> bytes:
    """Headers and the announced body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    ]
    while lengths and len(body) < int(lengths[0]):
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body
