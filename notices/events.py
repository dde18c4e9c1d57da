"""What happened to notices."""

from dataclasses import dataclass

from core.outbox import Fact, event


@event("notices.mails_queued")
@dataclass(frozen=True)
class MailsQueued(Fact):
    """Mails of notices wait to be sent: a batch of them, so that no mail is in two batches."""

    mail_ids: tuple[int, ...]

    @property
    def subject(self) -> str:
        """The first of them: a subject is short."""
        return f"notice_mail:{self.mail_ids[0]}"


@event("notices.choices_changed")
@dataclass(frozen=True)
class NoticeChoicesChanged(Fact):
    person_id: int


@event("notices.people_told")
@dataclass(frozen=True)
class PeopleTold(Fact):
    """A batch of people have something new on their bell."""

    person_ids: tuple[int, ...]

    @property
    def subject(self) -> str:
        """The first of them: a subject is short."""
        return f"person:{self.person_ids[0]}"
