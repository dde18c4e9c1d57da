"""Votes on the quality of posts: one for each person and post."""

import sqlalchemy as sa

from core import clock
from core.db import db
from core.errors import NotFound, Refused, require
from core.outbox import record
from core.viewer import Viewer
from forum import policy
from forum.actions.locking import lock_post
from forum.events import PostVoted
from forum.models import OPENING, Post, PostVote


def vote(actor: Viewer, post: Post, value: int) -> int:
    """Vote 1 or -1, or take the vote back with 0; a repeat changes nothing. Returns the post's score."""
    require(policy.may_vote(actor, post))
    if value not in (-1, 0, 1):
        raise Refused("1, 0, -1")
    thread, post = lock_post(post)
    if post.deleted_at is not None or thread.deleted_at is not None:
        raise NotFound
    previous = _put(actor, post, value)
    if previous == value:
        return post.score
    post.score += value - previous
    if post.kind == OPENING:
        thread.score = post.score
    record(PostVoted(thread.id, post.id, post.author_id, actor.id or 0, value, previous), actor=actor)
    return post.score


def _put(actor: Viewer, post: Post, value: int) -> int:
    """Store the vote as it shall stand; returns what it was."""
    mine = sa.select(PostVote).where(PostVote.post_id == post.id, PostVote.person_id == actor.id)
    found = db.session.execute(mine).scalar_one_or_none()
    previous = found.value if found else 0
    if found is None and value:
        db.session.add(PostVote(post_id=post.id, person_id=actor.id, value=value, at=clock.now()))
    elif found is not None and value:
        found.value, found.at = value, clock.now()
    elif found is not None:
        db.session.delete(found)
    return previous
