"""Pages kept for visitors: the bytes of a page are served again while a cheap query says nothing has changed.

A view calls `keep_for_visitors(sql, **params)` before it reads anything else. The next visitor's request runs only
that query, outside of Flask; a different answer, or twenty seconds, drops the page. Members never get kept pages.

A page that many ask for at once is not asked about each time: for a tenth of a second a good answer stands, unless this
process has stored something meanwhile. So at home a change shows at once, and at scale a tenth of a second later.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, g, request, session
from sqlalchemy.exc import SQLAlchemyError

from core.config import Settings
from core.context import here
from core.db import commits, db, engines, is_writing
from core.shelf import Shelf
from core.sign_in import viewer

_KEY = "fullcircle.pages"
KEPT_SECONDS = 20.0
KEPT_BYTES = 64_000_000
SURE_SECONDS = 0.1
_DROPPED_HEADERS = frozenset({"x-request-id", "content-length", "set-cookie", "date"})


@dataclass(frozen=True, slots=True)
class Check:
    """The query that says whether a kept page still holds, and what it answered."""

    query: sa.TextClause
    params: tuple[tuple[str, Any], ...]
    answer: tuple[Any, ...]


@dataclass(slots=True)
class Kept:
    """A page's bytes as they went out, with its check, and how long that is known to hold."""

    check: Check
    body: bytes
    headers: tuple[tuple[str, str], ...]
    etag: str
    sure_until: float = 0.0
    sure_at: int = -1  # commits of this process when it was asked


def keep_for_visitors(sql: str, **params: Any) -> None:
    """Let this page be kept while `sql` (one row, named parameters) answers the same. Call before other reads."""
    if is_writing() or viewer().is_member:
        return
    query = _query(sql)
    row = db.session.execute(query, params).first()
    g.kept_check = Check(query, tuple(params.items()), tuple(row or ()))


@lru_cache(maxsize=64)
def _query(sql: str) -> sa.TextClause:
    return sa.text(sql)


def init(app: Flask, settings: Settings) -> None:
    """Put the shelf in front of Flask. Call before `web.init`: what is kept is the answer with all its headers."""
    shelf = Shelf[Kept](KEPT_BYTES, KEPT_SECONDS)
    app.extensions[_KEY] = shelf
    app.after_request(_keep)
    app.wsgi_app = VisitorPages(app, shelf)  # type: ignore[method-assign]


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
    check: Check | None = here().g.pop("kept_check", None)
    if check is None or response.status_code != 200 or response.direct_passthrough or viewer().is_member:
        return response
    if session.modified or "Set-Cookie" in response.headers or not _is_candidate(request.environ):
        return response
    response.add_etag()
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.vary.update(["Cookie", "Accept-Language", "Accept-Encoding"])
    shelf: Shelf[Kept] = request.environ["fullcircle.shelf"]
    headers = tuple((k, v) for k, v in response.headers.items() if k.lower() not in _DROPPED_HEADERS)
    page = Kept(check, response.get_data(), headers, response.headers.get("ETag", ""))
    shelf.put(_page_key(request.environ), page, len(page.body))
    return response


class VisitorPages:
    """WSGI middleware: answers from the shelf when the check still holds, else asks Flask."""

    def __init__(self, app: Flask, shelf: Shelf[Kept]) -> None:
        self._flask, self._app, self._shelf = app, app.wsgi_app, shelf
        self._engine = engines(app).looker

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        environ["fullcircle.shelf"] = self._shelf
        if not _is_candidate(environ):
            return self._app(environ, start_response)
        key = _page_key(environ)
        page = self._shelf.get(key)
        if page is None or not self._holds(page):
            self._shelf.drop(key)
            return self._app(environ, start_response)
        if page.etag and environ.get("HTTP_IF_NONE_MATCH") == page.etag:
            start_response("304 Not Modified", list(page.headers))
            return [b""]
        start_response("200 OK", [*page.headers, ("Content-Length", str(len(page.body)))])
        return [page.body]

    def _holds(self, page: Kept) -> bool:
        """Ask the database, unless that was done a moment ago. If it cannot answer, Flask will say so properly."""
        now, stored = time.monotonic(), commits(self._flask)
        if now < page.sure_until and stored == page.sure_at:
            return True
        try:
            with self._engine.connect() as connection:
                row = connection.execute(page.check.query, dict(page.check.params)).first()
        except SQLAlchemyError:
            return False
        if tuple(row or ()) != page.check.answer:
            return False
        page.sure_until, page.sure_at = now + SURE_SECONDS, stored
        return True
