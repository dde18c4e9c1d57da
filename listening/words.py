"""What states and steps of listening are called on a page."""

from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from listening.models import APPROVED, DELIVERED, DISCARDED, DRAFT, FAILED, SENDING, UNKNOWN

# state -> tone, icon, words
_REPLIES: Final = {
    DRAFT: ("amber", "pencil", _l("Waits for approval")),
    APPROVED: ("blue", "check", _l("Approved")),
    SENDING: ("blue", "send", _l("On its way")),
    DELIVERED: ("green", "circle-check", _l("Delivered")),
    UNKNOWN: ("amber", "circle-question-mark", _l("Uncertain")),
    FAILED: ("red", "circle-x", _l("Not delivered")),
    DISCARDED: ("grey", "trash-2", _l("Dropped")),
}


def reply_state(state: str, by_hand: bool = False) -> tuple[str, str, str]:
    """Tone, icon and words of a reply's state."""
    if state == APPROVED and by_hand:
        return "violet", "hand", _("To be posted by hand")
    tone, icon, words = _REPLIES[state]
    return tone, icon, str(words)


def step_words(kind: str, name: str) -> str:
    """One line of a mention's story; `name` is who did it, empty for the product itself."""
    by_people = {
        "listening.thread_made": _l("%(name)s made a thread", name=name),
        "listening.idea_raised": _l("%(name)s raised an idea", name=name),
        "listening.linked_to_idea": _l("%(name)s linked it to an idea", name=name),
        "listening.dismissed": _l("%(name)s put it aside", name=name),
        "listening.reopened": _l("%(name)s brought it back", name=name),
        "listening.reply_drafted": _l("%(name)s drafted a reply", name=name),
        "listening.reply_approved": _l("%(name)s approved a reply", name=name),
        "listening.reply_discarded": _l("%(name)s dropped a reply", name=name),
        "listening.reply_delivered": _l("%(name)s noted a reply as delivered", name=name),
    }
    by_itself = {
        "listening.reply_drafted": _l("A reply was drafted"),
        "listening.reply_discarded": _l("A reply was dropped"),
        "listening.reply_delivered": _l("A reply was delivered"),
        "listening.reply_failed": _l("A reply could not be delivered"),
        "listening.reply_uncertain": _l("A reply was cut off on its way"),
    }
    known = by_people if name else by_itself
    return str(known.get(kind) or by_itself.get(kind) or kind)
