"""Who may do what with ideas, the backlog and releases. Rules look at the rows they are given."""

from typing import Any, Final

from core.viewer import Viewer
from forum.models import DISCUSSION, QUESTION
from forum.policy import may_write
from ideation.models import DECLINED, SHIPPED

TRIAGE_ROLES: Final = ("product_manager",)
HEARING_ROLES: Final = ("agent", "moderator", "product_manager")
TURNED_KINDS: Final = frozenset({QUESTION, DISCUSSION})


def may_raise(actor: Viewer) -> bool:
    """Members may wish; the system may when it imports."""
    return may_write(actor)


def may_raise_for(actor: Viewer) -> bool:
    """Staff may write down somebody else's wish, with that person as its author."""
    return may_write(actor) and actor.has(*HEARING_ROLES)


def may_vote(actor: Viewer, thread: Any) -> bool:
    """Members, on ideas they can see. `thread` is anything with `access` and `deleted_at`."""
    return actor.is_member and may_write(actor) and _reaches(actor, thread) and thread.deleted_at is None


def may_vote_for(actor: Viewer) -> bool:
    """Staff may cast the vote of somebody who asked elsewhere; the row says who did."""
    return may_raise_for(actor)


def is_open_for_votes(idea: Any) -> bool:
    """Shipped, declined and merged ideas keep their votes and take no more."""
    return idea.status not in (SHIPPED, DECLINED) and idea.merged_into_id is None


def may_triage(actor: Viewer) -> bool:
    """Set a status, plan work."""
    return may_write(actor) and actor.has(*TRIAGE_ROLES)


def may_add_evidence(actor: Viewer) -> bool:
    """Whoever listens or triages may attach a customer's words."""
    return may_raise_for(actor)


def may_turn(actor: Viewer, thread: Any) -> bool:
    """Staff who may attach words make an idea of a question or a talk; of an idea or a release there is none."""
    if not may_add_evidence(actor) or not _reaches(actor, thread):
        return False
    return thread.kind in TURNED_KINDS and thread.deleted_at is None


def may_move_wishes(actor: Viewer) -> bool:
    """Votes change hands only with the person whose they are: the product's own work."""
    return actor.is_system


def may_release(actor: Viewer) -> bool:
    """Draft and publish releases, and see drafts."""
    return may_write(actor) and actor.has(*TRIAGE_ROLES)


def _reaches(actor: Viewer, thread: Any) -> bool:
    return bool(thread.access <= actor.clearance)
