"""A real local HTTP server that plays a channel outside: serves feeds, takes replies, and can misbehave."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final

PATIENCE: Final = (
    10.0  # seconds that a `slow` answer keeps its caller waiting, unless the channel is left before
)


@dataclass
class Page:
    """What stands under a path."""

    body: bytes
    content_type: str = "application/rss+xml; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    modified: str = ""

    @property
    def etag(self) -> str:
        """Changes with the body."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


@dataclass(frozen=True)
class Request:
    """One request as it came; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Channel:
    """Serves until left. `requests` are all requests so far, `replies` the replies it took, each key once.

    `fault` holds for every request until it is set back: "500", "503", "refuse" (422), "slow" (takes a reply
    in, but never answers in time), "drop" (breaks off at once), "drop_after" (takes a reply, then breaks off).
    """

    def __init__(self, secret: str = "") -> None:
        self.secret = secret
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.replies: dict[str, dict[str, Any]] = {}
        self.fault = ""
        self.left = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "Channel":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, path: str = "/feed") -> str:
        """Its address on loopback."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    @property
    def reply_url(self) -> str:
        """Where it takes replies."""
        return self.url("/replies")

    def serve(self, body: str | bytes, path: str = "/feed", **more: Any) -> str:
        """Put a document under a path; returns its address."""
        content = body.encode() if isinstance(body, str) else body
        modified = formatdate(1_767_225_600 + len(self.requests), usegmt=True)
        self.pages[path] = Page(content, **{"modified": modified, **more})
        return self.url(path)

    def redirect(self, path: str, target: str, status: int = 302) -> str:
        """Send callers of a path elsewhere; returns its address."""
        self.pages[path] = Page(b"", status=status, headers={"Location": target})
        return self.url(path)

    def asked(self, path: str = "/feed") -> list[Request]:
        """The requests for one path."""
        return [request for request in self.requests if request.path == path]


class _Server(ThreadingHTTPServer):
    """The listening socket, with the channel it plays."""

    daemon_threads = True

    def __init__(self, channel: Channel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.channel = channel


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, *_values: Any) -> None:
        """Keep quiet."""

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method, self.path, headers, self.rfile.read(length))
        self.server.channel.requests.append(request)
        if not self._misbehaves(request):
            self._behave(request)

    def _misbehaves(self, request: Request) -> bool:
        """Do what the fault says; False when there is none."""
        channel = self.server.channel
        if request.method == "POST" and channel.fault in ("drop_after", "slow"):
            take(channel, request)
        if channel.fault in ("drop", "drop_after"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif channel.fault == "slow":
            channel.left.wait(PATIENCE)
            self.close_connection = True
        elif channel.fault:
            status = 422 if channel.fault == "refuse" else int(channel.fault)
            self._say(Page(b"no", "text/plain", status))
        return bool(channel.fault)

    def _behave(self, request: Request) -> None:
        channel = self.server.channel
        page = channel.pages.get(request.path)
        if request.method == "POST" and (page is None or page.status == 200):
            self._say(take(channel, request))
        elif page is None:
            self._say(Page(b"nothing here", "text/plain", 404))
        elif is_known(page, request.headers):
            self._say(Page(b"", page.content_type, 304, {"ETag": page.etag}))
        else:
            self._say(page)

    def _say(self, page: Page) -> None:
        self.send_response(page.status)
        if page.status != 304:
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
        if page.status == 200 and page.body:
            self.send_header("ETag", page.etag)
            self.send_header("Last-Modified", page.modified)
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page.body)


def is_known(page: Page, headers: Mapping[str, str]) -> bool:
    """Whether the caller has this very document already."""
    if "if-none-match" in headers:
        return headers["if-none-match"] == page.etag
    return bool(page.modified) and headers.get("if-modified-since") == page.modified


def take(channel: Channel, request: Request) -> Page:
    """Take a signed reply in: the same key twice is one reply."""
    if channel.secret and not is_signed(channel.secret, request):
        return Page(b'{"error": "signature"}', "application/json", 401)
    key = request.headers.get("idempotency-key", "")
    channel.replies.setdefault(key, json.loads(request.body))
    address = channel.url(f"/said/{list(channel.replies).index(key) + 1}")
    return Page(json.dumps({"url": address}).encode(), "application/json", 201)


def is_signed(secret: str, request: Request) -> bool:
    """HMAC-SHA256 over `<time>.<body>`, written anew here, so that the product does not check itself."""
    parts = dict(part.split("=", 1) for part in request.headers["x-fullcircle-signature"].split(","))
    expected = hmac.new(
        secret.encode(), parts["t"].encode() + b"." + request.body, hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(expected, parts["v1"])
