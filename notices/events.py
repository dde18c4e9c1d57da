"""What happened to notices."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("notices.mails_queued")
@dataclass(frozen=True)
class MailsQueued(Fact):
    """Mails of notices wait to be sent: first and last id, both included."""

    first_mail_id: int
    last_mail_id: int


@event("notices.choices_changed")
@dataclass(frozen=True)
class NoticeChoicesChanged(Fact):
    person_id: int


@event("notices.people_told")
@dataclass(frozen=True)
class PeopleTold(Fact):
    """A batch of people have something new on their bell."""

    person_ids: tuple[int, ...]
