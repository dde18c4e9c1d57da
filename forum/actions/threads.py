"""Starting threads, and everything that happens to a thread as a whole."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core import clock
from core.db import db
from core.errors import require
from core.outbox import record
from core.text import Rendered
from core.viewer import Viewer
from forum import policy
from forum.actions.following import remember_follow
from forum.actions.locking import count_in_category, lock
from forum.actions.posts import announce_mentions, settle_in
from forum.actions.tagging import set_tags
from forum.addresses import slug_of
from forum.events import (
    ThreadClosed,
    ThreadDeleted,
    ThreadMarked,
    ThreadMoved,
    ThreadPinned,
    ThreadReopened,
    ThreadRestored,
    ThreadStarted,
    ThreadUnpinned,
)
from forum.models import OPENING, Category, Post, Thread

SAME_WITHIN: Final = timedelta(seconds=60)
MARKS: Final = {"needs_staff": "needs_staff_at", "waiting_on_author": "waiting_on_author_at"}


def start_thread(
    actor: Viewer,
    *,
    category_id: int,
    title: str,
    body: Rendered,
    kind: str | None = None,
    tags: Sequence[str] = (),
    author_id: int | None = None,
    origin_label: str = "",
    origin_url: str = "",
    origin_key: str | None = None,
) -> Thread:
    """A new thread with its opening post; its author follows it.

    The same title by the same author within a minute is one thread sent twice: the first is returned.
    `kind` is the category's own unless given. `author_id` other than the actor's is for staff and the system.
    """
    require(policy.may_write_for(actor, author_id))
    category = count_in_category(category_id, +1)
    require(policy.may_start_thread(actor, category, author_id))
    author = author_id or actor.id or 0
    kind = kind or category.default_kind
    first = _same_thread(author, title, category_id, kind)
    if first is not None:
        count_in_category(category_id, -1)
        return first
    thread = _new_thread(category, author, title, kind)
    thread.origin_label, thread.origin_url, thread.origin_key = origin_label, origin_url, origin_key
    db.session.add(thread)
    db.session.flush()
    post = _opening(thread, body)
    set_tags(thread, tags)
    remember_follow(author, thread.id, "author")
    record(ThreadStarted(thread.id, post.id, author), actor=actor)
    announce_mentions(actor, post)
    return thread


def _same_thread(author_id: int, title: str, category_id: int, kind: str) -> Thread | None:
    """The holder of the category's row comes here alone, so that two clicks cannot both find nothing."""
    statement = (
        sa.select(Thread)
        .where(Thread.author_id == author_id, Thread.created_at > clock.now() - SAME_WITHIN)
        .where(Thread.title == title, Thread.category_id == category_id, Thread.kind == kind)
        .where(Thread.deleted_at.is_(None))
        .order_by(Thread.id)
        .limit(1)
    )
    return db.session.execute(statement).scalar_one_or_none()


def _new_thread(category: Category, author_id: int, title: str, kind: str) -> Thread:
    moment = clock.now()
    return Thread(
        category_id=category.id,
        kind=kind,
        title=title,
        slug=slug_of(title),
        author_id=author_id,
        access=category.access,
        version=1,
        tags="",
        post_count=1,
        reply_count=0,
        answer_count=0,
        score=0,
        view_count=0,
        created_at=moment,
        last_post_at=moment,
        last_post_by_id=author_id,
    )


def _opening(thread: Thread, body: Rendered) -> Post:
    post = Post(
        thread_id=thread.id,
        position=1,
        kind=OPENING,
        author_id=thread.author_id,
        created_at=thread.created_at,
    )
    settle_in(post, body)
    return post


def close_thread(actor: Viewer, thread: Thread, reason: str) -> None:
    """No more replies; the reason is shown. Closing a closed thread changes the reason."""
    require(policy.may_moderate(actor, thread))
    thread = lock(thread.id)
    is_new = thread.closed_at is None
    thread.closed_at = thread.closed_at or clock.now()
    thread.closed_by_id = actor.id
    thread.closed_reason = reason
    if is_new:
        record(ThreadClosed(thread.id), actor=actor)


def reopen_thread(actor: Viewer, thread: Thread) -> None:
    """Replies are welcome again."""
    require(policy.may_moderate(actor, thread))
    thread = lock(thread.id)
    if thread.closed_at is None:
        return
    thread.closed_at = thread.closed_by_id = None
    thread.closed_reason = ""
    record(ThreadReopened(thread.id), actor=actor)


def delete_thread(actor: Viewer, thread: Thread, reason: str = "") -> None:
    """Take a thread out of sight, with everything in it untouched."""
    require(policy.may_delete_thread(actor, thread))
    thread = lock(thread.id)
    if thread.deleted_at is not None:
        return
    require(policy.may_delete_thread(actor, thread))  # somebody may have replied in between
    thread.deleted_at, thread.deleted_by_id, thread.deleted_reason = clock.now(), actor.id, reason
    count_in_category(thread.category_id, -1)
    record(ThreadDeleted(thread.id), actor=actor)


def restore_thread(actor: Viewer, thread: Thread) -> None:
    """Bring a deleted thread back as it was."""
    require(policy.may_restore_thread(actor, thread))
    thread = lock(thread.id)
    if thread.deleted_at is None:
        return
    thread.deleted_at = thread.deleted_by_id = None
    thread.deleted_reason = ""
    count_in_category(thread.category_id, +1)
    record(ThreadRestored(thread.id), actor=actor)


def pin_thread(actor: Viewer, thread: Thread) -> None:
    """Keep it on top of its lists."""
    require(policy.may_moderate(actor, thread))
    thread = lock(thread.id)
    thread.pinned_at = thread.pinned_at or clock.now()
    record(ThreadPinned(thread.id), actor=actor)


def unpin_thread(actor: Viewer, thread: Thread) -> None:
    """Let it sink like any other."""
    require(policy.may_moderate(actor, thread))
    thread = lock(thread.id)
    thread.pinned_at = None
    record(ThreadUnpinned(thread.id), actor=actor)


def move_thread(actor: Viewer, thread: Thread, category: Category) -> None:
    """Put it into another category; whoever may see that one may see the thread from now on."""
    require(policy.may_moderate(actor, thread))
    require(policy.may_start_thread(actor, category, thread.author_id))
    thread = lock(thread.id)
    if thread.category_id == category.id:
        return
    if thread.deleted_at is None:
        count_in_category(thread.category_id, -1)
    new = count_in_category(category.id, 0 if thread.deleted_at else +1)
    thread.category_id, thread.access = new.id, new.access
    record(ThreadMoved(thread.id, new.id), actor=actor)


def mark_thread(actor: Viewer, thread: Thread, mark: str) -> None:
    """Say whose turn it is: `needs_staff`, or `waiting_on_author` (which ends when the author replies)."""
    require(policy.may_work_on(actor, thread))
    _set_mark(actor, lock(thread.id), mark, is_on=True)


def unmark_thread(actor: Viewer, thread: Thread, mark: str) -> None:
    """Take a mark off again."""
    require(policy.may_work_on(actor, thread))
    _set_mark(actor, lock(thread.id), mark, is_on=False)


def _set_mark(actor: Viewer, thread: Thread, mark: str, *, is_on: bool) -> None:
    column = MARKS[mark]
    if (getattr(thread, column) is not None) == is_on:
        return
    setattr(thread, column, clock.now() if is_on else None)
    record(ThreadMarked(thread.id, mark, is_on), actor=actor)
