"""Who may write notices and choices."""

from core.viewer import Viewer


def may_tell(actor: Viewer) -> bool:
    """Notices come from facts, told by the product."""
    return actor.is_system


def may_choose(actor: Viewer, person_id: int) -> bool:
    """Everybody chooses for themselves; an unsubscribe link acts as the system."""
    return actor.is_system or actor.id == person_id


def may_read(actor: Viewer, person_id: int) -> bool:
    """A bell is private."""
    return actor.id == person_id
