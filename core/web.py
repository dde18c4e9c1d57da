"""What every request passes through: ids, logs, proofs of forms, languages, the error pages, and template values."""

import logging
import secrets
import time
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from babel import Locale
from babel.dates import format_datetime, format_timedelta
from flask import (
    Flask,
    Response,
    current_app,
    g,
    has_request_context,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import Babel, LazyString, force_locale, get_locale
from flask_babel import gettext as _
from flask_compress import Compress
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from core import db as edge
from core import templates
from core.config import Settings, settings
from core.context import here
from core.errors import NotFound, ProductError, SignInRequired, Unavailable
from core.frame import Around, framed, told
from core.headers import SecureHeaders, content_policy
from core.sign_in import viewer
from core.site import site
from core.slots import slot

log = logging.getLogger("fullcircle.access")


class FormProofs(CSRFProtect):  # type: ignore[misc]
    """Asks for the proof that a form came from a page of ours, of whatever may change something."""

    def protect(self, apply_exemptions: bool = False) -> None:
        """As the extension does, which looks for exemptions first, with every page that is only read."""
        if request.method in here().app.config["WTF_CSRF_METHODS"]:
            super().protect(apply_exemptions)


csrf = FormProofs()
babel = Babel()
compress = Compress()
MAX_REQUEST = 12_000_000
KEPT_PROOFS = 4096
_PROOFS = "fullcircle.form_tokens"


def init(app: Flask, settings: Settings) -> None:
    """Wire all of it, once."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-session" if settings.is_https else "session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=settings.session_days * 86400,
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=MAX_REQUEST,
        MAX_FORM_MEMORY_SIZE=2_000_000,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=settings.is_https,
        BABEL_DEFAULT_LOCALE=settings.language_list[0],
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_LEVEL=2,
        COMPRESS_BR_LEVEL=3,
        COMPRESS_MIN_SIZE=1000,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.before_request(_begin)
    app.after_request(_finish)
    app.wsgi_app = SecureHeaders(app.wsgi_app, is_https=settings.is_https)  # type: ignore[method-assign]
    csrf.init_app(app)
    babel.init_app(app, locale_selector=chosen_locale, timezone_selector=_chosen_zone)
    compress.init_app(app)
    _register_errors(app)
    _register_templates(app)
    templates.init(app)
    app.add_url_rule(
        "/health", "health", lambda: ("ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"})
    )
    app.add_url_rule("/ready", "ready", ready)


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Believe X-Forwarded-* of so many reverse proxies; outermost, so that all else sees the mended request."""
    hops = settings.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def _begin() -> None:
    kept = here().g
    kept.request_id = secrets.token_hex(8)
    kept.started = time.perf_counter()


def _finish(response: Response) -> Response:
    kept = here().g
    headers, own_nonce = response.headers, kept.get("nonce")
    if own_nonce and "Content-Security-Policy" not in headers:
        headers.add("Content-Security-Policy", content_policy(own_nonce))
    headers.add("X-Request-ID", kept.get("request_id", ""))
    _log_access(response)
    put_off = kept.pop("db_apart", None)
    if put_off:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        response.call_on_close(lambda: edge.run_apart(app, put_off))
    return response


def _log_access(response: Response) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    took = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1)
    extra = {"method": request.method, "path": request.path, "status": response.status_code, "ms": took}
    log.info("request", extra=extra)


def nonce() -> str:
    """This request's nonce for scripts; pages that are kept for visitors must not call it."""
    kept = here().g
    if "nonce" not in kept:
        kept.nonce = secrets.token_urlsafe(16)
    return str(kept.nonce)


def chosen_locale() -> Locale:
    """The member's language, else the browser's best match among those offered; in a task the first of them."""
    offered = settings().language_list
    if len(offered) == 1 or not has_request_context():
        return _parsed(offered[0])
    wanted = viewer().locale or request.cookies.get("lang", "")
    if wanted in offered:
        return _parsed(wanted)
    return _parsed(request.accept_languages.best_match(offered) or offered[0])


@lru_cache(maxsize=64)
def _parsed(language: str) -> Locale:
    return Locale.parse(language)


def _chosen_zone() -> str:
    return (viewer().timezone if has_request_context() else "") or "UTC"


def wants_json() -> bool:
    """Whether the caller is a program."""
    if request.path.startswith(("/api/", "/hooks/")) or request.is_json:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return (
        best == "application/json" and request.accept_mimetypes[best] > request.accept_mimetypes["text/html"]
    )


