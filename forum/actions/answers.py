"""Accepting the answer that solved a question."""

from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import NotFound, Refused, require
from core.outbox import record
from core.viewer import Viewer
from forum import policy
from forum.actions.locking import lock
from forum.events import AnswerAccepted, AnswerUnaccepted
from forum.models import ANSWER, Post, Thread


def accept_answer(actor: Viewer, thread: Thread, post: Post) -> None:
    """Mark the answer that solved it, in place of any other. Staff do so on behalf of the person who asked.

    Accepting the accepted answer again changes nothing.
    """
    require(policy.may_accept_answer(actor, thread))
    thread = lock(thread.id)
    db.session.refresh(post)
    _check(thread, post)
    if thread.accepted_post_id == post.id:
        return
    _withdraw(actor, thread)
    moment = clock.now()
    thread.accepted_post_id, thread.accepted_at, thread.accepted_by_id = post.id, moment, actor.id
    post.accepted_at, post.accepted_by_id = moment, actor.id
    on_behalf = actor.id != thread.author_id
    record(AnswerAccepted(thread.id, post.id, post.author_id, thread.author_id, on_behalf), actor=actor)


def _check(thread: Thread, post: Post) -> None:
    if post.thread_id != thread.id or post.deleted_at is not None or thread.deleted_at is not None:
        raise NotFound
    if post.kind != ANSWER:
        raise Refused(_("Only an answer can be accepted, not a comment."))


def unaccept_answer(actor: Viewer, thread: Thread) -> None:
    """The question is open again."""
    require(policy.may_accept_answer(actor, thread))
    _withdraw(actor, lock(thread.id))


def _withdraw(actor: Viewer, thread: Thread) -> None:
    former = db.session.get(Post, thread.accepted_post_id) if thread.accepted_post_id else None
    on_behalf = thread.accepted_by_id not in (None, thread.author_id)
    thread.accepted_post_id = thread.accepted_at = thread.accepted_by_id = None
    if former is None:
        return
    former.accepted_at = former.accepted_by_id = None
    record(AnswerUnaccepted(thread.id, former.id, former.author_id, thread.author_id, on_behalf), actor=actor)
