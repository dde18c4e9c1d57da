"""Pages kept for visitors: the bytes of a page are served again while a cheap query says nothing has changed.

A view calls `keep_for_visitors(sql, **params)` before it reads anything else. The next visitor's request runs only
that query, outside of Flask; a different answer, or twenty seconds, drops the page. Members never get kept pages.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, g, request, session
from sqlalchemy.exc import SQLAlchemyError

from core.config import Settings
from core.db import db, is_writing
from core.sign_in import viewer

_KEY = "fullcircle.pages"
KEPT_SECONDS = 20.0
KEPT_BYTES = 64_000_000
_DROPPED_HEADERS = frozenset({"x-request-id", "content-length", "set-cookie", "date"})


@dataclass(frozen=True, slots=True)
class Check:
    """The query that says whether a kept page still holds, and what it answered."""

    sql: str
    params: tuple[tuple[str, Any], ...]
    answer: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A page's bytes as they went out, with its check."""

    check: Check
    body: bytes
    headers: tuple[tuple[str, str], ...]
    etag: str
    kept_at: float


class PageShelf:
    """The kept pages of one process, the least recently used dropped first."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[str, ...], Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Kept | None:
        """The page under `key` unless it is too old."""
        with self._lock:
            kept = self._pages.get(key)
            if kept is None:
                return None
            if time.monotonic() - kept.kept_at > KEPT_SECONDS:
                self._drop(key)
                return None
            self._pages.move_to_end(key)
            return kept

    def put(self, key: tuple[str, ...], page: Kept) -> None:
        """Keep a page, dropping old ones beyond the byte limit."""
        with self._lock:
            self._drop(key)
            self._pages[key] = page
            self._bytes += len(page.body)
            while self._bytes > KEPT_BYTES:
                self._drop(next(iter(self._pages)))

    def drop(self, key: tuple[str, ...]) -> None:
        """Forget a page."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._pages.clear()
            self._bytes = 0

    def _drop(self, key: tuple[str, ...]) -> None:
        old = self._pages.pop(key, None)
        if old:
            self._bytes -= len(old.body)


def keep_for_visitors(sql: str, **params: Any) -> None:
    """Let this page be kept while `sql` (one row, named parameters) answers the same. Call before other reads."""
    if is_writing() or viewer().is_member:
        return
    row = db.session.execute(sa.text(sql), params).first()
    g.kept_check = Check(sql, tuple(params.items()), tuple(row or ()))


def init(app: Flask, settings: Settings) -> None:
    """Put the shelf in front of Flask. Call before `web.init`: what is kept is the answer with all its headers."""
    shelf = PageShelf()
    app.extensions[_KEY] = shelf
    app.after_request(_keep)
    with app.app_context():
        engine = db.engine.execution_options(mode="read")
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="AUTOCOMMIT")
    app.wsgi_app = VisitorPages(app.wsgi_app, shelf, engine)  # type: ignore[method-assign]


def _page_key(environ: dict[str, Any]) -> tuple[str, ...]:
    return (
        environ.get("HTTP_HOST", ""),
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_ACCEPT_LANGUAGE", ""),
        environ.get("HTTP_ACCEPT_ENCODING", ""),
        environ.get("HTTP_COOKIE", ""),
        environ.get("wsgi.url_scheme", ""),
        "part" if environ.get("HTTP_HX_REQUEST") else "",
    )


def _is_candidate(environ: dict[str, Any]) -> bool:
    """A plain GET of somebody who carries no session."""
    return environ.get("REQUEST_METHOD") == "GET" and "session=" not in environ.get("HTTP_COOKIE", "")


def _keep(response: Response) -> Response:
    check: Check | None = g.pop("kept_check", None)
    if check is None or response.status_code != 200 or response.direct_passthrough or viewer().is_member:
        return response
    if session.modified or "Set-Cookie" in response.headers or not _is_candidate(request.environ):
        return response
    response.add_etag()
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.vary.update(["Cookie", "Accept-Language", "Accept-Encoding"])
    shelf: PageShelf = request.environ["fullcircle.shelf"]
    headers = tuple((k, v) for k, v in response.headers.items() if k.lower() not in _DROPPED_HEADERS)
    page = Kept(check, response.get_data(), headers, response.headers.get("ETag", ""), time.monotonic())
    shelf.put(_page_key(request.environ), page)
    return response


class VisitorPages:
    """WSGI middleware: answers from the shelf when the check still holds, else asks Flask."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]], shelf: PageShelf, engine: sa.Engine) -> None:
        self._app = wsgi_app
        self._shelf = shelf
        self._engine = engine

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        environ["fullcircle.shelf"] = self._shelf
        if not _is_candidate(environ):
            return self._app(environ, start_response)
        key = _page_key(environ)
        page = self._shelf.get(key)
        if page is None or not self._holds(page.check):
            self._shelf.drop(key)
            return self._app(environ, start_response)
        if page.etag and environ.get("HTTP_IF_NONE_MATCH") == page.etag:
            start_response("304 Not Modified", list(page.headers))
            return [b""]
        start_response("200 OK", [*page.headers, ("Content-Length", str(len(page.body)))])
        return [page.body]

    def _holds(self, check: Check) -> bool:
        """Ask the database; if it cannot answer, Flask will say so properly."""
        try:
            with self._engine.connect() as connection:
                row = connection.execute(sa.text(check.sql), dict(check.params)).first()
        except SQLAlchemyError:
            return False
        return tuple(row or ()) == check.answer
