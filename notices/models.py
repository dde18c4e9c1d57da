"""Notices: one row per person and occasion, the choices about them, and the mails they became."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, id_column


class Notice(Model):
    """Something somebody is told, once: (person, key) is unique. Text is made from kind and values when shown,

    after checking again that the person may see the thread.
    """

    __tablename__ = "notice"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "key"),
        sa.Index("ix_notice_bell", "person_id", "read_at", "id"),
    )
    id: Mapped[int] = id_column()
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(sa.String(120))  # release:3, post:7
    kind: Mapped[str] = mapped_column(
        sa.String(20)
    )  # release, answer, reply, mention, accepted, status, staff
    thread_id: Mapped[int | None] = mapped_column(sa.ForeignKey("thread.id"))
    post_id: Mapped[int | None] = mapped_column(sa.ForeignKey("post.id"))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    values: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    on_bell: Mapped[bool] = mapped_column(default=True)


class NoticeMail(Model):
    """The mail of a notice; its Message-ID is the same on every attempt."""

    __tablename__ = "notice_mail"
    id: Mapped[int] = id_column()
    notice_id: Mapped[int] = mapped_column(sa.ForeignKey("notice.id"), unique=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    message_id: Mapped[str] = mapped_column(sa.String(200), unique=True)
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    dropped_reason: Mapped[str] = mapped_column(sa.String(100), default="")


class NoticeChoice(Model):
    """Somebody's choice for a kind of notice; no row means the kind's default."""

    __tablename__ = "notice_choice"
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    bell: Mapped[bool]
    mail: Mapped[bool]
    changed_at: Mapped[datetime]
