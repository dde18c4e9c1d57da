"""A small S3 on loopback: buckets and objects over real HTTP, with faults on demand."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit


class FakeS3:
    """Serves until left. `stumbles` answers that many of the next calls with 500."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, tuple[bytes, str]]] = {}
        self.stumbles = 0
        self.calls: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.store = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """FILES_URL of a bucket that does not exist yet."""
        return f"s3://key:secret@127.0.0.1:{self._server.server_port}/community?secure=0"

    def __enter__(self) -> "FakeS3":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: FakeS3


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests speak."""

    def do_GET(self) -> None:
        self._play(lambda bucket, name: self._object(bucket, name, with_body=True))

    def do_HEAD(self) -> None:
        self._play(lambda bucket, name: self._object(bucket, name, with_body=False))

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._play(lambda bucket, name: self._keep(bucket, name, data))

    def do_DELETE(self) -> None:
        self._play(self._forget)

    def _play(self, part: Any) -> None:
        store = self.server.store
        store.calls.append(f"{self.command} {self.path}")
        if store.stumbles:
            store.stumbles -= 1
            return self._refuse(500, "InternalError")
        if not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential=key/"):
            return self._refuse(403, "AccessDenied")
        bucket, _slash, name = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        part(bucket, name)

    def _object(self, bucket: str, name: str, with_body: bool) -> None:
        objects = self.server.store.buckets.get(bucket)
        if objects is None:
            return self._refuse(404, "NoSuchBucket")
        if not name:
            return self._say(200, b"")
        if name not in objects:
            return self._refuse(404, "NoSuchKey")
        data, content_type = objects[name]
        self._say(200, data, content_type, with_body)

    def _keep(self, bucket: str, name: str, data: bytes) -> None:
        buckets = self.server.store.buckets
        if not name:
            if bucket in buckets:
                return self._refuse(409, "BucketAlreadyOwnedByYou")
            buckets[bucket] = {}
        elif bucket not in buckets:
            return self._refuse(404, "NoSuchBucket")
        else:
            buckets[bucket][name] = (data, self.headers.get("Content-Type", ""))
        self._say(200, b"")

    def _forget(self, bucket: str, name: str) -> None:
        self.server.store.buckets.get(bucket, {}).pop(name, None)
        self._say(204, b"")

    def _refuse(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self._say(status, body, "application/xml", with_body=self.command != "HEAD")

    def _say(self, status: int, body: bytes, content_type: str = "", with_body: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", content_type or "application/xml")
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if with_body and status != 204:
            self.wfile.write(body)
