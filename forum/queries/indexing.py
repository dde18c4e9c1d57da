"""Posts in the shape of search documents, for whoever fills the index."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import search as engine
from core import text
from core.db import db
from forum.models import OPENING, Post, Thread
from forum.visibility import Predicate, Statement
from people.models import Person

ALL, THREADS, THREAD, CATEGORY = "all", "threads", "thread", "category"


@dataclass(frozen=True, slots=True)
class Indexed:
    """One post with all that a search document needs, as it was at a version of its thread."""

    document: engine.Document
    is_listed: bool
    version: int


def documents_of(post_ids: Collection[int], thread_ids: Collection[int] = ()) -> list[Indexed]:
    """These posts and all posts of these threads, as the engine wants them, in the order of their ids."""
    return _read(_statement().where(sa.or_(Post.id.in_(post_ids), Post.thread_id.in_(thread_ids))))


@dataclass(frozen=True, slots=True)
class Scope:
    """Which posts a run covers: all, those of a stretch of threads, of one thread, or of one category."""

    kind: str
    first: int = 0
    last: int = 0

    @property
    def label(self) -> str:
        """The run's lasting name."""
        return self.kind if self.kind == ALL else f"{self.kind}:{self.first}-{self.last}"

    def rule(self) -> Predicate:
        """The posts, for a query that joins their threads."""
        return {
            ALL: sa.true(),
            THREADS: Thread.id.between(self.first, self.last),
            THREAD: Thread.id == self.first,
            CATEGORY: Thread.category_id == self.first,
        }[self.kind]


def documents_after(scope: Scope, post_id: int, limit: int) -> list[Indexed]:
    """The next `limit` posts of a scope behind a post id."""
    return _read(_statement().where(scope.rule(), Post.id > post_id).limit(limit))


def versions_between(scope: Scope, after: int, last: int | None) -> dict[int, int]:
    """The posts of a scope behind a post id, up to and with `last` if given: each with its thread's version now."""
    statement = sa.select(Post.id, Thread.version).join(Thread, Thread.id == Post.thread_id)
    statement = statement.where(scope.rule(), Post.id > after)
    if last is not None:
        statement = statement.where(Post.id <= last)
    return {row.id: row.version for row in db.session.execute(statement)}


def first_post(scope: Scope) -> int | None:
    """The lowest post id of a scope."""
    statement = sa.select(sa.func.min(Post.id)).join(Thread, Thread.id == Post.thread_id).where(scope.rule())
    return db.session.execute(statement).scalar()


def count_posts(scope: Scope) -> int:
    """How many posts a scope has, listed or not."""
    statement = (
        sa.select(sa.func.count(Post.id)).join(Thread, Thread.id == Post.thread_id).where(scope.rule())
    )
    return int(db.session.execute(statement).scalar() or 0)


def posts_in_threads(thread_ids: Collection[int]) -> dict[int, int]:
    """How many positions each of these threads has."""
    statement = sa.select(Thread.id, Thread.post_count).where(Thread.id.in_(thread_ids))
    return {row.id: row.post_count for row in db.session.execute(statement)}


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
            Thread.version,
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
    """The title is the opening post's own; to the others it lends its words: see `Index.find`."""
    is_opening = row.post_kind == OPENING
    document = engine.Document(
        id=row.id,
        thread_id=row.thread_id,
        kind=row.kind,
        title=row.title if is_opening else "",
        thread_title="" if is_opening else row.title,
        body=text.plain(row.html),
        tags=tuple(row.tags.split()),
        category_id=row.category_id,
        author=row.handle,
        access=row.access,
        solved=row.accepted_post_id is not None,
        created_at=row.created_at,
    )
    return Indexed(document, row.deleted_at is None and row.thread_deleted_at is None, row.version)
