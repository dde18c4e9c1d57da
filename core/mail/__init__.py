"""The mail seam: letters go to an SMTP server, or at home into files that an admin can read.

One letter has one recipient and a lasting message id. In files a repeat overwrites its own file, so a
letter is there exactly once; over SMTP a repeat after a crash carries the same Message-ID.
"""

from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final

from flask import Flask, current_app

from core.config import SettingError, Settings
from core.mail.backend import Backend, MailSummary, MailView
from core.mail.files import MailFiles
from core.mail.letter import (
    MAX_NAME,
    Letter,
    MailFailed,
    MailRefused,
    build,
    checked,
    one_line,
    unlinked,
)
from core.mail.smtp import Smtp
from core.site import site

__all__ = [
    "Letter",
    "MailFailed",
    "MailRefused",
    "MailSummary",
    "MailView",
    "checked",
    "init",
    "one_line",
    "outbox",
    "read",
    "send",
    "unlinked",
]

_KEY: Final = "fullcircle.mail"
OWN_ADDRESS: Final = (
    "community@localhost"  # MAIL_FROM's default: good, and not worth loading what judges addresses
)


@dataclass(frozen=True)
class Mail:
    """The seam's object: knows who the letters are from and where they go.

    A sender without a name of its own writes under the one that its letter's `send` is given.
    """

    backend: Backend
    sender: Address

    def send(self, letter: Letter, name: str = "") -> None:
        """Check, build and hand over. Raises MailRefused or MailFailed."""
        self.backend.deliver(build(letter, _named(self.sender, name)))


def init(app: Flask, settings: Settings) -> None:
    """Choose the backend by MAIL_URL. Raises SettingError."""
    backend = Smtp.from_url(settings.mail_url) if settings.mail_url else MailFiles(settings.var_dir / "mail")
    app.extensions[_KEY] = Mail(backend, sender_of(settings))


def sender_of(settings: Settings) -> Address:
    """MAIL_FROM, without a name when it gives none. Raises SettingError."""
    name, address = parseaddr(settings.mail_from)
    try:
        bare = address if address == OWN_ADDRESS else checked(address)
    except MailRefused:
        raise SettingError(f"MAIL_FROM must be an address, not {settings.mail_from!r}.") from None
    return Address(display_name=one_line(name, MAX_NAME), addr_spec=bare)


def _named(sender: Address, name: str) -> Address:
    """MAIL_FROM's own name goes before the one that the company gave its community."""
    return Address(display_name=sender.display_name or one_line(name, MAX_NAME), addr_spec=sender.addr_spec)


def _mail() -> Mail:
    found: Mail = current_app.extensions[_KEY]
    return found


def send(letter: Letter) -> None:
    """Send through the current app's backend. Raises MailRefused (never again) or MailFailed (try later)."""
    _mail().send(letter, site().name)


def outbox(limit: int = 50, before: str | None = None) -> list[MailSummary]:
    """Letters kept at home, newest first; empty when letters go to an SMTP server."""
    return _mail().backend.outbox(limit, before)


def read(key: str) -> MailView | None:
    """One letter kept at home, or None."""
    return _mail().backend.read(key)
