"""Who may do what in the forum. Rules look at the rows they are given and never ask the database.

Views load only what the viewer may see; `_reaches` says it once more, so that no other way in can forget it.
"""

from typing import Any, Final

from core import clock
from core.viewer import Viewer
from forum.models import DISCUSSION, OPENING, QUESTION

ASKED_KINDS: Final = frozenset({QUESTION, DISCUSSION})


def may_write(actor: Viewer) -> bool:
    """Write anything at all: members who are not shut out, and the product itself."""
    if actor.is_system:
        return True
    return actor.is_member and (actor.banned_until is None or actor.banned_until <= clock.now())


def is_moderator(actor: Viewer) -> bool:
    """Judges posts: deletes, restores, closes, moves."""
    return may_write(actor) and actor.has("moderator")


def is_desk(actor: Viewer) -> bool:
    """Works on cases: agents, moderators, supervisors."""
    return may_write(actor) and actor.has("agent", "moderator", "supervisor")


def may_write_for(actor: Viewer, author_id: int | None) -> bool:
    """Write in somebody else's name (imports, outside posts): staff and the product itself."""
    if author_id is None or author_id == actor.id:
        return may_write(actor) and actor.id is not None
    return may_write(actor) and (actor.is_system or actor.is_staff)


def may_start_thread(actor: Viewer, category: Any, author_id: int | None = None) -> bool:
    """Members in categories they can see, while these are open."""
    if not may_write_for(actor, author_id):
        return False
    return category.access <= actor.clearance and category.archived_at is None


def may_ask(actor: Viewer) -> bool:
    """Open the form for a new thread."""
    return may_write(actor)


def may_ask_in(actor: Viewer, category: Any) -> bool:
    """Use the form in a category: ideas and releases have forms of their own."""
    return category.default_kind in ASKED_KINDS and may_start_thread(actor, category)


def may_reply(actor: Viewer, thread: Any, author_id: int | None = None) -> bool:
    """Members; in a closed thread only the desk."""
    if not (may_write_for(actor, author_id) and _reaches(actor, thread)):
        return False
    return thread.deleted_at is None and (thread.closed_at is None or is_desk(actor))


def may_edit_post(actor: Viewer, post: Any, thread: Any) -> bool:
    """The author while the thread is open, moderators always."""
    if not (_is_theirs_to_judge(actor, post) and _reaches(actor, thread)) or post.deleted_at is not None:
        return False
    return is_moderator(actor) or (
        _owns(actor, post) and thread.closed_at is None and thread.deleted_at is None
    )


def may_vote(actor: Viewer, post: Any) -> bool:
    """Members, on what others wrote. Closed threads stay open to votes: quality outlives the discussion."""
    return may_write(actor) and actor.is_member and not _owns(actor, post) and post.deleted_at is None


def may_accept_answer(actor: Viewer, thread: Any) -> bool:
    """Who asked, or the desk on that person's behalf."""
    if not (may_write(actor) and _reaches(actor, thread)) or thread.deleted_at is not None:
        return False
    return thread.kind == QUESTION and (_owns(actor, thread) or is_desk(actor))


def may_follow(actor: Viewer, thread: Any) -> bool:
    """Members, what they can see."""
    return actor.is_member and _reaches(actor, thread)


def may_follow_for(actor: Viewer, person_id: int) -> bool:
    """Oneself; staff and the product itself for anybody whose wish they write down."""
    return may_write(actor) and (person_id == actor.id or actor.is_staff or actor.is_system)


def may_flag(actor: Viewer, post: Any) -> bool:
    """Members, what others wrote."""
    return may_write(actor) and actor.is_member and not _owns(actor, post) and post.deleted_at is None


def may_settle_flags(actor: Viewer) -> bool:
    """Moderators."""
    return is_moderator(actor)


