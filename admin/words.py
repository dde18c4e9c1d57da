"""What the log says: every kind of event that the team should answer for, in words."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from ideation.words import status_label
from people.words import role_name

DEEDS: Final[dict[str, LazyString]] = {
    "forum.answer_accepted": _l("Accepted an answer"),
    "forum.answer_unaccepted": _l("Took an acceptance back"),
    "forum.thread_closed": _l("Closed a thread"),
    "forum.thread_reopened": _l("Reopened a thread"),
    "forum.thread_deleted": _l("Deleted a thread"),
    "forum.thread_restored": _l("Restored a thread"),
    "forum.thread_moved": _l("Moved a thread"),
    "forum.thread_pinned": _l("Pinned a thread"),
    "forum.thread_unpinned": _l("Unpinned a thread"),
    "forum.post_deleted": _l("Deleted a post"),
    "forum.post_restored": _l("Restored a post"),
    "forum.flag_settled": _l("Settled flags"),
    "forum.escalation_opened": _l("Opened a case"),
    "forum.escalation_taken": _l("Took a case"),
    "forum.escalation_handed_over": _l("Handed a case over"),
    "forum.escalation_closed": _l("Settled a case"),
    "forum.category_changed": _l("Changed a category"),
    "ideation.status_changed": _l("Changed the status of an idea"),
    "releases.published": _l("Published a release"),
    "listening.thread_made": _l("Made a thread of an outside post"),
    "listening.idea_raised": _l("Made an idea of an outside post"),
    "listening.linked_to_idea": _l("Linked an outside post to an idea"),
    "listening.dismissed": _l("Put an outside post aside"),
    "listening.reopened": _l("Brought an outside post back"),
    "listening.reply_approved": _l("Approved a reply to outside"),
    "listening.reply_discarded": _l("Dropped a reply to outside"),
    "listening.contact_refused": _l("Noted a wish for no contact"),
    "listening.contact_allowed": _l("Took back a wish for no contact"),
    "listening.source_changed": _l("Changed a source"),
    "listening.source_removed": _l("Removed a source"),
    "people.roles_changed": _l("Changed roles"),
    "people.banned": _l("Shut somebody out"),
    "people.ban_lifted": _l("Let somebody in again"),
    "people.invited": _l("Invited somebody"),
    "people.removed": _l("Removed an account"),
    "people.outside_joined": _l("Said which member an outside poster is"),
}


def deed(kind: str, payload: Mapping[str, Any]) -> str:
    """What somebody did, in the reader's language, with what matters of the circumstances."""
    words = str(DEEDS.get(kind, kind))
    detail = _detail(kind, payload)
    return f"{words} {detail}".strip()


def deed_options() -> list[tuple[str, str]]:
    """Every kind of deed for a choice, by its words; all of them first."""
    return [("", _("Everything")), *sorted(((k, str(v)) for k, v in DEEDS.items()), key=lambda pair: pair[1])]


def _detail(kind: str, payload: Mapping[str, Any]) -> str:
    if payload.get("on_behalf"):
        return _("on behalf of the person who asked")
    if kind == "people.roles_changed":
        return _("to: %(roles)s", roles=", ".join(role_name(role) for role in payload.get("roles", ())))
    if kind == "forum.flag_settled":
        return _("as right") if payload.get("outcome") == "agreed" else _("as wrong")
    if kind == "ideation.status_changed":
        return _("to: %(status)s", status=status_label(str(payload.get("status", ""))))
    return ""
