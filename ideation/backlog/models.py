"""Backlog items: the work an idea became, with its address in the team's tracker."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, id_column


class BacklogItem(Model):
    """One piece of work for one idea."""

    __tablename__ = "backlog_item"
    id: Mapped[int] = id_column()
    idea_id: Mapped[int] = mapped_column(sa.ForeignKey("idea.id"), index=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    tracker_url: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[datetime]
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    done_at: Mapped[datetime | None]


class BacklogItemChange(Model):
    """Work was called done, or not done after all and why; by whom and when."""

    __tablename__ = "backlog_item_change"
    id: Mapped[int] = id_column()
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("backlog_item.id"), index=True)
    is_done: Mapped[bool]
    reason: Mapped[str] = mapped_column(sa.String(300), default="")
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
