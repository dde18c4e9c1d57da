"""What every answer says besides its own headers: added at the outermost edge, so that nothing goes out without it."""

from collections.abc import Callable, Iterable
from typing import Any, Final

Headers = list[tuple[str, str]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "private, no-store",
}
_HTTPS: Final = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}
_SOURCES: Final = (
    "style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


def content_policy(script_nonce: str | None = None) -> str:
    """The Content-Security-Policy of a page; with a nonce for those that carry scripts of their own."""
    scripts = f"'self' 'nonce-{script_nonce}'" if script_nonce else "'self'"
    return f"default-src 'none'; script-src {scripts}; {_SOURCES}"


class SecureHeaders:
    """WSGI middleware: adds what an answer did not say itself."""

    def __init__(self, app: Application, *, is_https: bool) -> None:
        said = _FIXED | {"Content-Security-Policy": content_policy()} | (_HTTPS if is_https else {})
        self._app = app
        self._added = tuple((name.lower(), (name, value)) for name, value in said.items())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            own = {name.lower() for name, _value in headers}
            added = [pair for name, pair in self._added if name not in own]
            return start_response(status, [*headers, *added], exc_info)

        return self._app(environ, start)
