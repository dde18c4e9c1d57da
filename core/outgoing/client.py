"""The guarded client: judges an address, calls it, and judges again at each redirect."""

import functools
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import httpcore
import httpx
from flask_babel import gettext as _

from core.outgoing.addresses import is_inside, is_name, is_numeric_address, is_public
from core.outgoing.body import Parcel
from core.outgoing.calls import DEFAULT_LIMITS, Answer, Limits
from core.outgoing.connection import Backend, Deadline
from core.outgoing.errors import OutgoingFailed, OutgoingRefused, broken, too_large

PORTS: Final = frozenset({80, 443})
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
MAX_URL: Final = 4096  # characters
MAX_HEADERS: Final = 64 * 1024  # bytes of names and values in one answer
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

# Only these may follow a redirect to another site: any other header may be a secret of the first one.
_TRAVELLERS: Final = frozenset(
    {"accept", "accept-language", "user-agent", "if-none-match", "if-modified-since"}
)
# The client decides these itself; a caller's value could split the request or unpack past the limits.
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade"}
)
_BODY_HEADERS: Final = frozenset({"content-type", "content-encoding", "content-language"})

Resolve = Callable[[str, int], list[str]]
Dial = Callable[[str, int, float], socket.socket]


def look_up(host: str, port: int) -> list[str]:
    """Every address the system's resolver knows for `host`. Raises OSError or UnicodeError without any."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def dial(address: str, port: int, timeout: float) -> socket.socket:
    """Connect to a numeric address within `timeout` seconds. Raises OSError."""
    return socket.create_connection((address, port), timeout)


@functools.cache
def system_trust() -> ssl.SSLContext:
    """The certificate authorities that outgoing calls trust; loading them takes 20 ms, so it is done once."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request on its way, as a redirect may change it."""

    method: str
    url: httpx.URL
    headers: dict[str, str]
    body: bytes | None

    def towards(self, url: httpx.URL, status: int) -> "_Ask":
        """The request that a redirect asks for. Raises OutgoingRefused, lest the body goes elsewhere."""
        ask = replace(self, url=url)
        if status == 303 or (status in (301, 302) and self.method == "POST"):
            ask = ask._as_read()
        if _same_site(self.url, url):
            return ask
        if ask.body is not None:
            message = _(
                "%(host)s sends the call on to %(other)s. Give the final address.",
                host=self.url.host,
                other=url.host,
            )
            raise OutgoingRefused(message)
        travellers = {name: value for name, value in ask.headers.items() if name in _TRAVELLERS}
        return replace(ask, headers=travellers)

    def _as_read(self) -> "_Ask":
        headers = {name: value for name, value in self.headers.items() if name not in _BODY_HEADERS}
        return replace(self, method="HEAD" if self.method == "HEAD" else "GET", body=None, headers=headers)


def _same_site(old: httpx.URL, new: httpx.URL) -> bool:
    """Same host and port; the step from http up to https on the usual ports stays at home too."""
    if old.host != new.host:
        return False
    if (old.scheme, _port(old)) == (new.scheme, _port(new)):
        return True
    return (old.scheme, _port(old), new.scheme, _port(new)) == ("http", 80, "https", 443)


def _port(url: httpx.URL) -> int:
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80