def may_delete_post(actor: Viewer, post: Any, thread: Any) -> bool:
    """Moderators; the author unless it is the accepted answer. The opening post goes with its thread."""
    if not (_is_theirs_to_judge(actor, post) and _reaches(actor, thread)):
        return False
    if post.deleted_at is not None or post.kind == OPENING:
        return False
    if is_moderator(actor):
        return True
    return _owns(actor, post) and thread.accepted_post_id != post.id and thread.closed_at is None


def may_restore_post(actor: Viewer, post: Any, thread: Any) -> bool:
    """Moderators; the author what the author took away."""
    if post.deleted_at is None or not (_is_theirs_to_judge(actor, post) and _reaches(actor, thread)):
        return False
    return is_moderator(actor) or (_owns(actor, post) and post.deleted_by_id == actor.id)


def may_delete_thread(actor: Viewer, thread: Any) -> bool:
    """Moderators; the author while nobody has replied."""
    if not (may_write(actor) and _reaches(actor, thread)) or thread.deleted_at is not None:
        return False
    return is_moderator(actor) or (
        _owns(actor, thread) and thread.reply_count == 0 and thread.closed_at is None
    )


def may_restore_thread(actor: Viewer, thread: Any) -> bool:
    """Moderators."""
    return is_moderator(actor) and _reaches(actor, thread) and thread.deleted_at is not None


def may_moderate(actor: Viewer, thread: Any) -> bool:
    """Close, reopen, pin and move: moderators, where they can see."""
    return is_moderator(actor) and _reaches(actor, thread)


def may_work_on(actor: Viewer, thread: Any) -> bool:
    """Mark as needing staff or waiting, open a case: the desk, where it can see."""
    return is_desk(actor) and _reaches(actor, thread)


def may_take_escalation(actor: Viewer) -> bool:
    """The desk."""
    return is_desk(actor) and actor.id is not None


def may_close_escalation(actor: Viewer, escalation: Any) -> bool:
    """Its owner; moderators and supervisors anybody's. One that is closed is refused with who was faster."""
    if not is_desk(actor):
        return False
    is_free = escalation.closed_at is not None or escalation.owner_id in (None, actor.id)
    return is_free or actor.has("moderator", "supervisor")


def may_hand_over_escalation(actor: Viewer, escalation: Any) -> bool:
    """Supervisors and moderators any case, its owner their own."""
    return may_close_escalation(actor, escalation)


def may_manage_categories(actor: Viewer) -> bool:
    """The owner, and moderators."""
    return is_moderator(actor)


def may_describe_tags(actor: Viewer) -> bool:
    """The owner, and moderators."""
    return is_moderator(actor)


def may_keep_draft(actor: Viewer) -> bool:
    """Members; drafts of banned people stay theirs, so this asks for no more."""
    return actor.is_member


def may_attach_picture(actor: Viewer) -> bool:
    """Members who may write."""
    return may_write(actor) and actor.is_member


def may_keep_place(actor: Viewer) -> bool:
    """Members, for themselves."""
    return actor.is_member


def may_move_authorship(actor: Viewer) -> bool:
    """Posts change hands only with the person who wrote them: the product's own work."""
    return actor.is_system


def may_count_views(actor: Viewer) -> bool:
    """The product itself."""
    return actor.is_system


def may_import(actor: Viewer) -> bool:
    """The product itself: whoever may run its commands on the server."""
    return actor.is_system


def may_see_desk(actor: Viewer) -> bool:
    """Queues of flags and cases."""
    return actor.has("agent", "moderator", "supervisor")


def _is_theirs_to_judge(actor: Viewer, post: Any) -> bool:
    """Authors and moderators; asked first, because most readers of a post are neither."""
    return (_owns(actor, post) or actor.has("moderator")) and may_write(actor)


def _reaches(actor: Viewer, thread: Any) -> bool:
    return bool(thread.access <= actor.clearance)


def _owns(actor: Viewer, row: Any) -> bool:
    return actor.id is not None and row.author_id == actor.id
