"""Every read of notices: who can be reached and wants to be, the bell, the mails that wait."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import clock
from core.db import db
from core.viewer import MEMBER, STAFF, STAFF_ROLES, Viewer
from forum.models import Thread
from forum.visibility import visible_threads
from listening import queries as mentions
from notices.kinds import BY_KEY
from notices.models import Notice, NoticeChoice, NoticeMail
from people.models import MEMBER as MEMBER_KIND
from people.models import Person, RoleGrant


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a kind of notice goes."""

    bell: bool
    mail: bool


@dataclass(frozen=True, slots=True)
class Reachable:
    """Somebody who may be told, with their choices (no entry: the kind's default)."""

    id: int
    email: str
    choices: dict[str, Choice]


def reachable(person_ids: Sequence[int], thread_id: int | None) -> list[Reachable]:
    """Members among these who are neither banned nor removed and may see the thread (if one is given)."""
    ids = list(person_ids)
    staff = sa.exists().where(RoleGrant.person_id == Person.id, RoleGrant.role.in_(STAFF_ROLES))
    statement = sa.select(Person.id, Person.email, Person.email_confirmed_at).where(
        Person.id.in_(ids),
        Person.kind == MEMBER_KIND,
        Person.removed_at.is_(None),
        sa.or_(Person.banned_until.is_(None), Person.banned_until < clock.now()),
    )
    if thread_id is not None:
        access = (
            sa.select(Thread.access)
            .where(Thread.id == thread_id, Thread.deleted_at.is_(None))
            .scalar_subquery()
        )
        statement = statement.where(access <= sa.case((staff, STAFF), else_=MEMBER))
    people = db.session.execute(statement).all()
    choices = _choices([p.id for p in people])
    return [
        Reachable(p.id, (p.email or "") if p.email_confirmed_at else "", choices.get(p.id, {}))
        for p in people
    ]


def _choices(person_ids: Collection[int]) -> dict[int, dict[str, Choice]]:
    found: dict[int, dict[str, Choice]] = {}
    statement = sa.select(NoticeChoice).where(NoticeChoice.person_id.in_(list(person_ids)))
    for row in db.session.execute(statement).scalars():
        found.setdefault(row.person_id, {})[row.kind] = Choice(row.bell, row.mail)
    return found


def choice(person: Reachable, kind: str) -> Choice:
    """The person's choice, or the kind's default."""
    return person.choices.get(kind) or Choice(BY_KEY[kind].bell, BY_KEY[kind].mail)


def choice_of(person_id: int, kind: str) -> Choice:
    """The same for one person."""
    return _choices([person_id]).get(person_id, {}).get(kind) or Choice(BY_KEY[kind].bell, BY_KEY[kind].mail)


def choices_of(viewer: Viewer) -> list[tuple[Any, Choice]]:
    """Every kind the viewer can get, with where it goes."""
    mine = _choices([viewer.id or 0]).get(viewer.id or 0, {})
    kinds = [k for k in BY_KEY.values() if viewer.is_staff or not k.for_staff]
    return [(k, mine.get(k.key) or Choice(k.bell, k.mail)) for k in kinds]


def told(person_ids: Collection[int], key: str) -> dict[int, int]:
    """Notice ids by person, of those among these who have been told this."""
    statement = sa.select(Notice.person_id, Notice.id).where(
        Notice.person_id.in_(list(person_ids)), Notice.key == key
    )
    return dict(db.session.execute(statement).tuples().all())


def mail_ids(notice_ids: Collection[int]) -> list[int]:
    """The mails of these notices."""
    return list(
        db.session.execute(
            sa.select(NoticeMail.id).where(NoticeMail.notice_id.in_(list(notice_ids)))
        ).scalars()
    )


def waiting_mails(first: int, last: int) -> Sequence[Any]:
    """Mails in this range that were not sent yet: id, notice_id, email, message_id."""
    columns = (NoticeMail.id, NoticeMail.notice_id, NoticeMail.email, NoticeMail.message_id)
    statement = sa.select(*columns).where(NoticeMail.id.between(first, last), NoticeMail.sent_at.is_(None))
    return db.session.execute(statement.order_by(NoticeMail.id)).all()


def notice(notice_id: int) -> Notice:
    """One notice, for its mail."""
    return db.session.execute(sa.select(Notice).where(Notice.id == notice_id)).scalar_one()


def _on_bell(viewer: Viewer) -> list[sa.ColumnElement[bool]]:
    """A notice about a thread is shown only while its reader may still see the thread."""
    return [
        Notice.person_id == (viewer.id or 0),
        Notice.on_bell.is_(True),
        sa.or_(Notice.thread_id.is_(None), visible_threads(viewer)),
    ]


def unread_count(viewer: Viewer) -> int:
    """What the bell shows: unread notices the viewer may still see."""
    statement = (
        sa.select(sa.func.count())
        .select_from(Notice)
        .outerjoin(Thread, Thread.id == Notice.thread_id)
        .where(*_on_bell(viewer), Notice.read_at.is_(None))
    )
    return int(db.session.execute(statement).scalar_one())


def bell(viewer: Viewer, limit: int = 30, before_id: int | None = None) -> Sequence[Any]:
    """The latest notices with the title of their thread: rows of (Notice, title, slug, thread kind)."""
    statement = (
        sa.select(Notice, Thread.title, Thread.slug, Thread.kind.label("thread_kind"))
        .outerjoin(Thread, Thread.id == Notice.thread_id)
        .where(*_on_bell(viewer))
        .order_by(Notice.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        statement = statement.where(Notice.id < before_id)
    return db.session.execute(statement).all()


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a release's notices."""

    people: int
    mails: int
    last_at: Any


def told_about_release(release_id: int) -> Told:
    """How many people were told of a release: notices here, and replies delivered outside."""
    key = f"release:{release_id}"
    mine = sa.or_(Notice.key == key, Notice.key.startswith(f"{key}:", autoescape=True))
    row = db.session.execute(
        sa.select(
            sa.func.count(sa.distinct(Notice.person_id)),
            sa.func.count(NoticeMail.sent_at),
            sa.func.max(Notice.created_at),
        )
        .outerjoin(NoticeMail, NoticeMail.notice_id == Notice.id)
        .where(mine)
    ).one()
    outside = mentions.delivered_count(f"{key}:")
    return Told(int(row[0]) + outside, int(row[1]), row[2])