def _register_errors(app: Flask) -> None:
    app.register_error_handler(ProductError, show_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(sa.exc.OperationalError, _database_error)
    app.register_error_handler(Exception, _crash)


def show_error(error: ProductError) -> ResponseReturnValue:
    """Render a product error: problem+json (RFC 9457) for programs, a page that says what to do for people."""
    if isinstance(error, SignInRequired) and not wants_json():
        if request.method == "GET":
            return redirect(url_for("people.sign_in", next=request.full_path.rstrip("?")))
        return redirect(url_for("people.sign_in"))
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
    if wants_json():
        problem: dict[str, Any] = {"type": "about:blank", "title": str(error.title), "status": error.status}
        problem |= {"detail": error.message} if error.message else {}
        problem |= {"errors": error.fields} if error.fields else {}
        answer = jsonify(problem)
        answer.mimetype = "application/problem+json"
        return answer, error.status, headers
    page = render_template(
        "error.html",
        code=error.status,
        title=str(error.title),
        text=error.message or str(error.advice),
        reference=g.get("request_id", ""),
    )
    return page, error.status, headers


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    if error.code == 404:
        return show_error(NotFound())
    title, words = _http_words(error.code)
    shown = ProductError(words)
    shown.status = error.code
    shown.title = title
    response = current_app.make_response(show_error(shown))
    for name in ("Retry-After", "Allow"):
        if name in error.get_response().headers:
            response.headers[name] = error.get_response().headers[name]
    return response


def _http_words(code: int) -> tuple[str | LazyString, str]:
    """A title and a sentence in plain words, for what the framework refuses by a code alone."""
    words = {
        405: (_("Not like this"), _("This address does not take that kind of request.")),
        413: (_("Too large"), _("That is too large to send. Please send less at once, or a smaller file.")),
        429: (
            _("A little slower, please"),
            _("That was a lot in a short time. Please wait a moment and try again."),
        ),
    }
    return words.get(code, (ProductError.title, ""))


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    shown = ProductError(
        _("This form was open too long or in another sign-in. Go back, reload the page and send it again.")
    )
    shown.status = 400
    return show_error(shown)


def _database_error(error: sa.exc.OperationalError) -> ResponseReturnValue:
    logging.getLogger(__name__).error("the database failed", exc_info=error)
    edge.db.session.rollback()
    with force_locale(_safe_locale()):
        words = _("The database does not answer right now. Nothing was lost; please try again in a moment.")
    return _plain_failure(503, words)


def _crash(error: Exception) -> ResponseReturnValue:
    logging.getLogger(__name__).exception("a request failed", exc_info=error)
    if current_app.testing and current_app.config.get("PROPAGATE_EXCEPTIONS"):
        raise error
    edge.db.session.rollback()
    with force_locale(_safe_locale()):
        words = _("Something went wrong on our side. It was logged as %(id)s.", id=g.get("request_id", ""))
    return _plain_failure(500, words)


def _safe_locale() -> str:
    """The browser's language: asks nothing of the database, which may be what failed."""
    offered = settings().language_list
    return request.accept_languages.best_match(offered) or offered[0]


def _plain_failure(status: int, words: str) -> ResponseReturnValue:
    """An error page that needs neither database nor templates."""
    headers = {"Retry-After": "10"} if status == 503 else {}
    if wants_json():
        answer = jsonify({"type": "about:blank", "title": "Failure", "status": status, "detail": words})
        answer.mimetype = "application/problem+json"
        return answer, status, headers
    page = current_app.jinja_env.get_template("failure.html").render(
        status=status, message=words, locale="en"
    )
    return page, status, headers


def ready() -> ResponseReturnValue:
    """Whether this process can serve: database (and Redis, at scale) answer."""
    try:
        edge.db.session.execute(sa.text("SELECT 1"))
    except (sa.exc.SQLAlchemyError, Unavailable):
        return (
            "database does not answer\n",
            503,
            {"Content-Type": "text/plain; charset=utf-8", "Retry-After": "5"},
        )
    return "ready\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


def _register_templates(app: Flask) -> None:
    app.jinja_env.globals.update(slot=slot, csrf_token=form_token, around=around, framed=framed)
    app.jinja_env.filters.update(instant=instant, iso=iso, day=day, duration=duration)
    # In the place of Flask's own, whose values are globals of templates anyway, and of the form extension's.
    app.template_context_processors[None] = [_page_values]


def form_token() -> str:
    """The proof that a form came from a page of ours. One session's proof is signed once: it does not run out."""
    context = here()
    kept = context.g  # a page asks several times
    known: str | None = kept.get("csrf_token")
    if known is not None:
        return known
    raw = session.get("csrf_token")
    proofs: dict[str, str] = context.app.extensions.setdefault(_PROOFS, {})
    proof = proofs.get(raw) if raw else None
    if proof is None:
        if len(proofs) >= KEPT_PROOFS:
            proofs.clear()
        proof = str(generate_csrf())
        proofs[session["csrf_token"]] = proof
    kept.csrf_token = proof
    return proof


def _page_values() -> dict[str, Any]:
    """For every template; its frame asks for more."""
    lang, direction = _writing(get_locale())
    return {"site": site(), "viewer": viewer(), "lang": lang, "direction": direction}


def around() -> Around:
    """What the frame says in this request."""
    asker = viewer()
    lang, direction = _writing(get_locale())
    return Around(
        viewer=asker,
        site=site(),
        lang=lang,
        direction=direction,
        root=request.script_root,
        token=form_token() if asker.is_member else "",
        nonce=nonce() if asker.is_member else None,
        **told(asker),
    )


@lru_cache(maxsize=64)
def _writing(locale: Locale | None) -> tuple[str, str]:
    """A language as HTML names it (BCP 47), and the way it is written."""
    if locale is None:
        return "en", "ltr"
    return str(locale).replace("_", "-"), str(locale.text_direction)


def iso(value: datetime) -> str:
    """A moment for machines."""
    return value.isoformat(timespec="seconds")


def instant(value: datetime) -> str:
    """A moment in the reader's language and zone, such as `Nov 3, 2026, 4:05 PM`."""
    return _formatted(
        value.replace(second=0, microsecond=0),
        str(get_locale() or "en"),
        viewer().timezone or "UTC",
        "medium",
    )


def day(value: datetime) -> str:
    """A day in the reader's language and zone."""
    return _formatted(
        value.replace(second=0, microsecond=0),
        str(get_locale() or "en"),
        viewer().timezone or "UTC",
        "d MMM y",
    )


def duration(value: timedelta) -> str:
    """A length of time in the reader's language, in its largest unit, such as `3 hours`."""
    return str(format_timedelta(value, threshold=1.5, locale=get_locale()))


@lru_cache(maxsize=4096)
def _formatted(value: datetime, locale: str, zone: str, form: str) -> str:
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        tz = ZoneInfo("UTC")
    style = "MMM d, y, HH:mm" if form == "medium" and locale == "en" else form
    return str(format_datetime(value, style, tzinfo=tz, locale=locale))
