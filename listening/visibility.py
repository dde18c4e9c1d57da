"""What a viewer may see of listening: SQL predicates that every query of the feature uses."""

import sqlalchemy as sa

from core.viewer import Viewer
from listening import policy


def visible_mentions(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Mentions, their replies and sources are for staff; what becomes public is a thread or an idea."""
    return sa.true() if policy.may_see_inbox(viewer) else sa.false()
