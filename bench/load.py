"""A small HTTP/1.1 load client: keep-alive connections in one process of its own, times of every request."""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run: requests, seconds, and milliseconds of the middle and the slow ones."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p95: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def run(port: int, requests: list[bytes], *, connections: int, seconds: float) -> Load:
    """Send `requests` round and round over so many connections for so long, from a process of its own."""
    order = {
        "port": port,
        "requests": [r.decode("latin-1") for r in requests],
        "connections": connections,
        "seconds": seconds,
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__))],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
    )
    return Load(**json.loads(done.stdout))


def get(path: str, cookie: str = "") -> bytes:
    """A GET as a browser's bytes."""
    extra = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nAccept-Language: en\r\n{extra}\r\n".encode()


class Connection:
    """One keep-alive connection with one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.started = 0.0

    def send(self, request: bytes) -> None:
        """Begin a request."""
        self.buffer = b""
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Read what is there; the status once the answer is whole."""
        self.buffer += self.socket.recv(262_144)
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return _status(head) if body.endswith(b"0\r\n\r\n") else None
        start = lower.find(b"content-length:")
        length = int(lower[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        return _status(head) if len(body) >= length else None


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


def _drive(port: int, requests: list[bytes], connections: int, seconds: float) -> Load:
    selector = selectors.DefaultSelector()
    queue = deque(requests)
    times: list[float] = []
    errors = 0
    start = time.perf_counter()
    for _ in range(connections):
        connection = Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        _next(connection, queue)
    end = start + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(timeout=1):
            status = key.data.receive()
            if status is None:
                continue
            times.append(time.perf_counter() - key.data.started)
            errors += status >= 400
            _next(key.data, queue)
    took = time.perf_counter() - start
    times.sort()
    return Load(
        len(times), took, errors, *(round(_at(times, share) * 1000, 2) for share in (0.5, 0.95, 0.99))
    )


def _next(connection: Connection, queue: deque[bytes]) -> None:
    request = queue[0]
    queue.rotate(-1)
    connection.send(request)


def _at(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0


if __name__ == "__main__":
    order = json.load(sys.stdin)
    wanted = [r.encode("latin-1") for r in order["requests"]]
    print(json.dumps(asdict(_drive(order["port"], wanted, order["connections"], order["seconds"]))))
