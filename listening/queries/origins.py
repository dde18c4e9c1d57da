"""Where threads and people came from, and who does not want to be contacted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from core.db import db
from listening.models import ContactRefusal, Mention, Source
from people.queries import PersonCard, cards


@dataclass(frozen=True, slots=True)
class Origin:
    """What a thread's page tells of the outside post it was made from."""

    mention_id: int
    source_id: int
    source_name: str
    channel: str
    url: str
    author_name: str
    author_url: str
    published_at: datetime
    imported_by: PersonCard | None
    imported_at: datetime | None


def mention_of_thread(thread_id: int) -> Mention | None:
    """The outside post this thread was made from."""
    statement = sa.select(Mention).where(Mention.thread_id == thread_id).order_by(Mention.id).limit(1)
    return db.session.execute(statement).scalar_one_or_none()


def origin_of_thread(thread_id: int) -> Origin | None:
    """The same as plain values for the thread's page, in two statements: as public as the thread itself."""
    statement = (
        sa.select(Mention, Source.name, Source.channel)
        .join(Source, Source.id == Mention.source_id)
        .where(Mention.thread_id == thread_id)
        .order_by(Mention.id)
        .limit(1)
    )
    row = db.session.execute(statement).first()
    if row is None:
        return None
    found: Mention = row[0]
    return Origin(
        mention_id=found.id,
        source_id=found.source_id,
        source_name=row.name,
        channel=row.channel,
        url=found.url,
        author_name=found.author_name or row.name,
        author_url=found.author_url,
        published_at=found.published_at,
        imported_by=cards([found.handled_by_id]).get(found.handled_by_id or 0),
        imported_at=found.handled_at,
    )


def mentions_by_person(person_id: int) -> Sequence[Mention]:
    """Everything somebody wrote outside that came in here, for their data export."""
    statement = sa.select(Mention).where(Mention.person_id == person_id).order_by(Mention.id)
    return db.session.execute(statement).scalars().all()


def mention_of_person(person_id: int) -> Mention | None:
    """The newest post of an outside person, for an answer; None when they wish no contact or never posted."""
    statement = (
        sa.select(Mention)
        .where(Mention.person_id == person_id, ~wishes_no_contact(person_id))
        .order_by(Mention.published_at.desc(), Mention.id.desc())
        .limit(1)
    )
    return db.session.execute(statement).scalar_one_or_none()


def wishes_no_contact(person_id: int) -> sa.ColumnElement[bool]:
    """A predicate: this person refused to be contacted."""
    return sa.exists(sa.select(ContactRefusal.person_id).where(ContactRefusal.person_id == person_id))


def is_contactable(person_id: int | None) -> bool:
    """Whether answers may go to this person; somebody unknown has not refused."""
    return person_id is None or contact_refusal(person_id) is None


def contact_refusal(person_id: int) -> ContactRefusal | None:
    """The wish not to be contacted, with who noted it and when."""
    return db.session.get(ContactRefusal, person_id, populate_existing=True)
