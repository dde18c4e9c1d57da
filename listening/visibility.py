"""What a viewer may see of listening: one rule, and the SQL predicate that every query of the feature uses."""

import sqlalchemy as sa

from core.viewer import Viewer


def sees_inbox(viewer: Viewer) -> bool:
    """The company's own people: what customers write elsewhere concerns all of them."""
    return viewer.is_system or viewer.is_staff


def visible_mentions(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Mentions, their replies and sources are for staff; what becomes public is a thread or an idea."""
    return sa.true() if sees_inbox(viewer) else sa.false()
