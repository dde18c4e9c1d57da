"""What a viewer may see of ideas: exactly what they may see of the threads these stand on."""

import sqlalchemy as sa

from core.viewer import Viewer
from forum.models import Thread
from forum.visibility import visible_threads
from ideation.models import Idea


def visible_ideas(viewer: Viewer) -> sa.ColumnElement[bool]:
    """A predicate over Idea joined with Thread; merged ideas are shown under the one that carries on."""
    return sa.and_(Idea.thread_id == Thread.id, visible_threads(viewer), Idea.merged_into_id.is_(None))
