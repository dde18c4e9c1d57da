"""Making and keeping sources, and the claim that lets only one worker fetch one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.leases import LEASE
from core.outbox import record
from core.viewer import Viewer
from listening import policy
from listening.actions.waiting import drop_where
from listening.connectors.signing import new_secret
from listening.events import CheckWanted, SourceChanged, SourceRemoved
from listening.models import FEED, WEBHOOK, HookDelivery, Mention, Source, WaitingFile

# How long a worker may be silent before another takes its fetch: less than a lease, so that the feed is free
# when the receipt of a check that was cut off comes again.
CLAIM: Final = LEASE * 2 / 3
LONGEST_WAIT: Final = timedelta(hours=24)


def create_source(
    actor: Viewer,
    *,
    name: str,
    kind: str,
    channel: str = "Web",
    url: str = "",
    reply_url: str = "",
    every_minutes: int = 15,
) -> Source:
    """A new source; a feed is due at once, a secret is shown once. Raises Refused when the name is taken."""
    require(policy.may_manage_sources(actor))
    moment = clock.now()
    source = Source(
        name=name,
        kind=kind,
        channel=channel,
        url=url if kind == FEED else "",
        reply_url=reply_url,
        secret=new_secret() if kind == WEBHOOK or reply_url else "",
        every_minutes=every_minutes,
        cursor={},
        created_at=moment,
        created_by_id=actor.id,
        next_fetch_at=moment if kind == FEED else None,
    )
    _store(source)
    record(SourceChanged(source.id, "made"), actor=actor)
    return source


def edit_source(
    actor: Viewer, source: Source, *, name: str, channel: str, url: str, reply_url: str, every_minutes: int
) -> None:
    """Change a source; a new address is read from the beginning. Raises Refused when the name is taken."""
    require(policy.may_manage_sources(actor))
    if source.kind == FEED and url != source.url:
        source.url, source.cursor, source.next_fetch_at = url, {}, clock.now()
        source.failure, source.failure_count, source.note = "", 0, ""
    source.name, source.channel = name, channel
    source.reply_url, source.every_minutes = reply_url, every_minutes
    if reply_url and not source.secret:
        source.secret = new_secret()
    _store(source)
    record(SourceChanged(source.id, "edited"), actor=actor)


def _store(source: Source) -> None:
    taken = sa.select(Source.id).where(
        sa.func.lower(Source.name) == source.name.lower(), Source.id != (source.id or 0)
    )
    with db.session.no_autoflush:
        is_taken = db.session.execute(taken).first() is not None
    if is_taken:
        raise Refused(fields={"name": _("Another source has this name.")})
    db.session.add(source)
    db.session.flush()


def renew_secret(actor: Viewer, source: Source) -> str:
    """A new secret, good from now on; the old one ends at once. Returns it, for it is not shown again."""
    require(policy.may_manage_sources(actor))
    source.secret = new_secret()
    db.session.flush()
    record(SourceChanged(source.id, "secret_renewed"), actor=actor)
    return source.secret


def pause_source(actor: Viewer, source: Source) -> None:
    """Take nothing from it until it is resumed; what came stays."""
    require(policy.may_manage_sources(actor))
    if source.paused_at is None:
        source.paused_at = clock.now()
        db.session.flush()
        record(SourceChanged(source.id, "paused"), actor=actor)


def resume_source(actor: Viewer, source: Source) -> None:
    """Take posts again; a feed is looked at now, from where it was left."""
    require(policy.may_manage_sources(actor))
    if source.paused_at is not None:
        source.paused_at = None
        source.next_fetch_at = clock.now() if source.kind == FEED else None
        source.failure, source.failure_count = "", 0
        db.session.flush()
        record(SourceChanged(source.id, "resumed"), actor=actor)


def remove_source(actor: Viewer, source: Source) -> None:
    """Remove a source that never brought a post. Raises Refused for one that did: its posts name it."""
    require(policy.may_manage_sources(actor))
    if db.session.execute(sa.select(Mention.id).where(Mention.source_id == source.id).limit(1)).first():
        raise Refused(_("Posts came from this source, so it stays. Pause it, and nothing more will come."))
    db.session.execute(sa.delete(HookDelivery).where(HookDelivery.source_id == source.id))
    drop_where(WaitingFile.source_id == source.id)
    db.session.delete(source)
    db.session.flush()
    record(SourceRemoved(source.id, source.name), actor=actor)


def want_check(actor: Viewer, source: Source) -> None:
    """Ask the worker to look at a feed now."""
    require(policy.may_check(actor, source))
    record(CheckWanted(source.id), actor=actor)


# --- fetching ---


@dataclass(frozen=True, slots=True)
class Check:
    """A claimed fetch: what to ask for. The claim holds for CLAIM."""

    source_id: int
    url: str
    cursor: Mapping[str, Any]
    since: datetime


def claim_check(actor: Viewer, source_id: int) -> Check | None:
    """Take a feed for fetching; None when it is paused, gone, or in somebody else's hands."""
    require(policy.may_fetch(actor))
    moment = clock.now()
    is_free = sa.or_(Source.checking_since.is_(None), Source.checking_since < moment - CLAIM)
    row = db.session.execute(
        sa.update(Source)
        .where(Source.id == source_id, Source.kind == FEED, Source.paused_at.is_(None), is_free)
        .values(checking_since=moment, next_fetch_at=moment + CLAIM)
        .returning(Source.id, Source.url, Source.cursor)
    ).first()
    return Check(row.id, row.url, row.cursor, moment) if row else None


