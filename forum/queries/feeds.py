"""What feeds and the sitemap hold: only what any visitor may see, whoever asks."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from core.viewer import Viewer
from forum.models import Post, Tag, Thread, ThreadTag
from forum.visibility import listed_threads

PER_FEED: Final = 30
PER_SITEMAP: Final = 5_000


def newest(*, category_id: int | None = None, tag: str = "", kind: str = "") -> Sequence[Any]:
    """The newest public threads with the text of their opening posts."""
    statement = (
        sa.select(
            Thread.id,
            Thread.title,
            Thread.slug,
            Thread.kind,
            Thread.created_at,
            Thread.last_post_at,
            Thread.author_id,
            Post.html,
            Post.edited_at,
        )
        .join(Post, sa.and_(Post.thread_id == Thread.id, Post.position == 1))
        .where(listed_threads(Viewer.visitor()))
        .order_by(Thread.id.desc())
        .limit(PER_FEED)
    )
    if category_id is not None:
        statement = statement.where(Thread.category_id == category_id)
    if kind:
        statement = statement.where(Thread.kind == kind)
    if tag:
        tagged = sa.select(ThreadTag.thread_id).join(Tag, Tag.id == ThreadTag.tag_id).where(Tag.name == tag)
        statement = statement.where(Thread.id.in_(tagged))
    return db.session.execute(statement).all()


def addresses(page: int = 1) -> Sequence[Any]:
    """Public threads for the sitemap, the latest active first: id, slug, kind, last_post_at."""
    statement = (
        sa.select(Thread.id, Thread.slug, Thread.kind, Thread.last_post_at)
        .where(listed_threads(Viewer.visitor()))
        .order_by(Thread.last_post_at.desc(), Thread.id.desc())
        .limit(PER_SITEMAP)
        .offset((page - 1) * PER_SITEMAP)
    )
    return db.session.execute(statement).all()
