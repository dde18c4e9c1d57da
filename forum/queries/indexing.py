"""Posts in the shape of search documents, for whoever fills the index."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import search as engine
from core import text
from core.db import db
from forum.models import OPENING, Post, Thread
from forum.visibility import Statement
from people.models import Person


@dataclass(frozen=True, slots=True)
class Indexed:
    """One post with all that a search document needs."""

    document: engine.Document
    is_listed: bool


def documents_of(post_ids: Collection[int], thread_ids: Collection[int] = ()) -> list[Indexed]:
    """These posts and all posts of these threads, as the engine wants them, in the order of their ids."""
    return _read(_statement().where(sa.or_(Post.id.in_(post_ids), Post.thread_id.in_(thread_ids))))


def documents_after(post_id: int, *, last: int, limit: int) -> list[Indexed]:
    """The next `limit` posts behind an id, up to the id `last`."""
    return _read(_statement().where(Post.id > post_id, Post.id <= last).limit(limit))


def _statement() -> Statement:
    return (
        sa.select(
            Post.id,
            Post.thread_id,
            Post.kind.label("post_kind"),
            Post.html,
            Post.created_at,
            Post.deleted_at,
            Thread.kind,
            Thread.title,
            Thread.tags,
            Thread.category_id,
            Thread.access,
            Thread.accepted_post_id,
            Thread.deleted_at.label("thread_deleted_at"),
            Person.handle,
        )
        .join(Thread, Thread.id == Post.thread_id)
        .join(Person, Person.id == Post.author_id)
        .order_by(Post.id)
    )


def _read(statement: Statement) -> list[Indexed]:
    return [_indexed(row) for row in db.session.execute(statement)]


def _indexed(row: Any) -> Indexed:
    """The title belongs to the opening post alone: a long thread must not fill what its words find."""
    document = engine.Document(
        id=row.id,
        thread_id=row.thread_id,
        kind=row.kind,
        title=row.title if row.post_kind == OPENING else "",
        body=text.plain(row.html),
        tags=tuple(row.tags.split()),
        category_id=row.category_id,
        author=row.handle,
        access=row.access,
        solved=row.accepted_post_id is not None,
        created_at=row.created_at,
    )
    return Indexed(document, row.deleted_at is None and row.thread_deleted_at is None)


def span(first_thread_id: int | None = None, last_thread_id: int | None = None) -> tuple[int, int, int]:
    """Lowest and highest post id of these threads (of all when not given), and how many posts there are."""
    statement = sa.select(sa.func.min(Post.id), sa.func.max(Post.id), sa.func.count(Post.id))
    if first_thread_id is not None and last_thread_id is not None:
        statement = statement.where(Post.thread_id.between(first_thread_id, last_thread_id))
    lowest, highest, number = db.session.execute(statement).one()
    return int(lowest or 0), int(highest or 0), int(number)
