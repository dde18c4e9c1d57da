"""Whatever changes an idea takes its row first; changes of one idea stand in a line."""

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from forum.models import Thread
from ideation.models import Idea


def lock(idea_id: int) -> Idea:
    """The idea as it stands now, held until the transaction ends. Raises NotFound.

    Whoever needs more rows takes a release before its ideas, and an idea before its thread.
    """
    statement = sa.update(Idea).where(Idea.id == idea_id).values(vote_count=Idea.vote_count).returning(Idea)
    options = {"synchronize_session": False, "populate_existing": True}
    found = db.session.execute(statement, execution_options=options).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def touch(*thread_ids: int) -> None:
    """Say that what the pages of these threads show has changed: pages kept for visitors are dropped."""
    ordered = sa.update(Thread).where(Thread.id.in_(thread_ids)).values(version=Thread.version + 1)
    db.session.execute(ordered)
