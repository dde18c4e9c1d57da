"""Who may do what with sources, mentions and replies to outside."""

from core.viewer import Viewer
from listening.models import (
    APPROVED,
    DISMISSED,
    DRAFT,
    FAILED,
    FEED,
    NEW,
    UNKNOWN,
    Mention,
    OutsideReply,
    Source,
)
from listening.visibility import sees_inbox

DESK = ("agent", "moderator", "supervisor")


def may_see_inbox(viewer: Viewer) -> bool:
    """As `visibility` says it for queries."""
    return sees_inbox(viewer)


def may_see_sources(viewer: Viewer) -> bool:
    """Whoever sees the inbox sees where it comes from (never a secret)."""
    return may_see_inbox(viewer)


def may_manage_sources(actor: Viewer) -> bool:
    """Make, edit, pause and remove sources, renew secrets, upload files: moderators and the owner."""
    return actor.has("moderator")


def may_check(actor: Viewer, source: Source) -> bool:
    """Ask for a look at a feed now: the desk, unless it is paused."""
    return actor.has(*DESK) and source.kind == FEED and source.paused_at is None


def may_move_mentions(actor: Viewer) -> bool:
    """Posts change hands only with the person who wrote them: the product's own work."""
    return actor.is_system


def may_fetch(actor: Viewer) -> bool:
    """Claiming and finishing fetches is the product's own work."""
    return actor.is_system


def may_receive(actor: Viewer) -> bool:
    """Posts come in by the product itself, or by a file of somebody who manages sources."""
    return actor.is_system or may_manage_sources(actor)


def may_handle(actor: Viewer) -> bool:
    """Make a thread of a mention, dismiss or reopen it."""
    return actor.has(*DESK)


def may_raise_ideas(actor: Viewer) -> bool:
    """Link mentions to ideas and raise ideas from them, in the name of whoever asked outside."""
    return actor.has("agent", "moderator", "product_manager")


def is_open(mention: Mention) -> bool:
    """Nobody has dealt with it yet."""
    return mention.state == NEW


def is_dismissed(mention: Mention) -> bool:
    """Put aside; reopening undoes that."""
    return mention.state == DISMISSED


def may_draft_reply(actor: Viewer) -> bool:
    """Write what might be answered outside: the desk, product managers, and the product itself."""
    return actor.has(*DESK, "product_manager")


def may_approve_reply(actor: Viewer) -> bool:
    """Let a reply go out in the company's name: a person of the desk, never the product by itself."""
    return actor.is_member and actor.has(*DESK)


def may_settle_reply(actor: Viewer) -> bool:
    """Decide what an attempt cut off in mid-call came to: moderators and supervisors."""
    return actor.is_member and actor.has("moderator", "supervisor")


def may_send_again(actor: Viewer, reply: OutsideReply) -> bool:
    """A failed reply as an approved one; an uncertain one only by whoever may settle it."""
    return may_settle_reply(actor) if reply.state == UNKNOWN else may_approve_reply(actor)


def may_send(actor: Viewer) -> bool:
    """The calls to other machines are the product's own work."""
    return actor.is_system


def is_editable(reply: OutsideReply) -> bool:
    """The words may change until they are on their way."""
    return reply.state in (DRAFT, FAILED)


def is_discardable(reply: OutsideReply) -> bool:
    """It can be dropped as long as it certainly has not arrived."""
    return reply.state in (DRAFT, APPROVED, FAILED)


def may_record_refusal(actor: Viewer, is_proven: bool) -> bool:
    """Note that a person wants no contact: the desk, or whoever holds the signed link they were sent."""
    return is_proven or actor.is_system or may_handle(actor)


def may_lift_refusal(actor: Viewer) -> bool:
    """Take a noted refusal back when the person asked for it, or it was noted by mistake."""
    return actor.is_member and actor.has("moderator", "supervisor")
