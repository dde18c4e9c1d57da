"""Replies: writing, editing, deleting, restoring. Positions are given out under the thread's lock."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import make_transient_to_detached

from core import clock
from core.db import change, db, rows
from core.errors import Conflict, NotFound, Refused, require
from core.outbox import record
from core.prepared import Prepared, PreparedChange
from core.text import Rendered
from core.viewer import Viewer
from forum import policy
from forum.actions.following import remember_follow
from forum.actions.locking import hold, lock_post, thread_of
from forum.actions.reading import remember_writing
from forum.actions.tagging import set_tags
from forum.addresses import slug_of
from forum.events import (
    AnswerAccepted,
    AnswerUnaccepted,
    PersonMentioned,
    PostAdded,
    PostDeleted,
    PostEdited,
    PostRestored,
)
from forum.models import ANSWER, COMMENT, OPENING, QUESTION, Attachment, Post, PostRevision, Thread
from people.queries import ids_of_handles

SAME_WITHIN: Final = timedelta(seconds=60)
SAME_AMONG: Final = 50  # of the newest posts of a thread
MOST_MENTIONS: Final = 10
_MENTION: Final = re.compile(r'<a\b(?=[^>]*\bclass="mention")[^>]*\bhref="/people/([^"/?#]+)"')
_NO_REPLIES: Final = _l("This thread takes no replies from you right now.")
_PICTURE: Final = re.compile(r"/files/([A-Za-z0-9_-]{8,32})/")


def reply(
    actor: Viewer,
    thread: Any,
    body: Rendered,
    *,
    reply_to: Post | None = None,
    as_comment: bool = False,
    author_id: int | None = None,
) -> Post:
    """An answer to a question, or a comment, in a thread or the row of one; its author follows it.

    The same text by the same author within a minute is the same reply, sent twice: the first one is returned.
    """
    require(policy.may_reply(actor, thread, author_id), _NO_REPLIES)
    thread = hold(thread.id)
    _refuse_late(actor, thread, author_id)
    author = author_id or actor.id or 0
    first = _same_post(thread, author, body.source)
    if first is not None:
        return first
    post = _next_post(thread, author, ANSWER if thread.kind == QUESTION and not as_comment else COMMENT)
    if reply_to is not None and reply_to.thread_id == thread.id:
        post.reply_to_id = reply_to.id
    settle_in(post, body)
    remember_follow(author, thread.id, "reply")
    remember_writing(author, thread.id, post.position)
    record(PostAdded(thread.id, post.id, author), actor=actor)
    announce_mentions(actor, post)
    return post


def _refuse_late(actor: Viewer, thread: Any, author_id: int | None) -> None:
    """Somebody may have closed or deleted the thread since it was loaded."""
    if thread.deleted_at is not None:
        raise NotFound
    if not policy.may_reply(actor, thread, author_id):
        raise Refused(_("This thread was just closed. Your text is kept as a draft."))


_P: Final = Post.__table__.c
_SAME_POST: Final = Prepared(
    sa.select(_P.id)
    .where(_P.thread_id == sa.bindparam("thread_id"), _P.position > sa.bindparam("after"))
    .where(_P.author_id == sa.bindparam("author_id"), _P.source == sa.bindparam("source"))
    .where(_P.created_at > sa.bindparam("since"), _P.deleted_at.is_(None), _P.kind != OPENING)
    .order_by(_P.position)
    .limit(1)
)


def _same_post(thread: Any, author_id: int, source: str) -> Post | None:
    """Whoever holds the thread's row comes here alone, so that two clicks cannot both find nothing."""
    values = {
        "thread_id": thread.id,
        "after": thread.post_count - SAME_AMONG,
        "author_id": author_id,
        "source": source,
        "since": clock.now() - SAME_WITHIN,
    }
    found = rows(_SAME_POST, values)
    return db.session.get_one(Post, found[0].id) if found else None


