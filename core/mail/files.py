"""Letters as files of the home installation: `<moment>-<key>.eml`, each exactly once."""

import os
import re
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path
from typing import Final

from core import clock, disk
from core.mail.backend import MailSummary, MailView
from core.mail.letter import Post

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{12}Z-([0-9a-f]{32})\.eml")


class MailFiles:
    """Keeps letters in `folder`; a small note per key remembers the file, so that a repeat finds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, post: Post) -> None:
        """Write the letter; the same letter again overwrites itself, also from another process."""
        disk.make_folder(self._folder)
        disk.write_whole(self._folder / self._claimed_name(post.key), post.message.as_bytes())

    def _claimed_name(self, key: str) -> str:
        note = self._note(key)
        disk.make_folder(note.parent)
        name = f"{clock.now():%Y%m%dT%H%M%S%f}Z-{key}.eml"
        return name if disk.write_first(note, name.encode("ascii")) else note.read_text("ascii")

    def _note(self, key: str) -> Path:
        return self._folder / "keys" / key[:2] / key

    def outbox(self, limit: int, before: str | None) -> list[MailSummary]:
        """Newest first, older than the letter `before` (none when that is unknown)."""
        names = self._names()
        if before is not None:
            last = self._name_of(before)
            names = [name for name in names if last and name < last]
        return [self._summary(name) for name in names[:limit]]

    def _names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(filter(_NAME.fullmatch, os.listdir(self._folder)), reverse=True)

    def _name_of(self, key: str) -> str | None:
        if not _KEY.fullmatch(key) or not self._note(key).exists():
            return None
        return self._note(key).read_text("ascii")

    def _summary(self, name: str) -> MailSummary:
        with (self._folder / name).open("rb") as file:
            message = BytesHeaderParser(policy=default).parse(file)
        return MailSummary(_key_in(name), str(message["To"]), str(message["Subject"]), _sent_at(message))

    def read(self, key: str) -> MailView | None:
        """The whole letter; None for a key without one."""
        name = self._name_of(key)
        if name is None or not (self._folder / name).exists():
            return None
        message = message_from_bytes((self._folder / name).read_bytes(), policy=default)
        return MailView(
            key=key,
            sender=str(message["From"]),
            to=str(message["To"]),
            subject=str(message["Subject"]),
            sent_at=_sent_at(message),
            headers=tuple((header, str(value)) for header, value in message.items()),
            text=_part(message, "plain") or "",
            html=_part(message, "html"),
        )


def _key_in(name: str) -> str:
    return name.removesuffix(".eml").rpartition("-")[2]


def _sent_at(message: EmailMessage) -> datetime:
    moment: datetime = message["Date"].datetime
    return moment


def _part(message: EmailMessage, kind: str) -> str | None:
    body = message.get_body((kind,))
    return str(body.get_content()).replace("\r\n", "\n") if body is not None else None
