"""The two tables of the outbox: facts, and a receipt of each for each of its handlers."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import BigId, Model, id_column

WAITING, LEASED, DONE, DEAD = 0, 1, 2, 3


class Event(Model):
    """One fact: what happened, to what, by whom, when."""

    __tablename__ = "event"
    __table_args__ = (sa.Index("ix_event_subject", "subject", "id"), sa.Index("ix_event_kind", "kind", "id"))
    id: Mapped[int] = id_column()
    kind: Mapped[str] = mapped_column(sa.String(80))
    subject: Mapped[str] = mapped_column(sa.String(60), default="")
    payload: Mapped[dict[str, Any]]
    actor_id: Mapped[int | None] = mapped_column(BigId)
    request_id: Mapped[str] = mapped_column(sa.String(40), default="")
    at: Mapped[datetime]


class DeliveryRow(Model):
    """The receipt of one event for one handler."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("event_id", "handler"),
        sa.Index(
            "ix_delivery_due",
            "run_at",
            "id",
            sqlite_where=sa.text("state < 2"),
            postgresql_where=sa.text("state < 2"),
        ),
        sa.Index("ix_delivery_state", "state", "id"),
    )
    id: Mapped[int] = id_column()
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"))
    handler: Mapped[str] = mapped_column(sa.String(120))
    state: Mapped[int] = mapped_column(sa.SmallInteger, default=WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(sa.Text, default="")
    done_at: Mapped[datetime | None]