_T: Final = Thread.__table__
_COUNT: Final = PreparedChange(
    sa.update(_T)  # type: ignore[arg-type]
    .where(_T.c.id == sa.bindparam("thread"))
    .values(
        version=_T.c.version + 1,
        post_count=_T.c.post_count + 1,
        reply_count=_T.c.reply_count + 1,
        answer_count=_T.c.answer_count + sa.bindparam("answers", type_=sa.Integer),
        last_post_at=sa.bindparam("moment", type_=_T.c.last_post_at.type),
        last_post_by_id=sa.bindparam("by", type_=sa.BigInteger),
        waiting_on_author_at=sa.case(
            (_T.c.author_id == sa.bindparam("by", type_=sa.BigInteger), None), else_=_T.c.waiting_on_author_at
        ),
    )
)


def _next_post(thread: Any, author_id: int, kind: str) -> Post:
    """Count it in the row that `hold` gave, and take the next position there."""
    moment = clock.now()
    values = {"thread": thread.id, "answers": int(kind == ANSWER), "moment": moment, "by": author_id}
    change(_COUNT, values)
    return Post(
        thread_id=thread.id, position=thread.post_count + 1, kind=kind, author_id=author_id, created_at=moment
    )


_NEW: Final = tuple(column.name for column in _P if column.name != "id")
_STORE: Final = PreparedChange(
    sa.insert(Post.__table__).returning(_P.id),  # type: ignore[arg-type]
    _NEW,
)


def settle_in(post: Post, body: Rendered) -> None:
    """Give a new post its text, store it, and take its author's uploaded pictures into it."""
    _write(post, body)
    post.score = post.edit_count = 0
    post.deleted_reason = ""
    values = {name: getattr(post, name) for name in _NEW}
    post.id = change(_STORE, values)[0].id
    make_transient_to_detached(post)  # it is stored: from here on the session knows it as if it had been read
    db.session.add(post)
    _adopt_pictures(post)


def _write(post: Post, body: Rendered) -> None:
    post.source, post.format, post.html, post.text_version = body.source, body.format, body.html, body.version


def _adopt_pictures(post: Post) -> None:
    """Pictures stand in the first post that shows them; from then on they are as visible as it is."""
    found = set(_PICTURE.findall(post.html))
    if not found:
        return
    db.session.execute(
        sa.update(Attachment)
        .where(
            Attachment.public_id.in_(found),
            Attachment.owner_id == post.author_id,
            Attachment.post_id.is_(None),
        )
        .values(post_id=post.id)
    )


def announce_mentions(actor: Viewer, post: Post, before: str = "") -> None:
    """Record who is called by name in a post and was not in its text `before`."""
    handles = _handles(post.html) - _handles(before)
    if not handles:
        return
    ids = ids_of_handles(sorted(handles)[:MOST_MENTIONS])
    facts = [PersonMentioned(post.thread_id, post.id, i) for i in ids.values() if i != post.author_id]
    record(*facts, actor=actor)


def _handles(html: str) -> set[str]:
    return set(_MENTION.findall(html)) if 'class="mention"' in html else set()


def edit_post(
    actor: Viewer,
    post: Post,
    body: Rendered,
    *,
    title: str | None = None,
    tags: Sequence[str] | None = None,
    reason: str = "",
    seen_edits: int | None = None,
) -> Post:
    """Change a post's text (and an opening post's title and tags), keeping what it said as a revision.

    `seen_edits` is the `edit_count` the writer started from: raises Conflict when somebody else was faster.
    """
    require(policy.may_edit_post(actor, post, thread_of(post)))
    thread, post = lock_post(post)
    require(policy.may_edit_post(actor, post, thread))
    if seen_edits is not None and seen_edits != post.edit_count:
        raise Conflict(
            _("Somebody else has just edited this post. Compare with its new text, then save again.")
        )
    if not _differs(thread, post, body, title, tags):
        return post
    before = post.html
    _keep_revision(actor, thread, post, reason)
    _write(post, body)
    if post.kind == OPENING:
        _retitle(thread, title, tags)
    db.session.flush()
    _adopt_pictures(post)
    record(PostEdited(thread.id, post.id, post.edit_count), actor=actor)
    announce_mentions(actor, post, before)
    return post


