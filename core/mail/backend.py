"""What every place for letters can do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.mail.letter import Post


@dataclass(frozen=True, slots=True)
class MailSummary:
    """A line of the outbox page."""

    key: str
    to: str
    subject: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class MailView:
    """A letter of the outbox, whole; `html` is for showing in a sandboxed frame alone."""

    key: str
    sender: str
    to: str
    subject: str
    sent_at: datetime
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None


class Backend(Protocol):
    """Where letters go. A backend without a readable outbox gives an empty list and None."""

    def deliver(self, post: Post) -> None:
        """Hand the letter over. Raises MailRefused or MailFailed."""

    def outbox(self, limit: int, before: str | None) -> list[MailSummary]:
        """Newest first; `before` is the key that the page before ended with."""

    def read(self, key: str) -> MailView | None:
        """One letter."""
