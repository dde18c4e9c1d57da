"""Which people a viewer may see: SQL predicates that every query of the feature uses."""

import sqlalchemy as sa

from core.viewer import Viewer
from people.models import REMOVED, Person


def visible_people(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Accounts that exist for others: not removed, and a member's address confirmed, so that nobody squats on a page.

    Moderators and owners see the unconfirmed ones too.
    """
    is_there = Person.kind != REMOVED
    if viewer.has("moderator"):
        return is_there
    is_confirmed = sa.or_(Person.kind != "member", Person.email_confirmed_at.is_not(None))
    if viewer.id is None:
        return sa.and_(is_there, is_confirmed)
    return sa.and_(is_there, sa.or_(is_confirmed, Person.id == viewer.id))