def _differs(
    thread: Thread, post: Post, body: Rendered, title: str | None, tags: Sequence[str] | None
) -> bool:
    if post.source != body.source:
        return True
    if post.kind != OPENING:
        return False
    new_title = title is not None and title != thread.title
    return new_title or (tags is not None and " ".join(sorted(dict.fromkeys(tags))) != thread.tags)


def _keep_revision(actor: Viewer, thread: Thread, post: Post, reason: str) -> None:
    moment = clock.now()
    post.edit_count += 1
    is_opening = post.kind == OPENING
    db.session.add(
        PostRevision(
            post_id=post.id,
            number=post.edit_count,
            title=thread.title if is_opening else "",
            tags=thread.tags if is_opening else "",
            source=post.source,
            format=post.format,
            edited_at=moment,
            edited_by_id=actor.id or post.author_id,
            reason=reason,
        )
    )
    post.edited_at, post.edited_by_id = moment, actor.id or post.author_id


def _retitle(thread: Thread, title: str | None, tags: Sequence[str] | None) -> None:
    if title is not None and title != thread.title:
        thread.title, thread.slug = title, slug_of(title)
    if tags is not None:
        set_tags(thread, tags)


def delete_post(actor: Viewer, post: Post, reason: str = "") -> None:
    """Take a reply out of sight. It keeps place, votes and acceptance: restoring brings back all."""
    require(policy.may_delete_post(actor, post, thread_of(post)))
    thread, post = lock_post(post)
    if post.deleted_at is not None:
        return
    post.deleted_at, post.deleted_by_id, post.deleted_reason = clock.now(), actor.id, reason
    _count(thread, post, -1)
    if thread.accepted_post_id == post.id:
        on_behalf = thread.accepted_by_id not in (None, thread.author_id)
        thread.accepted_post_id = thread.accepted_at = thread.accepted_by_id = None
        record(AnswerUnaccepted(thread.id, post.id, post.author_id, thread.author_id, on_behalf), actor=actor)
    db.session.flush()
    _find_last_post(thread)
    record(PostDeleted(thread.id, post.id, post.author_id), actor=actor)


def restore_post(actor: Viewer, post: Post) -> None:
    """Bring a deleted reply back as it was; accepted again if nothing else was accepted in the meantime."""
    require(policy.may_restore_post(actor, post, thread_of(post)))
    thread, post = lock_post(post)
    if post.deleted_at is None:
        return
    post.deleted_at = post.deleted_by_id = None
    post.deleted_reason = ""
    _count(thread, post, +1)
    db.session.flush()
    _find_last_post(thread)
    record(PostRestored(thread.id, post.id, post.author_id), actor=actor)
    if post.accepted_at is not None:
        _accept_again(actor, thread, post, post.accepted_at)


def _accept_again(actor: Viewer, thread: Thread, post: Post, accepted_at: datetime) -> None:
    if thread.accepted_post_id is not None:
        post.accepted_at = post.accepted_by_id = None
        return
    thread.accepted_post_id, thread.accepted_at = post.id, accepted_at
    thread.accepted_by_id = post.accepted_by_id
    on_behalf = post.accepted_by_id not in (None, thread.author_id)
    record(AnswerAccepted(thread.id, post.id, post.author_id, thread.author_id, on_behalf), actor=actor)


def _count(thread: Thread, post: Post, difference: int) -> None:
    thread.reply_count += difference
    if post.kind == ANSWER:
        thread.answer_count += difference


def _find_last_post(thread: Thread) -> None:
    """A thread stands in lists where its newest remaining post puts it."""
    statement = (
        sa.select(Post.created_at, Post.author_id)
        .where(Post.thread_id == thread.id, Post.deleted_at.is_(None))
        .order_by(Post.position.desc())
        .limit(1)
    )
    last = db.session.execute(statement).one()
    thread.last_post_at, thread.last_post_by_id = last.created_at, last.author_id
