"""Taking posts in: whole batches at once, each post a single time, the cursor in the same transaction."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db, insert_ignore
from core.errors import Conflict, NotFound, require
from core.outbox import record
from core.text import FAST_VERSION, RENDERER_VERSION
from core.viewer import Viewer
from listening import policy
from listening.actions.sources import Check, lock, note_success, source_of
from listening.connectors import Item
from listening.events import MentionsReceived
from listening.models import NEW, HookDelivery, Mention, Source

BATCH: Final = 500
KEPT: Final = timedelta(days=7)  # how long deliveries of webhooks are remembered
_TABLE: Final = Mention.__table__


def receive(
    source: Source,
    items: Sequence[Item],
    cursor: Mapping[str, Any] | None = None,
    *,
    actor: Viewer | None = None,
    note: str = "",
) -> int:
    """Store what is new of `items`, with the cursor that brought them (None: as it was); returns how many.

    A post changed outside gets its new words while nobody has handled it. Doing this twice adds nothing.
    Raises NotFound when the source is gone.
    """
    actor = actor or Viewer.system()
    require(policy.may_receive(actor))
    held = lock(source.id)
    if held is None:
        raise NotFound
    wanted = {item.external_id: item for item in reversed(items)}
    known = _known(held.id, wanted)
    last_before = _last_id(held.id)
    moment = clock.now()
    _insert(_new_row(held.id, item, moment) for key, item in wanted.items() if key not in known)
    _change([(row.id, wanted[row.external_id]) for row in known.values() if _differs(row, wanted)], moment)
    if cursor is not None:
        held.cursor = dict(cursor)
    note_success(held, note)
    return _announce(actor, held.id, last_before)


def _known(source_id: int, wanted: Iterable[str]) -> dict[str, Any]:
    """Rows of the batch that are stored already, by external id."""
    columns = (Mention.id, Mention.external_id, Mention.state, Mention.title, Mention.text)
    found: dict[str, Any] = {}
    for part in _parts(list(wanted)):
        statement = sa.select(*columns).where(Mention.source_id == source_id, Mention.external_id.in_(part))
        found |= {row.external_id: row for row in db.session.execute(statement)}
    return found


def _parts(values: list[Any]) -> Iterable[list[Any]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def _last_id(source_id: int) -> int:
    statement = sa.select(sa.func.max(Mention.id)).where(Mention.source_id == source_id)
    return int(db.session.execute(statement).scalar() or 0)


def _new_row(source_id: int, item: Item, moment: datetime) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "external_id": item.external_id,
        "url": item.url,
        "title": item.title,
        "text": item.text,
        "html": item.html,
        "html_version": FAST_VERSION if item.html else 0,
        "author_name": item.author_name,
        "author_external_id": item.author_external_id,
        "author_url": item.author_url,
        "language": item.language,
        # A clock that goes ahead elsewhere must not hold a post at the top of the inbox.
        "published_at": min(item.published_at or moment, moment),
        "received_at": moment,
        "state": NEW,
    }


def _insert(rows: Iterable[dict[str, Any]]) -> None:
    for part in _parts(list(rows)):
        insert_ignore(_TABLE, part)


def _differs(row: Any, wanted: Mapping[str, Item]) -> bool:
    item = wanted[row.external_id]
    return row.state == NEW and (row.title, row.text) != (item.title, item.text)


def _change(changed: Sequence[tuple[int, Item]], moment: datetime) -> None:
    statement = (
        sa.update(_TABLE)  # type: ignore[arg-type]
        .where(_TABLE.c.id == sa.bindparam("mention_id"))
        .values(
            title=sa.bindparam("new_title"),
            text=sa.bindparam("new_text"),
            html=sa.bindparam("new_html"),
            html_version=sa.bindparam("new_version"),
            edited_at=moment,
        )
    )
    rows = [
        {
            "mention_id": mention_id,
            "new_title": item.title,
            "new_text": item.text,
            "new_html": item.html,
            "new_version": FAST_VERSION if item.html else 0,
        }
        for mention_id, item in changed
    ]
    for part in _parts(rows):
        db.session.connection().execute(statement, part)


def _announce(actor: Viewer, source_id: int, last_before: int) -> int:
    """One event for the batch; returns its size. The source's row is held, so no row is another's."""
    numbers = sa.select(sa.func.count(), sa.func.min(Mention.id), sa.func.max(Mention.id))
    count, first, last = db.session.execute(
        numbers.where(Mention.source_id == source_id, Mention.id > last_before)
    ).one()
    if count:
        record(MentionsReceived(source_id, int(first), int(last), int(count)), actor=actor)
    return int(count)


def receive_check(
    actor: Viewer, check: Check, items: Sequence[Item], cursor: Mapping[str, Any], note: str = ""
) -> int:
    """Store what a claimed fetch brought; nothing when the source is gone or its address was changed."""
    require(policy.may_fetch(actor))
    source = source_of(check)
    return 0 if source is None else receive(source, items, cursor, actor=actor, note=note)


# --- webhooks ---


def receive_delivery(
    actor: Viewer,
    source: Source,
    items: Sequence[Item],
    *,
    body: bytes,
    signature: str,
    delivery_id: str = "",
) -> int | None:
    """Store a signed delivery; returns how many posts were new, or None for a delivery that was taken before.

    A sender that tries again signs anew and keeps its delivery id and body. Raises Conflict when the very
    same signature comes again (a replay), or the same delivery id with another body.
    """
    require(policy.may_receive(actor))
    if lock(source.id) is None:
        raise NotFound
    digest = hashlib.sha256(body).hexdigest()
    if _was_taken(source.id, signature, delivery_id, digest):
        return None
    delivery = HookDelivery(
        source_id=source.id,
        delivery_id=delivery_id or signature,
        signature=signature,
        body_hash=digest,
        at=clock.now(),
    )
    db.session.add(delivery)
    db.session.flush()
    return receive(source, items, actor=actor)


def _was_taken(source_id: int, signature: str, delivery_id: str, digest: str) -> bool:
    is_same = sa.or_(
        HookDelivery.signature == signature, HookDelivery.delivery_id == (delivery_id or signature)
    )
    statement = sa.select(HookDelivery).where(HookDelivery.source_id == source_id, is_same)
    for before in db.session.execute(statement).scalars():
        if before.signature == signature:
            raise Conflict(
                _("This request was received before. Nothing was added; to send it again, sign it anew.")
            )
        if before.body_hash != digest:
            raise Conflict(
                _("A delivery with this id and another body was received before. Nothing was added.")
            )
        return True
    return False


def sweep_deliveries(actor: Viewer) -> None:
    """Forget deliveries of webhooks that are a week old; their signatures ran out long before."""
    require(policy.may_fetch(actor))
    db.session.execute(sa.delete(HookDelivery).where(HookDelivery.at < clock.now() - KEPT))


def forget_author(actor: Viewer, person_id: int) -> None:
    """Somebody's account goes: what they wrote outside stays, without name, page and id."""
    require(policy.may_fetch(actor))
    db.session.execute(
        sa.update(Mention)
        .where(Mention.person_id == person_id)
        .values(author_name="", author_url="", author_external_id="")
        .execution_options(synchronize_session=False)
    )


def keep_checked_html(actor: Viewer, checked: Mapping[int, tuple[str, str]]) -> None:
    """Store HTML after its second check: by mention, what was checked and what came out.

    A post that was changed meanwhile waits for its own check.
    """
    require(policy.may_fetch(actor))
    for mention_id, (before, after) in checked.items():
        db.session.execute(
            sa.update(_TABLE)  # type: ignore[arg-type]
            .where(_TABLE.c.id == mention_id, _TABLE.c.html == before)
            .values(html=after, html_version=RENDERER_VERSION)
        )
