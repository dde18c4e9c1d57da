"""What somebody did in the forum: for their profile (what its reader may see), and for their export."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from core import text
from core.db import db
from core.viewer import Viewer
from forum.models import ANSWER, Draft, Follow, Post, PostVote, Thread
from forum.visibility import Statement, listed_posts, listed_threads

PER_TAB: Final = 20


@dataclass(frozen=True, slots=True)
class Written:
    """A post of a person, with the thread it stands in."""

    post_id: int
    title: str
    excerpt: str
    score: int
    is_accepted: bool
    at: Any

    @property
    def path(self) -> str:
        """Where it stands."""
        return f"/p/{self.post_id}"


def answers_of(viewer: Viewer, person_id: int, page: int = 1) -> tuple[list[Written], bool]:
    """A person's answers that the viewer may see, newest first, and whether there are more."""
    return _written(viewer, person_id, page, Post.kind == ANSWER)


def posts_of(viewer: Viewer, person_id: int, page: int = 1) -> tuple[list[Written], bool]:
    """Everything a person wrote that the viewer may see, newest first, and whether there is more."""
    return _written(viewer, person_id, page, sa.true())


def _written(
    viewer: Viewer, person_id: int, page: int, rule: sa.ColumnElement[bool]
) -> tuple[list[Written], bool]:
    accepted = sa.case((Thread.accepted_post_id == Post.id, 1), else_=0).label("is_accepted")
    statement = (
        sa.select(Post.id, Post.html, Post.score, Post.created_at, Thread.title, accepted)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.author_id == person_id, listed_posts(viewer), rule)
        .order_by(Post.id.desc())
        .limit(PER_TAB + 1)
        .offset((page - 1) * PER_TAB)
    )
    rows = db.session.execute(statement).all()
    return [_one(row) for row in rows[:PER_TAB]], len(rows) > PER_TAB


def _one(row: Any) -> Written:
    short = text.excerpt(row.html, 200)
    return Written(row.id, row.title, short, row.score, bool(row.is_accepted), row.created_at)


def numbers_of(viewer: Viewer, person_id: int) -> dict[str, int]:
    """How many threads, posts, answers and accepted answers of a person the viewer may see."""
    is_answer, is_accepted = Post.kind == ANSWER, Thread.accepted_post_id == Post.id
    columns = {"threads": Post.position == 1, "answers": is_answer, "accepted": is_accepted}
    sums = [
        sa.func.coalesce(sa.func.sum(sa.case((rule, 1), else_=0)), 0).label(n) for n, rule in columns.items()
    ]
    statement = (
        sa.select(sa.func.count().label("posts"), *sums)
        .select_from(Post)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.author_id == person_id, listed_posts(viewer))
    )
    return {name: int(value) for name, value in db.session.execute(statement).one()._mapping.items()}


def followed_by(viewer: Viewer) -> list[Any]:
    """Threads the viewer follows or muted and may still see, newest follow first."""
    statement = (
        sa.select(
            Thread.id, Thread.title, Thread.slug, Thread.kind, Follow.at, Follow.reason, Follow.muted_at
        )
        .join(Follow, Follow.thread_id == Thread.id)
        .where(Follow.person_id == viewer.id, listed_threads(viewer))
        .order_by(Follow.at.desc())
        .limit(200)
    )
    return list(db.session.execute(statement).all())


def export_posts(person_id: int) -> Iterator[dict[str, Any]]:
    """Everything somebody wrote, deleted or not: it is theirs."""
    statement = (
        sa.select(Post.id, Post.thread_id, Thread.title, Post.kind, Post.source, Post.format, Post.created_at)
        .add_columns(Post.edited_at, Post.deleted_at, Post.score)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.author_id == person_id)
        .order_by(Post.id)
    )
    return _exported(statement)


def export_votes(person_id: int) -> Iterator[dict[str, Any]]:
    """Every vote somebody cast."""
    statement = sa.select(PostVote.post_id, PostVote.value, PostVote.at).where(
        PostVote.person_id == person_id
    )
    return _exported(statement.order_by(PostVote.id))


def export_follows(person_id: int) -> Iterator[dict[str, Any]]:
    """Every thread somebody follows or muted."""
    statement = sa.select(Follow.thread_id, Follow.reason, Follow.at, Follow.muted_at)
    return _exported(statement.where(Follow.person_id == person_id).order_by(Follow.thread_id))


def export_drafts(person_id: int) -> Iterator[dict[str, Any]]:
    """Everything somebody has not sent yet."""
    statement = sa.select(Draft.key, Draft.fields, Draft.updated_at).where(Draft.person_id == person_id)
    return _exported(statement.order_by(Draft.id))


def _exported(statement: Statement) -> Iterator[dict[str, Any]]:
    """Rows as plain mappings; times as text."""
    for row in db.session.execute(statement):
        yield {n: v.isoformat() if hasattr(v, "isoformat") else v for n, v in row._mapping.items()}
