"""Who may do what with ideas, the backlog and releases."""

from core.viewer import Viewer
from forum.models import Thread
from ideation.models import DECLINED, SHIPPED, Idea

TRIAGE_ROLES = ("product_manager",)


def may_raise(actor: Viewer) -> bool:
    """Members may wish; the system may when it imports."""
    return actor.is_member or actor.is_system


def may_raise_for(actor: Viewer) -> bool:
    """Staff may write down somebody else's wish, with that person as its author."""
    return actor.is_system or actor.has("agent", "moderator", "product_manager")


def may_vote(actor: Viewer, idea: Idea, thread: Thread) -> bool:
    """Members vote on living ideas they can see."""
    return actor.is_member and is_open_for_votes(idea) and thread.deleted_at is None


def may_vote_for(actor: Viewer) -> bool:
    """Staff may cast the vote of somebody who asked elsewhere; the row says who did."""
    return may_raise_for(actor)


def is_open_for_votes(idea: Idea) -> bool:
    """Shipped, declined and merged ideas keep their votes and take no more."""
    return idea.status not in (SHIPPED, DECLINED) and idea.merged_into_id is None


def may_triage(actor: Viewer) -> bool:
    """Set a status, add evidence, plan work."""
    return actor.is_system or actor.has(*TRIAGE_ROLES)


def may_add_evidence(actor: Viewer) -> bool:
    """Whoever listens or triages may attach a customer's words."""
    return may_raise_for(actor)


def may_release(actor: Viewer) -> bool:
    """Draft and publish releases."""
    return actor.is_system or actor.has(*TRIAGE_ROLES)
