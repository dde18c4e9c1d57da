"""Single ideas to act on, their history, and facts for letters."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.models import Thread
from forum.visibility import visible_threads
from ideation.models import Idea, IdeaStatusChange, IdeaVote
from ideation.visibility import visible_ideas
from people import queries as people


def idea(viewer: Viewer, idea_id: int) -> Idea:
    """The idea to act on, if the viewer may see it. Raises NotFound."""
    statement = sa.select(Idea).join(Thread, Thread.id == Idea.thread_id)
    found = db.session.execute(
        statement.where(Idea.id == idea_id, visible_ideas(viewer))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def thread_of(viewer: Viewer, idea: Idea) -> Thread:
    """The thread an idea stands on, if the viewer may see it. Raises NotFound."""
    statement = sa.select(Thread).where(Thread.id == idea.thread_id, visible_threads(viewer))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def idea_of_thread(thread_id: int) -> Idea | None:
    """The idea that stands on this thread."""
    return db.session.execute(sa.select(Idea).where(Idea.thread_id == thread_id)).scalar_one_or_none()


def voters(idea_id: int, limit: int = 12) -> list[people.PersonCard]:
    """The latest voters of an idea that is known to be visible."""
    statement = sa.select(IdeaVote.person_id).where(IdeaVote.idea_id == idea_id)
    ids = list(db.session.execute(statement.order_by(IdeaVote.id.desc()).limit(limit)).scalars())
    cards = people.cards(ids)
    return [cards[i] for i in ids if i in cards]


def history(idea_id: int) -> Sequence[Any]:
    """Status changes of an idea that is known to be visible, oldest first: status, reason, at."""
    statement = (
        sa.select(IdeaStatusChange.status, IdeaStatusChange.reason, IdeaStatusChange.at)
        .where(IdeaStatusChange.idea_id == idea_id)
        .order_by(IdeaStatusChange.id)
    )
    return db.session.execute(statement).all()


def status_reason(idea_id: int) -> str:
    """The public reason of an idea's present status, for letters: no viewer is asked."""
    return str(db.session.execute(sa.select(Idea.status_reason).where(Idea.id == idea_id)).scalar() or "")


def title_of(idea_id: int) -> str:
    """The title of an idea, for letters to people who asked for it: no viewer is asked."""
    statement = sa.select(Thread.title).join(Idea, Idea.thread_id == Thread.id).where(Idea.id == idea_id)
    return str(db.session.execute(statement).scalar() or "")
