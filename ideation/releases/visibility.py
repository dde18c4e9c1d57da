"""What a viewer may see of releases: what is published and whose discussion they may see; makers see drafts too."""

import sqlalchemy as sa

from core.viewer import Viewer
from forum.models import Thread
from forum.visibility import visible_threads
from ideation.policy import may_release
from ideation.releases.models import Release


def visible_releases(viewer: Viewer) -> sa.ColumnElement[bool]:
    """A predicate over Release outer-joined with Thread."""
    published = sa.and_(Release.published_at.is_not(None), visible_threads(viewer))
    return sa.or_(published, Thread.id.is_(None)) if may_release(viewer) else published
