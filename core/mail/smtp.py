"""Letters handed to an SMTP server, over encrypted connections that are kept for the next letters."""

import logging
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from flask_babel import gettext as _

from core.config import SettingError
from core.mail.backend import MailSummary, MailView
from core.mail.letter import MailFailed, MailRefused, Post, one_line

log = logging.getLogger(__name__)
TLS: Final = ("starttls", "ssl", "none")
PORTS: Final = {"starttls": 587, "ssl": 465, "none": 25}
IDLE_SECONDS: Final = 30.0  # a kept connection older than this is not trusted any more
LETTERS_EACH: Final = 50  # per connection; many servers end longer talks


class _Line:
    """An open connection, when it was last used and for how many letters."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self.smtp = smtp
        self.used_at = time.monotonic()
        self.letters = 0

    def is_good(self) -> bool:
        """Whether the next letter may go over it: a dead one is found out before a letter is at stake."""
        if self.letters >= LETTERS_EACH or time.monotonic() - self.used_at > IDLE_SECONDS:
            return False
        try:
            return self.smtp.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False


class Smtp:
    """An SMTP server. `timeout` is in seconds for each wait, `deadline` for a whole letter."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: str = "starttls",
        user: str = "",
        password: str = "",
        timeout: float = 20.0,
        deadline: float = 60.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.port, self.tls = host, port, tls
        self._user, self._password = user, password
        self._timeout, self._deadline = timeout, deadline
        self._trust = trust or ssl.create_default_context()
        self._idle: list[_Line] = []
        self._lock = threading.Lock()

    @classmethod
    def from_url(cls, url: str) -> "Smtp":
        """Read MAIL_URL: `smtp://user:password@host:port?tls=starttls|ssl|none`, or `smtps://` for ssl.

        Unless told, letters travel encrypted to every host but this machine itself. Raises SettingError.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingError("MAIL_URL must look like smtp://user:password@host:port?tls=starttls.")
        tls = _tls_of(parts)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, _port_of(parts) or PORTS[tls], tls=tls, user=user, password=password)

    def deliver(self, post: Post) -> None:
        """Hand the letter over; on return the server has taken it. Raises MailRefused or MailFailed."""
        try:
            with self._line() as line:
                line.smtp.sendmail(post.sender, [post.recipient], post.message.as_bytes())
        except smtplib.SMTPRecipientsRefused as problem:
            raise _judged(*next(iter(problem.recipients.values()))) from problem
        except smtplib.SMTPDataError as problem:
            raise _judged(problem.smtp_code, problem.smtp_error) from problem
        except (smtplib.SMTPException, OSError) as problem:
            log.warning("the mail server at %s failed: %s", self.host, one_line(str(problem), 300))
            raise MailFailed(
                _("The mail server did not take the letter. It is tried again later.")
            ) from problem

    def outbox(self, limit: int, before: str | None) -> list[MailSummary]:
        """Nothing: what the server took is no longer here."""
        return []

    def read(self, key: str) -> MailView | None:
        """Nothing either."""
        return None

    @contextmanager
    def _line(self) -> Iterator[_Line]:
        """A connection for one letter: kept if all went well, closed if not, cut at the deadline."""
        line = self._kept_line() or _Line(self._unconnected())
        timer = threading.Timer(self._deadline, _cut, [line.smtp])
        timer.daemon = True
        timer.start()
        try:
            if line.smtp.sock is None:
                self._connect(line.smtp)
            yield line
        except BaseException:
            line.smtp.close()
            raise
        finally:
            timer.cancel()
        line.letters, line.used_at = line.letters + 1, time.monotonic()
        with self._lock:
            self._idle.append(line)

    def _kept_line(self) -> _Line | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                line = self._idle.pop()
            if line.is_good():
                return line
            line.smtp.close()

    def _unconnected(self) -> smtplib.SMTP:
        if self.tls == "ssl":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(timeout=self._timeout, context=self._trust)
        else:
            smtp = smtplib.SMTP(timeout=self._timeout)
        # The name the certificate must show: smtplib sets it only when its constructor connects.
        smtp._host = self.host  # type: ignore[attr-defined]
        return smtp

    def _connect(self, smtp: smtplib.SMTP) -> None:
        smtp.connect(self.host, self.port)
        smtp.ehlo_or_helo_if_needed()
        if self.tls == "starttls":
            smtp.starttls(context=self._trust)
        if self._user:
            smtp.login(self._user, self._password)


def _tls_of(parts: SplitResult) -> str:
    usual = (
        "ssl" if parts.scheme == "smtps" else "none" if _is_this_machine(parts.hostname or "") else "starttls"
    )
    tls = parse_qs(parts.query).get("tls", [usual])[0]
    if tls not in TLS:
        raise SettingError(f"MAIL_URL: tls is one of {', '.join(TLS)}, not {tls!r}.")
    return tls


def _port_of(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise SettingError("MAIL_URL: the port is not a number.") from None


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _cut(smtp: smtplib.SMTP) -> None:
    """End a talk that takes too long: whoever waits on it gets an error at once."""
    sock = smtp.sock
    if sock is not None:
        try:
            sock.shutdown(2)
        except OSError:
            log.debug("the connection was closed already")


def _judged(code: int, reply: bytes | str) -> MailRefused | MailFailed:
    """A 5xx reply about this letter is for good, a 4xx one for now."""
    said = one_line(f"{code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply}", 200)
    if code >= 500:
        return MailRefused(_("The mail server declined the letter: %(said)s", said=said))
    return MailFailed(_("The mail server did not take the letter yet: %(said)s", said=said))
