"""Rows as they are, whoever asks: for reactions to events. What a person is shown of them goes through a viewer."""

import sqlalchemy as sa

from core.db import db
from forum.models import Escalation, Post, Thread


def bare_post(post_id: int) -> Post:
    """The post, deleted or not."""
    return db.session.get_one(Post, post_id)


def bare_thread(thread_id: int) -> Thread:
    """The thread, deleted or not."""
    return db.session.get_one(Thread, thread_id)


def author_of_thread(thread_id: int) -> int:
    """Who started it."""
    return db.session.execute(sa.select(Thread.author_id).where(Thread.id == thread_id)).scalar_one()


def kind_of_post(post_id: int) -> str:
    """`opening`, `answer` or `comment`."""
    return db.session.execute(sa.select(Post.kind).where(Post.id == post_id)).scalar_one()


def opener_of_escalation(escalation_id: int) -> int:
    """Who opened the case."""
    statement = sa.select(Escalation.opened_by_id).where(Escalation.id == escalation_id)
    return db.session.execute(statement).scalar_one()