def keep_check(actor: Viewer, check: Check, moments: Sequence[datetime], moment: datetime) -> bool:
    """Whoever fetches showed life at this moment, and before at one of those; whether that was stored.

    It is not when another has the feed, nor while what came is being stored, which may take long.
    """
    require(policy.may_fetch(actor))
    ours = sa.select(Source.id).where(Source.id == check.source_id, Source.checking_since.in_(moments))
    done: Any = db.session.execute(
        sa.update(Source)
        .where(Source.id.in_(ours.with_for_update(skip_locked=True).scalar_subquery()))
        .values(checking_since=moment, next_fetch_at=moment + CLAIM)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)


def release_checks(actor: Viewer) -> None:
    """Give back what those had claimed who are gone: these feeds are due."""
    require(policy.may_fetch(actor))
    claimed = sa.update(Source).where(Source.checking_since.is_not(None))
    db.session.execute(claimed.values(checking_since=None, next_fetch_at=clock.now()))


def note_unchanged(actor: Viewer, check: Check) -> None:
    """The feed has nothing new."""
    require(policy.may_fetch(actor))
    source = source_of(check)
    if source is not None:
        note_success(source, source.note)


def note_failure(actor: Viewer, check: Check, message: str, *, retry_after: int = 0) -> None:
    """The feed could not be read: say why, and wait twice as long each time. `retry_after` is in seconds."""
    require(policy.may_fetch(actor))
    source = source_of(check)
    if source is None:
        return
    wait = min(timedelta(minutes=source.every_minutes * 2 ** min(source.failure_count, 12)), LONGEST_WAIT)
    source.fetched_at = clock.now()
    source.failure, source.failure_count = message[:500], source.failure_count + 1
    source.next_fetch_at = clock.now() + max(wait, timedelta(seconds=retry_after))
    source.checking_since = None
    db.session.flush()


def source_of(check: Check) -> Source | None:
    """The claimed source, its row locked. None when it is gone, or when its address was changed meanwhile:
    what was fetched is of the old one then, and the claim is given back."""
    source = lock(check.source_id)
    if source is None or source.url == check.url:
        return source
    source.checking_since, source.next_fetch_at = None, clock.now()
    db.session.flush()
    return None


def lock(source_id: int) -> Source | None:
    """The source as it stands now; whoever holds it receives alone."""
    statement = sa.select(Source).where(Source.id == source_id).with_for_update()
    return db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()


def note_success(source: Source, note: str) -> None:
    """It was read well. The caller holds its row."""
    moment = clock.now()
    source.fetched_at = source.succeeded_at = moment
    source.failure, source.failure_count, source.note = "", 0, note[:500]
    if source.kind == FEED:
        source.checking_since = None
        source.next_fetch_at = moment + timedelta(minutes=source.every_minutes)
    db.session.flush()
