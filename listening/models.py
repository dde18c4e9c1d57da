"""Tables of listening: sources, mentions, replies to outside, and wishes not to be contacted."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, id_column
from core.trigrams import Trigrams

FEED, UPLOAD, WEBHOOK = "feed", "upload", "webhook"
NEW, HANDLED, DISMISSED = "new", "handled", "dismissed"
DRAFT, APPROVED, SENDING, DELIVERED, UNKNOWN, FAILED, DISCARDED = (
    "draft", "approved", "sending", "delivered", "unknown", "failed", "discarded",
)  # fmt: skip


class Source(Model):
    """Where posts come from. The cursor (ETag, Last-Modified) is saved with the rows it brought.

    `reply_url` is where the channel takes answers by HTTP; without one an approved reply is posted by hand.
    `checking_since` is when whoever fetches it last showed life, `note` says what was unusual in the last good check.
    """

    __tablename__ = "source"
    id: Mapped[int] = id_column()
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(12))  # feed, upload, webhook
    channel: Mapped[str] = mapped_column(sa.String(40), default="web")
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    reply_url: Mapped[str] = mapped_column(sa.String(500), default="")
    secret: Mapped[str] = mapped_column(sa.String(100), default="")
    every_minutes: Mapped[int] = mapped_column(default=15)
    cursor: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    paused_at: Mapped[datetime | None]
    next_fetch_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(sa.String(500), default="")
    failure_count: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(sa.String(500), default="")
    checking_since: Mapped[datetime | None]


class Mention(Model):
    """One post from outside, in the one shape that connectors bring; unique by (source, external id).

    `html` is empty for plain text. Its version is below 0 until the second sanitiser has seen it.
    """

    __tablename__ = "mention"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "external_id"),
        sa.Index("ix_mention_inbox", "state", "published_at", "id"),
        sa.Index("ix_mention_thread", "thread_id"),
        sa.Index("ix_mention_source", "source_id", "state", "published_at", "id"),
        sa.Index(
            "ix_mention_unchecked",
            "id",
            sqlite_where=sa.text("html_version < 0"),
            postgresql_where=sa.text("html_version < 0"),
        ),
    )
    id: Mapped[int] = id_column()
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    external_id: Mapped[str] = mapped_column(sa.String(300))
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    title: Mapped[str] = mapped_column(sa.String(300), default="")
    text: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str] = mapped_column(sa.Text, default="")
    html_version: Mapped[int] = mapped_column(default=0)
    author_name: Mapped[str] = mapped_column(sa.String(120), default="")
    author_external_id: Mapped[str] = mapped_column(sa.String(300), default="")
    author_url: Mapped[str] = mapped_column(sa.String(500), default="")
    language: Mapped[str] = mapped_column(sa.String(10), default="")
    published_at: Mapped[datetime]
    received_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]  # the post was changed outside while nobody had handled it
    state: Mapped[str] = mapped_column(sa.String(10), default=NEW)
    handled_at: Mapped[datetime | None]
    handled_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    person_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id"), index=True
    )  # the outside poster
    thread_id: Mapped[int | None] = mapped_column(sa.ForeignKey("thread.id"))
    idea_id: Mapped[int | None] = mapped_column(sa.ForeignKey("idea.id"))


WORDS = Trigrams("search_mention", Mention.__table__, ("title", "text", "author_name"))


class OutsideReply(Model):
    """An answer to an outside post, drafted by the product or a person, sent only after somebody approved it.

    `key` makes it one per occasion and person. An attempt cut off in mid-call is `unknown`: a person decides.
    """

    __tablename__ = "outside_reply"
    __table_args__ = (sa.Index("ix_outside_reply_state", "state", "id"),)
    id: Mapped[int] = id_column()
    mention_id: Mapped[int] = mapped_column(sa.ForeignKey("mention.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)  # release:3:person:9, answer:7
    body: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(12), default=DRAFT)
    drafted_at: Mapped[datetime]
    drafted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    sending_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    delivered_url: Mapped[str] = mapped_column(sa.String(500), default="")
    error: Mapped[str] = mapped_column(sa.String(500), default="")


class WaitingFile(Model):
    """A file that was looked at and not taken in yet: kept for a day, so that it need not be chosen again."""

    __tablename__ = "waiting_file"
    id: Mapped[int] = id_column()
    token: Mapped[str] = mapped_column(sa.String(32), unique=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(100))
    name: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))


class HookDelivery(Model):
    """A signed delivery that was taken: the same one is not taken again. Swept after a week."""

    __tablename__ = "hook_delivery"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "signature"),
        sa.UniqueConstraint("source_id", "delivery_id"),
        sa.Index("ix_hook_delivery_at", "at"),
    )
    id: Mapped[int] = id_column()
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    delivery_id: Mapped[str] = mapped_column(sa.String(100))  # the sender's own, else the signature
    signature: Mapped[str] = mapped_column(sa.String(64))
    body_hash: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class ContactRefusal(Model):
    """An outside person does not want to be contacted: no draft is made, none is sent."""

    __tablename__ = "contact_refusal"
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    at: Mapped[datetime]
    recorded_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    note: Mapped[str] = mapped_column(sa.String(300), default="")
