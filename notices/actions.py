"""Every write on notices: telling people once, their choices, and what became of the mails."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.config import settings
from core.db import db, insert_ignore, upsert
from core.errors import Refused, require
from core.outbox import record
from core.viewer import Viewer
from notices import policy, queries
from notices.events import MailsQueued, NoticeChoicesChanged, PeopleTold
from notices.kinds import BY_KEY
from notices.models import Notice, NoticeChoice, NoticeMail

CHUNK: Final = 400
MAIL_BATCH: Final = 50  # letters of one delivery: several workers share a long list


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told to a number of people. (person, key) is unique, so a repeat tells nobody twice."""

    kind: str
    key: str
    thread_id: int | None = None
    post_id: int | None = None
    actor_id: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None  # when it happened; the moment of telling unless given


def tell(actor: Viewer, telling: Telling, person_ids: Collection[int]) -> int:
    """Write the notices, and queue mails for those who want them. Returns how many are new.

    Left out are people who are removed, banned or from outside, and those who may not see the thread.
    """
    require(policy.may_tell(actor))
    told = 0
    ids = sorted(set(person_ids) - {telling.actor_id})
    for start in range(0, len(ids), CHUNK):
        told += _tell_some(actor, telling, queries.reachable(ids[start : start + CHUNK], telling.thread_id))
    return told


def _tell_some(actor: Viewer, telling: Telling, people: Sequence[queries.Reachable]) -> int:
    wanted = [(p, queries.choice(p, telling.kind)) for p in people]
    due = [(p, c) for p, c in wanted if c.bell or c.mail]
    new = _insert([p.id for p, _ in due], telling, on_bell={p.id: c.bell for p, c in due})
    mails = [(new[p.id], p.email) for p, c in due if p.id in new and c.mail and p.email]
    _queue(actor, mails)
    if new:
        record(PeopleTold(tuple(sorted(new))), actor=actor)
    return len(new)


def _insert(person_ids: Sequence[int], telling: Telling, on_bell: Mapping[int, bool]) -> dict[int, int]:
    """New notices by person; those told before are left as they are."""
    known = queries.told(person_ids, telling.key)
    moment = telling.at or clock.now()
    unknown = [person_id for person_id in person_ids if person_id not in known]
    rows = [
        {
            "person_id": person_id,
            "key": telling.key,
            "kind": telling.kind,
            "thread_id": telling.thread_id,
            "post_id": telling.post_id,
            "actor_id": telling.actor_id,
            "values": dict(telling.values),
            "created_at": moment,
            "on_bell": on_bell[person_id],
        }
        for person_id in unknown
    ]
    insert_ignore(Notice.__table__, rows)
    return queries.told(unknown, telling.key)


def _queue(actor: Viewer, mails: Sequence[tuple[int, str]]) -> None:
    if not mails:
        return
    host = settings().site_url.split("://")[-1].split("/")[0].split(":")[0]
    moment = clock.now()
    known = set(queries.mail_ids([notice_id for notice_id, _ in mails]))
    rows = [
        {
            "notice_id": notice_id,
            "email": email,
            "message_id": f"notice-{notice_id}@{host}",
            "queued_at": moment,
            "dropped_reason": "",
        }
        for notice_id, email in mails
    ]
    insert_ignore(NoticeMail.__table__, rows)
    ids = sorted(set(queries.mail_ids([notice_id for notice_id, _ in mails])) - known)
    for start in range(0, len(ids), MAIL_BATCH):
        record(MailsQueued(tuple(ids[start : start + MAIL_BATCH])), actor=actor)


def mark_sent(actor: Viewer, mail_id: int, dropped_reason: str = "") -> None:
    """A mail went out, or was dropped for a reason."""
    require(policy.may_tell(actor))
    db.session.execute(
        sa.update(NoticeMail)
        .where(NoticeMail.id == mail_id)
        .values(sent_at=clock.now(), dropped_reason=dropped_reason)
    )


def mark_read(actor: Viewer, notice_ids: Collection[int] | None = None) -> None:
    """Read these of the actor's own notices, or all."""
    require(policy.may_read(actor, actor.id or 0) and actor.is_member)
    statement = sa.update(Notice).where(Notice.person_id == actor.id, Notice.read_at.is_(None))
    if notice_ids is not None:
        statement = statement.where(Notice.id.in_(list(notice_ids)))
    db.session.execute(statement.values(read_at=clock.now()))


def choose(actor: Viewer, person_id: int, kind: str, *, bell: bool, mail: bool) -> None:
    """Where notices of this kind go from now on."""
    require(policy.may_choose(actor, person_id))
    if kind not in BY_KEY:
        raise Refused(_("There is no such kind of notice."))
    change = {"bell": bell, "mail": mail, "changed_at": clock.now()}
    upsert(
        NoticeChoice.__table__,
        {"person_id": person_id, "kind": kind} | change,
        key=["person_id", "kind"],
        change=change,
    )
    record(NoticeChoicesChanged(person_id), actor=actor)


def stop_mail(actor: Viewer, person_id: int, kind: str) -> None:
    """One click in a mail: no more mails of this kind, the bell stays as it is."""
    require(policy.may_choose(actor, person_id))
    choose(actor, person_id, kind, bell=queries.choice_of(person_id, kind).bell, mail=False)


def forget(actor: Viewer, person_id: int) -> None:
    """Delete what only served a person: notices, waiting letters, choices."""
    require(policy.may_tell(actor))
    theirs = sa.select(Notice.id).where(Notice.person_id == person_id)
    db.session.execute(sa.delete(NoticeMail).where(NoticeMail.notice_id.in_(theirs)))
    db.session.execute(sa.delete(Notice).where(Notice.person_id == person_id))
    db.session.execute(sa.delete(NoticeChoice).where(NoticeChoice.person_id == person_id))
