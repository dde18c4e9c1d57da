"""Whose posts they are: when somebody from outside turns out to be a member."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from core.db import db
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from forum import policy
from forum.events import AuthorshipMoved
from forum.models import Follow, Post, Thread

BATCH: Final = 200  # threads of one fact


def move_authorship(actor: Viewer, person_id: int, member_id: int) -> None:
    """Threads, posts and follows of `person_id` are those of `member_id` from now on."""
    require(policy.may_move_authorship(actor))
    thread_ids = _hold_threads(person_id)
    for column in (Thread.author_id, Thread.last_post_by_id):
        theirs = sa.update(Thread).where(Thread.id.in_(thread_ids), column == person_id)
        db.session.execute(theirs.values({column: member_id}).execution_options(synchronize_session=False))
    posts = sa.update(Post).where(Post.author_id == person_id).values(author_id=member_id)
    db.session.execute(posts.execution_options(synchronize_session=False))
    _move_follows(person_id, member_id)
    for start in range(0, len(thread_ids), BATCH):
        record(AuthorshipMoved(member_id, tuple(thread_ids[start : start + BATCH])), actor=actor)
    db.session.expire_all()


def _hold_threads(person_id: int) -> Sequence[int]:
    """Every thread the person wrote in, its version grown by one: kept pages and drawn posts are made anew."""
    wrote_in = sa.select(Post.thread_id).where(Post.author_id == person_id)
    grown = sa.update(Thread).where(sa.or_(Thread.author_id == person_id, Thread.id.in_(wrote_in)))
    grown = grown.values(version=Thread.version + 1).execution_options(synchronize_session=False)
    return sorted(db.session.execute(grown.returning(Thread.id)).scalars())


def _move_follows(person_id: int, member_id: int) -> None:
    """What the member follows or has muted already stays as the member chose."""
    theirs = Follow.person_id == person_id
    known = sa.select(Follow.thread_id).where(Follow.person_id == member_id)
    moved = sa.update(Follow).where(theirs, Follow.thread_id.not_in(known)).values(person_id=member_id)
    db.session.execute(moved.execution_options(synchronize_session=False))
    db.session.execute(sa.delete(Follow).where(theirs).execution_options(synchronize_session=False))
