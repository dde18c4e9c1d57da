"""Replies to outside: what waits for approval, what is on its way, what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer

from core.config import settings
from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from listening.models import (
    APPROVED,
    DELIVERED,
    DISCARDED,
    DRAFT,
    FAILED,
    SENDING,
    UNKNOWN,
    Mention,
    OutsideReply,
    Source,
)
from listening.visibility import visible_mentions
from people.queries import PersonCard, cards

PER_PAGE: Final = 50
# The tabs of the page, and the states each holds.
BOXES: Final[Mapping[str, tuple[str, ...]]] = {
    "waiting": (DRAFT,),
    "on_the_way": (APPROVED, SENDING),
    "trouble": (UNKNOWN, FAILED),
    "done": (DELIVERED,),
    "discarded": (DISCARDED,),
}


@dataclass(frozen=True, slots=True)
class ReplyCard:
    """A reply as pages show it. `by_hand` means that somebody must post it and confirm."""

    id: int
    state: str
    body: str
    text: str
    mention_id: int
    mention_title: str
    mention_text: str
    mention_url: str
    author_name: str
    channel: str
    by_hand: bool
    drafted_at: datetime
    drafted_by: PersonCard | None
    approved_at: datetime | None
    approved_by: PersonCard | None
    delivered_at: datetime | None
    delivered_url: str
    error: str


def reply(viewer: Viewer, reply_id: int) -> OutsideReply:
    """One reply. Raises NotFound for whoever may not see the inbox."""
    statement = sa.select(OutsideReply).where(OutsideReply.id == reply_id, visible_mentions(viewer))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def reply_of_key(key: str) -> OutsideReply | None:
    """The reply of an occasion."""
    return db.session.execute(sa.select(OutsideReply).where(OutsideReply.key == key)).scalar_one_or_none()


def replies_to_person(person_id: int) -> Sequence[OutsideReply]:
    """Everything drafted or sent to somebody, for their data export."""
    statement = sa.select(OutsideReply).where(OutsideReply.person_id == person_id).order_by(OutsideReply.id)
    return db.session.execute(statement).scalars().all()


def unsent_of(person_id: int, key_prefix: str) -> Sequence[OutsideReply]:
    """Replies of one kind of occasion to a person that have certainly not gone out."""
    mine = sa.and_(OutsideReply.person_id == person_id, OutsideReply.state.in_((DRAFT, APPROVED, FAILED)))
    of_kind = OutsideReply.key.startswith(key_prefix, autoescape=True)
    return db.session.execute(sa.select(OutsideReply).where(mine, of_kind)).scalars().all()


def reply_cards(viewer: Viewer, box: str, page: int = 1) -> Sequence[ReplyCard]:
    """A page of one box: what waits oldest first, what is over newest first."""
    order = OutsideReply.id if box in ("waiting", "on_the_way", "trouble") else OutsideReply.id.desc()
    statement = _cards(viewer).where(OutsideReply.state.in_(BOXES[box])).order_by(order)
    return _hydrated(statement.limit(PER_PAGE).offset((page - 1) * PER_PAGE))


def replies_of_mention(viewer: Viewer, mention_id: int) -> Sequence[ReplyCard]:
    """Every reply to one post, oldest first."""
    return _hydrated(_cards(viewer).where(OutsideReply.mention_id == mention_id).order_by(OutsideReply.id))


def _cards(viewer: Viewer) -> sa.Select[Any]:
    return (
        sa.select(OutsideReply, Mention.title, Mention.text, Mention.url, Mention.author_name, Source.name)
        .add_columns(Source.channel, Source.reply_url)
        .join(Mention, Mention.id == OutsideReply.mention_id)
        .join(Source, Source.id == Mention.source_id)
        .where(visible_mentions(viewer))
    )


def _hydrated(statement: sa.Select[Any]) -> Sequence[ReplyCard]:
    rows = db.session.execute(statement).all()
    people = cards(i for row in rows for i in (row[0].drafted_by_id, row[0].approved_by_id))
    return [_card(row, people) for row in rows]


def _card(row: Any, people: Mapping[int, PersonCard]) -> ReplyCard:
    found: OutsideReply = row[0]
    return ReplyCard(
        id=found.id,
        state=found.state,
        body=found.body,
        text=text_to_send(found),
        mention_id=found.mention_id,
        mention_title=row.title,
        mention_text=row.text,
        mention_url=row.url,
        author_name=row.author_name or row.name,
        channel=row.channel,
        by_hand=not row.reply_url,
        drafted_at=found.drafted_at,
        drafted_by=people.get(found.drafted_by_id or 0),
        approved_at=found.approved_at,
        approved_by=people.get(found.approved_by_id or 0),
        delivered_at=found.delivered_at,
        delivered_url=found.delivered_url,
        error=found.error,
    )


def reply_counts(viewer: Viewer) -> dict[str, int]:
    """How many replies stand in each box."""
    statement = sa.select(OutsideReply.state, sa.func.count()).where(visible_mentions(viewer))
    found = {state: int(n) for state, n in db.session.execute(statement.group_by(OutsideReply.state))}
    return {box: sum(found.get(state, 0) for state in states) for box, states in BOXES.items()}


def undecided_count(viewer: Viewer) -> int:
    """Replies that need a person: to approve, to settle, or to try again."""
    found = reply_counts(viewer)
    return found["waiting"] + found["trouble"]


# --- what goes out ---


def text_to_send(found: OutsideReply) -> str:
    """The words with the way to end all contact behind them; nobody can leave it out."""
    if found.person_id is None:
        return found.body
    way_out = _("Not wanted? End all contact here: %(link)s", link=stop_link(found.person_id))
    return f"{found.body}\n\n{way_out}"


def stop_link(person_id: int) -> str:
    """The address with which this person, and nobody else, can refuse further contact."""
    return f"{settings().site_url}/outside/stop/{_stop_tokens().dumps(person_id)}"


def person_of_stop_token(token: str) -> int:
    """Whose link it is. Raises NotFound for a token we did not make."""
    try:
        found = _stop_tokens().loads(token)
    except BadSignature:
        raise NotFound from None
    if not isinstance(found, int):
        raise NotFound
    return found


def _stop_tokens() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="listening.stop")


def delivered_count(key_prefix: str) -> int:
    """How many replies of an occasion reached their channel."""
    statement = sa.select(sa.func.count()).where(
        OutsideReply.key.startswith(key_prefix, autoescape=True), OutsideReply.state == DELIVERED
    )
    return int(db.session.execute(statement).scalar_one())
