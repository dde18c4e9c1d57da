"""Tables of ideas: an idea stands on a forum thread, which carries its author, discussion and followers."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, id_column

OPEN, UNDER_REVIEW, PLANNED, IN_PROGRESS, SHIPPED, DECLINED = (
    "open", "under_review", "planned", "in_progress", "shipped", "declined",
)  # fmt: skip
STATUSES = (OPEN, UNDER_REVIEW, PLANNED, IN_PROGRESS, SHIPPED, DECLINED)


class Idea(Model):
    """A wish. `status_reason` is public, required when declined; `merged_into_id` is the idea that carries on."""

    __tablename__ = "idea"
    __table_args__ = (sa.Index("ix_idea_status_votes", "status", "vote_count", "id"),)
    id: Mapped[int] = id_column()
    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), unique=True)
    status: Mapped[str] = mapped_column(sa.String(16), default=OPEN)
    status_reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    status_at: Mapped[datetime]
    status_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    vote_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("idea.id"))


class IdeaVote(Model):
    """One person's vote; `cast_by_id` differs from the person when staff voted for somebody who asked elsewhere."""

    __tablename__ = "idea_vote"
    __table_args__ = (sa.UniqueConstraint("idea_id", "person_id"),)
    id: Mapped[int] = id_column()
    idea_id: Mapped[int] = mapped_column(sa.ForeignKey("idea.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    cast_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    at: Mapped[datetime]


class IdeaEvidence(Model):
    """A quote that shows the demand: from a post of ours, or from outside with its channel and address."""

    __tablename__ = "idea_evidence"
    __table_args__ = (sa.UniqueConstraint("idea_id", "origin_key"),)
    id: Mapped[int] = id_column()
    idea_id: Mapped[int] = mapped_column(sa.ForeignKey("idea.id"), index=True)
    post_id: Mapped[int | None] = mapped_column(sa.ForeignKey("post.id"), index=True)
    thread_id: Mapped[int | None] = mapped_column(sa.ForeignKey("thread.id"), index=True)  # where the post is
    person_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id")
    )  # who asked: is told when it ships
    origin_key: Mapped[str] = mapped_column(sa.String(120))  # post:7, mention:12
    origin_label: Mapped[str] = mapped_column(sa.String(80), default="")
    origin_url: Mapped[str] = mapped_column(sa.String(500), default="")
    quote: Mapped[str] = mapped_column(sa.Text)
    added_at: Mapped[datetime]
    added_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))


class IdeaStatusChange(Model):
    """The history of an idea's status, with its public reasons."""

    __tablename__ = "idea_status_change"
    id: Mapped[int] = id_column()
    idea_id: Mapped[int] = mapped_column(sa.ForeignKey("idea.id"), index=True)
    status: Mapped[str] = mapped_column(sa.String(16))
    reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
