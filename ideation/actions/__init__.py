"""Every write on ideas, by subject; the names to use from elsewhere stand here."""

from ideation.actions.evidence import add_evidence, add_post_as_evidence
from ideation.actions.ideas import raise_idea, turn_into_idea
from ideation.actions.merging import move_wishes
from ideation.actions.status import change_status, set_status
from ideation.actions.votes import vote, withdraw_vote

__all__ = [
    "add_evidence",
    "add_post_as_evidence",
    "change_status",
    "move_wishes",
    "raise_idea",
    "set_status",
    "turn_into_idea",
    "vote",
    "withdraw_vote",
]
