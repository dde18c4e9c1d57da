"""What a viewer may see of releases: what is published and whose discussion they may see; makers see drafts too."""

import sqlalchemy as sa

from core.viewer import Viewer
from forum.visibility import listed_threads, visible_threads
from ideation.policy import may_release
from ideation.releases.models import Release


def visible_releases(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Releases the viewer may open. A predicate over Release outer-joined with Thread."""
    return _published_or_draft(viewer, visible_threads(viewer))


def listed_releases(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Releases that lists and ideas' pages show: those whose discussion was deleted are gone for everybody."""
    return _published_or_draft(viewer, listed_threads(viewer))


def _published_or_draft(viewer: Viewer, shown: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    published = sa.and_(Release.published_at.is_not(None), shown)
    return sa.or_(published, Release.published_at.is_(None)) if may_release(viewer) else published
