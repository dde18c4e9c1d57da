"""What is kept about somebody's wishes, for their export: it is theirs, deleted or not."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from core.db import db
from forum.models import Thread
from forum.visibility import Statement
from ideation.models import Idea, IdeaEvidence, IdeaVote


def ideas(person_id: int) -> Iterator[dict[str, Any]]:
    """Ideas somebody raised; their texts stand among the posts."""
    statement = (
        sa.select(Idea.id, Idea.thread_id, Thread.title, Idea.status, Idea.status_reason, Idea.vote_count)
        .add_columns(Idea.created_at)
        .join(Thread, Thread.id == Idea.thread_id)
        .where(Thread.author_id == person_id)
        .order_by(Idea.id)
    )
    return _rows(statement)


def votes(person_id: int) -> Iterator[dict[str, Any]]:
    """Votes that count as somebody's, and whether staff cast them."""
    by_staff = (IdeaVote.cast_by_id != IdeaVote.person_id).label("cast_by_staff")
    statement = sa.select(IdeaVote.idea_id, IdeaVote.at, by_staff).where(IdeaVote.person_id == person_id)
    return _rows(statement.order_by(IdeaVote.id))


def evidence(person_id: int) -> Iterator[dict[str, Any]]:
    """Words of somebody that were kept, and where they were said."""
    statement = (
        sa.select(
            IdeaEvidence.idea_id, IdeaEvidence.quote, IdeaEvidence.origin_label, IdeaEvidence.origin_url
        )
        .add_columns(IdeaEvidence.added_at)
        .where(IdeaEvidence.person_id == person_id)
        .order_by(IdeaEvidence.id)
    )
    return _rows(statement)


def _rows(statement: Statement) -> Iterator[dict[str, Any]]:
    for row in db.session.execute(statement):
        yield dict(row._mapping)
