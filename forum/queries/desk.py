"""What waits for moderators and agents: flagged posts and open cases."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import clock, text
from core.db import db
from core.errors import Forbidden, NotFound
from core.viewer import Viewer
from forum import policy
from forum.models import Escalation, Flag, Post, Thread
from forum.visibility import visible_posts, visible_threads
from people.queries import PersonCard, cards


@dataclass(frozen=True, slots=True)
class FlagLine:
    """One member's flag."""

    reporter: PersonCard | None
    reason: str
    note: str
    at: Any


@dataclass(frozen=True, slots=True)
class FlaggedPost:
    """A post with its open flags, oldest first."""

    post_id: int
    position: int
    thread_id: int
    kind: str
    title: str
    slug: str
    author: PersonCard | None
    excerpt: str
    is_deleted: bool
    flags: tuple[FlagLine, ...]

    @property
    def path(self) -> str:
        """Where the post stands."""
        return f"/p/{self.post_id}"


@dataclass(frozen=True, slots=True)
class Case:
    """An escalation in a queue; `is_late` as of now."""

    id: int
    post_id: int
    thread_id: int
    title: str
    reason: str
    opened_at: Any
    opened_by: PersonCard | None
    due_at: Any
    owner: PersonCard | None
    taken_at: Any
    closed_at: Any
    outcome: str
    is_late: bool
    excerpt: str

    @property
    def path(self) -> str:
        """Where the post stands."""
        return f"/p/{self.post_id}"


def flag_queue(viewer: Viewer, limit: int = 100) -> list[FlaggedPost]:
    """Posts with open flags that the viewer may see, the longest waiting first. Raises Forbidden."""
    if not policy.may_see_desk(viewer):
        raise Forbidden
    statement = (
        sa.select(
            Flag.post_id,
            Flag.reporter_id,
            Flag.reason,
            Flag.note,
            Flag.at,
            Post.position,
            Post.html,
            Post.author_id,
            Post.deleted_at,
            Thread.id.label("thread_id"),
            Thread.kind,
            Thread.title,
            Thread.slug,
        )
        .join(Post, Post.id == Flag.post_id)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Flag.settled_at.is_(None), visible_posts(viewer))
        .order_by(Flag.id)
        .limit(limit * 5)
    )
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.execute(statement):
        grouped[row.post_id].append(row)
    people = cards(i for rows in grouped.values() for r in rows for i in (r.reporter_id, r.author_id))
    return [_flagged(rows, people) for rows in list(grouped.values())[:limit]]


def _flagged(rows: list[Any], people: Mapping[int, PersonCard]) -> FlaggedPost:
    first = rows[0]
    return FlaggedPost(
        post_id=first.post_id,
        position=first.position,
        thread_id=first.thread_id,
        kind=first.kind,
        title=first.title,
        slug=first.slug,
        author=people.get(first.author_id),
        excerpt=text.excerpt(first.html, 300),
        is_deleted=first.deleted_at is not None,
        flags=tuple(FlagLine(people.get(r.reporter_id), r.reason, r.note, r.at) for r in rows),
    )


def escalation_queue(viewer: Viewer, *, closed: bool = False, limit: int = 100) -> list[Case]:
    """Cases on threads the viewer may see: open ones by deadline, closed ones newest first. Or Forbidden."""
    if not policy.may_see_desk(viewer):
        raise Forbidden
    statement = (
        sa.select(Escalation, Thread.title, Post.html)
        .join(Thread, Thread.id == Escalation.thread_id)
        .join(Post, Post.id == Escalation.post_id)
        .where(visible_threads(viewer))
        .limit(limit)
    )
    if closed:
        statement = statement.where(Escalation.closed_at.is_not(None)).order_by(Escalation.closed_at.desc())
    else:
        statement = statement.where(Escalation.closed_at.is_(None)).order_by(Escalation.due_at, Escalation.id)
    rows = db.session.execute(statement).all()
    people = cards(i for row in rows for i in (row.Escalation.opened_by_id, row.Escalation.owner_id))
    return [_case(row.Escalation, row.title, row.html, people) for row in rows]


def _case(found: Escalation, title: str, html: str, people: Mapping[int, PersonCard]) -> Case:
    return Case(
        id=found.id,
        post_id=found.post_id,
        thread_id=found.thread_id,
        title=title,
        reason=found.reason,
        opened_at=found.opened_at,
        opened_by=people.get(found.opened_by_id),
        due_at=found.due_at,
        owner=people.get(found.owner_id or 0),
        taken_at=found.taken_at,
        closed_at=found.closed_at,
        outcome=found.outcome,
        is_late=found.closed_at is None and found.due_at < clock.now(),
        excerpt=text.excerpt(html, 300),
    )


def escalation(viewer: Viewer, escalation_id: int) -> Escalation:
    """A case to act on. Raises NotFound where the viewer may not see its thread, or the desk."""
    statement = (
        sa.select(Escalation)
        .join(Thread, Thread.id == Escalation.thread_id)
        .where(Escalation.id == escalation_id, visible_threads(viewer))
    )
    found = db.session.execute(statement).scalar_one_or_none() if policy.may_see_desk(viewer) else None
    if found is None:
        raise NotFound
    return found


def waiting(viewer: Viewer) -> dict[str, int]:
    """Numbers for the desk's tabs: flagged posts, open and late cases, as far as the viewer may see."""
    if not policy.may_see_desk(viewer):
        return {"flags": 0, "cases": 0, "late": 0}
    flags = (
        sa.select(sa.func.count(Flag.post_id.distinct()))
        .join(Post, Post.id == Flag.post_id)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Flag.settled_at.is_(None), visible_posts(viewer))
    )
    cases = (
        sa.select(sa.func.count())
        .select_from(Escalation)
        .join(Thread, Thread.id == Escalation.thread_id)
        .where(Escalation.closed_at.is_(None), visible_threads(viewer))
    )
    late = cases.where(Escalation.due_at < clock.now())
    numbers = (flags.scalar_subquery(), cases.scalar_subquery(), late.scalar_subquery())
    row = db.session.execute(sa.select(*numbers)).one()
    return {"flags": int(row[0]), "cases": int(row[1]), "late": int(row[2])}
