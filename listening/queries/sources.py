"""Sources: their cards for the pages, which of them are due, and HTML that waits for its second check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import db, glance
from core.errors import NotFound
from core.viewer import Viewer
from listening.models import FEED, NEW, WEBHOOK, Mention, Source, WaitingFile
from listening.visibility import visible_mentions

HTML_BATCH: Final = 50
WAITS: Final = timedelta(days=1)  # how long a file waits that was looked at and not taken in


@dataclass(frozen=True, slots=True)
class SourceCard:
    """A source as pages show it: never its secret. `state` is ok, paused, failed, waiting or checking."""

    id: int
    name: str
    kind: str
    channel: str
    url: str
    has_reply_url: bool
    every_minutes: int
    state: str
    failure: str
    failure_count: int
    note: str
    next_fetch_at: datetime | None
    succeeded_at: datetime | None
    mention_count: int
    new_count: int


def source(viewer: Viewer, source_id: int) -> Source:
    """One source. Raises NotFound for whoever may not see sources."""
    statement = sa.select(Source).where(Source.id == source_id, visible_mentions(viewer))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def source_cards(viewer: Viewer, source_id: int | None = None) -> Sequence[SourceCard]:
    """All sources by name (or the one), with how many posts each brought, in two statements."""
    statement = (
        sa.select(Source).where(visible_mentions(viewer)).order_by(sa.func.lower(Source.name), Source.id)
    )
    if source_id is not None:
        statement = statement.where(Source.id == source_id)
    numbers = {
        row.source_id: (int(row.all), int(row.new or 0))
        for row in db.session.execute(_numbers(viewer, source_id))
    }
    return [_card(row, *numbers.get(row.id, (0, 0))) for row in db.session.execute(statement).scalars()]


def _numbers(viewer: Viewer, source_id: int | None) -> sa.Select[int, int, Any]:
    new = sa.func.sum(sa.case((Mention.state == NEW, 1), else_=0)).label("new")
    statement = sa.select(Mention.source_id, sa.func.count().label("all"), new)
    if source_id is not None:
        statement = statement.where(Mention.source_id == source_id)
    return statement.where(visible_mentions(viewer)).group_by(Mention.source_id)


def _card(found: Source, mention_count: int, new_count: int) -> SourceCard:
    return SourceCard(
        id=found.id,
        name=found.name,
        kind=found.kind,
        channel=found.channel,
        url=found.url,
        has_reply_url=bool(found.reply_url),
        every_minutes=found.every_minutes,
        state=_state(found),
        failure=found.failure,
        failure_count=found.failure_count,
        note=found.note,
        next_fetch_at=found.next_fetch_at,
        succeeded_at=found.succeeded_at,
        mention_count=mention_count,
        new_count=new_count,
    )


def _state(found: Source) -> str:
    if found.paused_at is not None:
        return "paused"
    if (
        found.checking_since is not None
        and found.next_fetch_at is not None
        and found.next_fetch_at > clock.now()
    ):
        return "checking"
    if found.failure:
        return "failed"
    return "ok" if found.succeeded_at is not None else "waiting"


def source_choices(viewer: Viewer) -> list[tuple[int, str]]:
    """Id and name of every source, for filters."""
    statement = sa.select(Source.id, Source.name).where(visible_mentions(viewer))
    return [(row.id, row.name) for row in db.session.execute(statement.order_by(sa.func.lower(Source.name)))]


def addresses_of(source_id: int) -> frozenset[str]:
    """The addresses a source has, without opening the write transaction."""
    rows = glance(sa.select(Source.url, Source.reply_url).where(Source.id == source_id))
    return frozenset(address for row in rows for address in (row.url, row.reply_url) if address)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that was looked at and not taken in: where it is stored, and what it was called."""

    key: str
    name: str


def waiting_file(viewer: Viewer, source_id: int, token: str) -> Waiting | None:
    """A file that waits, without opening the write transaction; None when it was taken in or waited too long."""
    mine = sa.and_(WaitingFile.source_id == source_id, WaitingFile.token == token, visible_mentions(viewer))
    fresh = WaitingFile.at >= clock.now() - WAITS
    rows = glance(sa.select(WaitingFile.key, WaitingFile.name).where(mine, fresh))
    return Waiting(rows[0].key, rows[0].name) if rows else None


def holds_file(key: str) -> bool:
    """Whether a file that waits is stored under this key."""
    statement = sa.select(WaitingFile.id).where(WaitingFile.key == key).limit(1)
    return db.session.execute(statement).first() is not None


def due_source_ids(limit: int) -> list[int]:
    """Feeds whose time has come, the longest overdue first: a cheap look before anything is written."""
    statement = (
        sa.select(Source.id)
        .where(Source.kind == FEED, Source.paused_at.is_(None), Source.next_fetch_at <= clock.now())
        .order_by(Source.next_fetch_at, Source.id)
        .limit(limit)
    )
    return list(db.session.execute(statement).scalars())


@dataclass(frozen=True, slots=True)
class HookSource:
    """What a delivery is checked against."""

    id: int
    secret: str
    is_paused: bool


def hook_source(source_id: int) -> HookSource:
    """The webhook source of an address, without opening the write transaction. Raises NotFound."""
    statement = sa.select(Source.id, Source.secret, Source.paused_at)
    rows = glance(statement.where(Source.id == source_id, Source.kind == WEBHOOK))
    if not rows:
        raise NotFound
    return HookSource(rows[0].id, rows[0].secret, rows[0].paused_at is not None)


def has_unchecked_html() -> bool:
    """Whether any mention's HTML waits for its second check."""
    return (
        db.session.execute(sa.select(Mention.id).where(Mention.html_version < 0).limit(1)).first() is not None
    )


def unchecked_html() -> list[tuple[int, str]]:
    """The next mentions whose HTML only one parser has seen: id and HTML."""
    statement = sa.select(Mention.id, Mention.html).where(Mention.html_version < 0).order_by(Mention.id)
    return [(row.id, row.html) for row in db.session.execute(statement.limit(HTML_BATCH))]
