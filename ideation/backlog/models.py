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
