"""Every write of the forum, by subject; the names to use from elsewhere stand here."""

from forum.actions.answers import accept_answer, unaccept_answer
from forum.actions.authorship import move_authorship
from forum.actions.categories import archive_category, create_category, edit_category, reopen_category
from forum.actions.following import follow, follow_for, mute, unfollow
from forum.actions.moderation import (
    agree_with_flags,
    close_escalation,
    escalate,
    flag_post,
    hand_over_escalation,
    settle_flags,
    take_escalation,
)
from forum.actions.posts import delete_post, edit_post, reply, restore_post
from forum.actions.reading import count_views, mark_read
from forum.actions.tagging import describe_tag
from forum.actions.threads import (
    close_thread,
    delete_thread,
    mark_thread,
    move_thread,
    pin_thread,
    reopen_thread,
    restore_thread,
    start_thread,
    unmark_thread,
    unpin_thread,
)
from forum.actions.votes import vote
from forum.actions.writing import attach_picture, discard_draft, save_draft

__all__ = [
    "accept_answer",
    "agree_with_flags",
    "archive_category",
    "attach_picture",
    "close_escalation",
    "close_thread",
    "count_views",
    "create_category",
    "delete_post",
    "delete_thread",
    "describe_tag",
    "discard_draft",
    "edit_category",
    "edit_post",
    "escalate",
    "flag_post",
    "follow",
    "follow_for",
    "hand_over_escalation",
    "mark_read",
    "mark_thread",
    "move_authorship",
    "move_thread",
    "mute",
    "pin_thread",
    "reopen_category",
    "reopen_thread",
    "reply",
    "restore_post",
    "restore_thread",
    "save_draft",
    "settle_flags",
    "start_thread",
    "take_escalation",
    "unaccept_answer",
    "unfollow",
    "unmark_thread",
    "unpin_thread",
    "vote",
]