@dataclass(frozen=True)
class Client:
    """The guarded client; `resolve`, `dial` and `trust` stand in for the network in tests."""

    allow_private: bool = False
    user_agent: str = "Fullcircle"
    resolve: Resolve = look_up
    dial: Dial = dial
    trust: Callable[[], ssl.SSLContext] = field(default=system_trust)

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Answer:
        """Call and follow redirects, all within `limits`. Raises OutgoingRefused or OutgoingFailed."""
        if method not in METHODS:
            raise OutgoingRefused(
                _("The method %(method)s is not used for outgoing calls.", method=method[:20])
            )
        deadline = Deadline(limits.deadline)
        first = ask = _Ask(method, self._address_of(url), self._headers(headers), body)
        for _hop in range(limits.redirects + 1):
            try:
                answer = self._call(ask, deadline, limits)
            except OutgoingFailed as problem:
                problem.nothing_sent &= ask is first
                raise
            target = answer.headers.get("location", "") if answer.status in REDIRECTS else ""
            if not target or not limits.redirects:
                return answer
            ask = ask.towards(self._address_of(target, base=ask.url), answer.status)
        raise OutgoingFailed(_("The address redirects more than %(count)s times.", count=limits.redirects))

    def check(self, url: str, seconds: float = 5.0) -> None:
        """Judge the address and every number behind its name, without calling it."""
        parsed = self._address_of(url)
        self._addresses(parsed.raw_host.decode("ascii"), _port(parsed), Deadline(seconds))

    def _headers(self, given: Mapping[str, str] | None) -> dict[str, str]:
        headers = {name.lower(): value for name, value in (given or {}).items()}
        kept = {name: value for name, value in headers.items() if name not in _OWN_HEADERS}
        return {"user-agent": self.user_agent, "accept": "*/*", **kept}

    def _address_of(self, text: str, base: httpx.URL | None = None) -> httpx.URL:
        """The parsed address, judged as far as its text tells. Raises OutgoingRefused."""
        try:
            if len(text) > MAX_URL:
                raise ValueError("too long")
            url = base.join(text) if base else httpx.URL(text)
            host = url.raw_host.decode("ascii")
        except (httpx.InvalidURL, ValueError):  # idna's errors are ValueErrors
            raise OutgoingRefused(_("This is not a web address.")) from None
        self._judge_form(url, host)
        return url.copy_with(fragment=None)

    def _judge_form(self, url: httpx.URL, host: str) -> None:
        if url.scheme not in ("http", "https") or not host:
            raise OutgoingRefused(_("Only addresses that begin with http:// or https:// can be called."))
        if url.userinfo:
            raise OutgoingRefused(_("An address must not contain a user name or password."))
        if _port(url) not in PORTS and not self.allow_private:
            raise OutgoingRefused(
                _("Only the ports 80 and 443 can be called, not %(port)s.", port=_port(url))
            )
        if not is_numeric_address(host) and not is_name(host):
            raise OutgoingRefused(_("%(host)s is not the name of a site.", host=host[:80]))

    def _addresses(self, host: str, port: int, deadline: Deadline) -> list[str]:
        """Where `host` may be reached. Raises OutgoingRefused when even one of its addresses is closed."""
        found = [host] if is_numeric_address(host) else self._resolved(host, port, deadline)
        if not found:
            raise OutgoingFailed(_("There is no site named %(host)s.", host=host))
        if not all(self._may_call(address) for address in found):
            raise OutgoingRefused(_("%(host)s leads into a private network and cannot be called.", host=host))
        return found

    def _resolved(self, host: str, port: int, deadline: Deadline) -> list[str]:
        """Look up in a thread of its own: the system's resolver knows no deadline."""
        box: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                box.put(self.resolve(host, port))
            except (OSError, UnicodeError) as problem:
                box.put(problem)

        threading.Thread(target=work, name="look-up", daemon=True).start()
        try:
            found = box.get(timeout=deadline.left())
        except queue.Empty:
            raise deadline.missed() from None
        if isinstance(found, Exception):
            raise OutgoingFailed(_("There is no site named %(host)s.", host=host)) from found
        return found

    def _may_call(self, address: str) -> bool:
        if is_public(address):
            return True
        return self.allow_private and is_inside(address)

    def connect(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        """A connection to the first judged address of `host` that answers.

        Raises OutgoingRefused or OutgoingFailed.
        """
        addresses = self._addresses(host, port, deadline)
        for place, address in enumerate(addresses):
            try:
                return self.dial(address, port, deadline.left() / (len(addresses) - place))
            except OSError as problem:
                last = problem
        if isinstance(last, TimeoutError):
            raise deadline.missed() from last
        raise OutgoingFailed(_("%(host)s does not accept the connection.", host=host)) from last

    def _call(self, ask: _Ask, deadline: Deadline, limits: Limits) -> Answer:
        """One hop on one connection of its own."""
        address = httpcore.URL(
            scheme=ask.url.raw_scheme, host=ask.url.raw_host, port=_port(ask.url), target=ask.url.raw_path
        )
        connection = httpcore.HTTPConnection(
            origin=address.origin,
            ssl_context=self.trust() if ask.url.scheme == "https" else None,
            network_backend=Backend(self.connect, deadline),
        )
        try:
            call = connection.stream(ask.method, address, headers=_sent(ask), content=ask.body)
            with connection, call as response:
                return _received(ask, response, limits, deadline)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as problem:
            raise broken(ask.url.host) from problem


def _sent(ask: _Ask) -> list[tuple[bytes, bytes]]:
    """The headers as sent. Only gzip is offered: it can be unpacked piece by piece under a limit."""
    own = [(b"Host", ask.url.netloc), (b"Accept-Encoding", b"gzip"), (b"Connection", b"close")]
    if ask.body is None and ask.method in ("POST", "PUT", "PATCH"):
        own.append((b"Content-Length", b"0"))
    try:
        return own + [(name.encode("ascii"), value.encode("latin-1")) for name, value in ask.headers.items()]
    except UnicodeEncodeError:
        raise OutgoingRefused(_("A header of the call has characters that HTTP cannot carry.")) from None


def _received(ask: _Ask, response: httpcore.Response, limits: Limits, deadline: Deadline) -> Answer:
    headers = httpx.Headers(response.headers)
    if sum(len(name) + len(value) for name, value in response.headers) > MAX_HEADERS:
        raise OutgoingFailed(_("The headers of the answer are too large."))
    if response.status == 101:
        raise broken(ask.url.host)
    moved = response.status in REDIRECTS and "location" in headers
    body = b"" if moved or ask.method == "HEAD" else _read(response, headers, limits, deadline)
    return Answer(response.status, headers, body, str(ask.url))


def _read(response: httpcore.Response, headers: httpx.Headers, limits: Limits, deadline: Deadline) -> bytes:
    """The whole body, unpacked. Raises OutgoingFailed as soon as it grows beyond the limit."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.max_bytes:
        raise too_large(limits.max_bytes)
    parcel = Parcel(headers.get("content-encoding", ""), limits.max_bytes)
    for piece in response.iter_stream():
        deadline.left()
        parcel.add(piece)
    return parcel.content()
