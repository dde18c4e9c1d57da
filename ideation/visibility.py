"""What a viewer may see of ideas: exactly what they may see of the threads these stand on."""

import sqlalchemy as sa

from core.viewer import Viewer
from forum.models import Thread
from forum.visibility import listed_threads, visible_threads
from ideation.models import Idea


def visible_ideas(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Ideas the viewer may open: moderators deleted ones too, everybody merged ones, which lead on."""
    return sa.and_(Idea.thread_id == Thread.id, visible_threads(viewer))


def listed_ideas(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Ideas that lists, counts, the roadmap and search show: nothing deleted, nothing merged into another."""
    return sa.and_(Idea.thread_id == Thread.id, listed_threads(viewer), Idea.merged_into_id.is_(None))
