"""Every read of notices: who can be reached and wants to be, the bell, the mails that wait."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import clock
from core.db import db
from core.errors import NotFound
from core.viewer import MEMBER, STAFF, STAFF_ROLES, Viewer
from forum.models import Post, Thread
from forum.visibility import Statement, listed_threads
from ideation.models import Idea
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
    statement = sa.select(Person.id, Person.email, Person.email_confirmed_at).where(
        Person.id.in_(list(person_ids)),
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
        statement = statement.where(access <= _clearance())
    people = db.session.execute(statement).all()
    choices = _choices([p.id for p in people])
    return [
        Reachable(p.id, (p.email or "") if p.email_confirmed_at else "", choices.get(p.id, {}))
        for p in people
    ]


def _clearance() -> sa.ColumnElement[int]:
    """What the person of the row may see, as `Viewer.clearance` says it."""
    mine = sa.exists().where(RoleGrant.person_id == Person.id, RoleGrant.role.in_(STAFF_ROLES))
    staff = mine.correlate(Person)  # by itself it would miss the person two statements further out
    return sa.case((staff, STAFF), else_=MEMBER)


def may_see_thread(person_id: int, thread_id: int) -> bool:
    """Whether a member can be told of this thread now."""
    return bool(reachable([person_id], thread_id))


def thread_of_idea(idea_id: int) -> int:
    """The thread on which an idea stands."""
    return int(db.session.execute(sa.select(Idea.thread_id).where(Idea.id == idea_id)).scalar_one())


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
    return {row[0]: row[1] for row in db.session.execute(statement)}


def mail_ids(notice_ids: Collection[int]) -> list[int]:
    """The mails of these notices."""
    return list(
        db.session.execute(
            sa.select(NoticeMail.id).where(NoticeMail.notice_id.in_(list(notice_ids)))
        ).scalars()
    )


def waiting_mails(ids: Collection[int]) -> Sequence[Any]:
    """Those of these mails that were not sent yet: id, notice_id, email, message_id."""
    columns = (NoticeMail.id, NoticeMail.notice_id, NoticeMail.email, NoticeMail.message_id)
    statement = sa.select(*columns).where(NoticeMail.id.in_(list(ids)), NoticeMail.sent_at.is_(None))
    return db.session.execute(statement.order_by(NoticeMail.id)).all()


def notice(notice_id: int) -> Notice:
    """One notice, for its mail."""
    return db.session.execute(sa.select(Notice).where(Notice.id == notice_id)).scalar_one()


def _with_places(statement: Any) -> Statement:
    """Notices beside the thread and the post they are about."""
    joined = statement.select_from(Notice).outerjoin(Thread, Thread.id == Notice.thread_id)
    beside: Statement = joined.outerjoin(Post, Post.id == Notice.post_id)
    return beside


def _on_bell(may_see: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A notice is shown only while its reader may still see the thread, and the post is still there."""
    return sa.and_(
        Notice.on_bell.is_(True),
        sa.or_(Notice.thread_id.is_(None), may_see),
        sa.or_(Notice.post_id.is_(None), Post.deleted_at.is_(None)),
    )


def _unread(viewer: Viewer) -> sa.ColumnElement[bool]:
    mine = sa.and_(Notice.person_id == (viewer.id or 0), Notice.read_at.is_(None))
    return sa.and_(mine, _on_bell(listed_threads(viewer)))


def unread_count(viewer: Viewer) -> int:
    """What the bell shows: unread notices the viewer may still see."""
    statement = _with_places(sa.select(sa.func.count())).where(_unread(viewer))
    return int(db.session.execute(statement).scalar_one())


def unread_of_person() -> sa.ScalarSelect[int]:
    """The same for the person of the row, to be read with whoever asks."""
    mine = sa.and_(Notice.person_id == Person.id, Notice.read_at.is_(None))
    may_see = sa.and_(Thread.deleted_at.is_(None), Thread.access <= _clearance())
    counted = _with_places(sa.select(sa.func.count())).where(mine, _on_bell(may_see))
    return counted.correlate(Person).scalar_subquery()


def unread_of_thread(viewer: Viewer, thread_id: int, position: int) -> list[int]:
    """Those of them that are about a thread itself, or its posts up to `position`."""
    shown = sa.or_(Notice.post_id.is_(None), Post.position <= position)
    statement = _with_places(sa.select(Notice.id)).where(
        _unread(viewer), Notice.thread_id == thread_id, shown
    )
    return list(db.session.execute(statement).scalars())


def unread_counts(person_ids: Collection[int]) -> dict[int, int]:
    """The same for many people at once, each by what they themselves may see."""
    may_see = sa.and_(Thread.deleted_at.is_(None), Thread.access <= _clearance())
    statement = _with_places(sa.select(Notice.person_id, sa.func.count())).join(
        Person, Person.id == Notice.person_id
    )
    unread = sa.and_(Notice.person_id.in_(list(person_ids)), Notice.read_at.is_(None))
    counted = statement.where(unread, _on_bell(may_see)).group_by(Notice.person_id)
    found = {row[0]: int(row[1]) for row in db.session.execute(counted)}
    return {person_id: found.get(person_id, 0) for person_id in person_ids}


def bell(viewer: Viewer, limit: int = 30, before_id: int | None = None) -> Sequence[Any]:
    """The latest notices with the title and slug of their thread: rows of (Notice, title, slug)."""
    mine = sa.and_(Notice.person_id == (viewer.id or 0), _on_bell(listed_threads(viewer)))
    statement = _with_places(sa.select(Notice, Thread.title, Thread.slug)).where(mine)
    statement = statement.order_by(Notice.created_at.desc(), Notice.id.desc()).limit(limit)
    if before_id is not None:
        last = sa.select(Notice.created_at).where(Notice.id == before_id).scalar_subquery()
        same_moment = sa.and_(Notice.created_at == last, Notice.id < before_id)
        statement = statement.where(sa.or_(Notice.created_at < last, same_moment))
    return db.session.execute(statement).all()


def on_bell(viewer: Viewer, notice_id: int) -> Any:
    """One of the viewer's notices that the bell shows, as a row of `bell`. Raises NotFound."""
    mine = sa.and_(Notice.person_id == (viewer.id or 0), Notice.id == notice_id)
    statement = _with_places(sa.select(Notice, Thread.title, Thread.slug))
    found = db.session.execute(statement.where(mine, _on_bell(listed_threads(viewer)))).first()
    if found is None:
        raise NotFound
    return found


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
        .outerjoin(NoticeMail, sa.and_(NoticeMail.notice_id == Notice.id, NoticeMail.dropped_reason == ""))
        .where(mine)
    ).one()
    outside = mentions.delivered_count(f"{key}:")
    return Told(int(row[0]) + outside, int(row[1]), row[2])


def export_notices(person_id: int) -> list[dict[str, Any]]:
    """What somebody was told, for their data export: kinds and times, no words that may be hidden by now."""
    statement = sa.select(Notice.kind, Notice.created_at, Notice.read_at).where(Notice.person_id == person_id)
    return [dict(row) for row in db.session.execute(statement.order_by(Notice.id)).mappings()]


def export_choices(person_id: int) -> list[dict[str, Any]]:
    """What somebody chose."""
    columns = (NoticeChoice.kind, NoticeChoice.bell, NoticeChoice.mail, NoticeChoice.changed_at)
    statement = sa.select(*columns).where(NoticeChoice.person_id == person_id).order_by(NoticeChoice.kind)
    return [dict(row) for row in db.session.execute(statement).mappings()]
