"""Who may write to the ledger: only the product itself, from facts."""

from core.viewer import Viewer


def may_award(actor: Viewer) -> bool:
    """Points come from facts, never from a person's hand."""
    return actor.is_system


def may_see_experts(viewer: Viewer) -> bool:
    """The page of hidden experts is for members: it is about people."""
    return viewer.is_member
