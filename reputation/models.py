"""The ledger: every point somebody has, why, and from which fact. Sums are replayable from the rows."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import BigId, Model, id_column


class LedgerEntry(Model):
    """Points given or taken back; never changed, only answered by another entry. `key` makes a repeat harmless.

    Whose they are changes when somebody from outside turns out to be a member.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        sa.Index("ix_ledger_person", "person_id", "id"),
        sa.Index("ix_ledger_subject", "subject"),
        sa.Index("ix_ledger_thread", "thread_id"),
    )
    id: Mapped[int] = id_column()
    key: Mapped[str] = mapped_column(sa.String(200), unique=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    points: Mapped[int]
    reason: Mapped[str] = mapped_column(sa.String(30))
    subject: Mapped[str] = mapped_column(sa.String(60))  # post:7, idea:3
    thread_id: Mapped[int | None] = mapped_column(sa.ForeignKey("thread.id"))
    event_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime]
