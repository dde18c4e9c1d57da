"""Releases and the ideas that shipped in them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, id_column


class Release(Model):
    """What was shipped. A draft until published; its discussion is a forum thread made at publication."""

    __tablename__ = "release"
    id: Mapped[int] = id_column()
    title: Mapped[str] = mapped_column(sa.String(200))
    version: Mapped[str] = mapped_column(sa.String(40), default="")
    slug: Mapped[str] = mapped_column(sa.String(80))
    notes_source: Mapped[str] = mapped_column(sa.Text, default="")
    notes_html: Mapped[str] = mapped_column(sa.Text, default="")
    notes_version: Mapped[int] = mapped_column(default=0)
    thread_id: Mapped[int | None] = mapped_column(sa.ForeignKey("thread.id"), unique=True)
    created_at: Mapped[datetime]
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))


class Shipping(Model):
    """An idea ships in one release; it becomes `shipped` when that release is published."""

    __tablename__ = "shipping"
    idea_id: Mapped[int] = mapped_column(sa.ForeignKey("idea.id"), primary_key=True)
    release_id: Mapped[int] = mapped_column(sa.ForeignKey("release.id"), index=True)
    added_at: Mapped[datetime]
    added_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
