"""What shows the demand: quotes with where they come from, and which threads led to which ideas."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from core.db import db, rows
from core.prepared import Prepared
from core.text import plain
from core.viewer import Viewer
from forum.models import Post, Thread
from forum.visibility import listed_posts, stand_in
from ideation.models import Idea, IdeaEvidence
from ideation.visibility import listed_ideas
from people import queries as people

QUOTE_LENGTH: Final = 2_000


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A quote with where it comes from. `post_id`, `thread_id` and its title are set when it is a post of ours;
    `at` is when that was written, of others when the quote was added."""

    quote: str
    person: people.PersonCard | None
    label: str
    url: str
    thread_id: int | None
    thread_title: str
    post_id: int | None
    at: datetime


def quote_of(post: Post) -> str:
    """A post's words as they stand in an idea's evidence."""
    return plain(post.html)[:QUOTE_LENGTH]


def evidence(viewer: Viewer, idea_id: int) -> list[EvidenceRow]:
    """The evidence of one idea that is known to be visible."""
    return evidence_of(viewer, [idea_id]).get(idea_id, [])


def evidence_of(viewer: Viewer, idea_ids: Collection[int]) -> Mapping[int, list[EvidenceRow]]:
    """The evidence of these ideas, oldest first, by idea: two statements for any number of them.

    Posts the viewer may not see are left out; of posts that were changed since, the present words are shown.
    """
    statement = (
        sa.select(IdeaEvidence, Post.thread_id, Post.html, Post.created_at, Post.edited_at, Thread.title)
        .outerjoin(Post, Post.id == IdeaEvidence.post_id)
        .outerjoin(Thread, Thread.id == Post.thread_id)
        .where(IdeaEvidence.idea_id.in_(list(idea_ids)))
        .where(sa.or_(IdeaEvidence.post_id.is_(None), listed_posts(viewer)))
        .order_by(IdeaEvidence.id)
    )
    kept = db.session.execute(statement).all() if idea_ids else []
    cards = people.cards({row.IdeaEvidence.person_id for row in kept})
    found: dict[int, list[EvidenceRow]] = defaultdict(list)
    for row in kept:
        found[row.IdeaEvidence.idea_id].append(_evidence_row(row, cards))
    return found


def _evidence_row(row: Any, cards: Mapping[int, people.PersonCard]) -> EvidenceRow:
    kept: IdeaEvidence = row.IdeaEvidence
    was_changed = row.edited_at is not None and row.edited_at > kept.added_at
    return EvidenceRow(
        quote=plain(row.html)[:QUOTE_LENGTH] if was_changed else kept.quote,
        person=cards.get(kept.person_id or 0),
        label=kept.origin_label,
        url=kept.origin_url,
        thread_id=row.thread_id,
        thread_title=row.title or "",
        post_id=kept.post_id,
        at=row.created_at or kept.added_at,
    )


def idea_from_post(post_id: int) -> Idea | None:
    """The first idea that has this post as evidence, whoever asks."""
    statement = sa.select(Idea).join(IdeaEvidence, IdeaEvidence.idea_id == Idea.id)
    found = statement.where(IdeaEvidence.post_id == post_id).order_by(IdeaEvidence.id).limit(1)
    return db.session.execute(found).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Led:
    """An idea that came out of a thread."""

    id: int
    title: str
    slug: str
    status: str


def is_evidence() -> sa.ColumnElement[bool]:
    """Beside `Thread`: whether any idea has a post of it as evidence."""
    evidence = IdeaEvidence.__table__.c
    return sa.exists().where(evidence.thread_id == Thread.__table__.c.id)


def ideas_led_to(viewer: Viewer, thread_id: int) -> Sequence[Led]:
    """Ideas that have a post of this thread as evidence, as far as lists show them to the viewer."""
    found = rows(_led_statement(viewer.clearance), {"thread_id": thread_id})
    return [Led(row.id, row.title, row.slug, row.status) for row in found]


@lru_cache(maxsize=3)
def _led_statement(clearance: int) -> Prepared:
    """Built once for each kind of viewer: every thread's page asks this."""
    idea, thread = Idea.__table__.c, Thread.__table__.c
    evidence = IdeaEvidence.__table__.c
    quoted = sa.select(evidence.idea_id).where(
        evidence.thread_id == sa.bindparam("thread_id", type_=sa.BigInteger)
    )
    return Prepared(
        sa.select(idea.id, thread.title, thread.slug, idea.status)
        .join(Thread.__table__, thread.id == idea.thread_id)
        .where(idea.id.in_(quoted), listed_ideas(stand_in(clearance)))
        .order_by(Idea.id)
        .limit(5)
    )
