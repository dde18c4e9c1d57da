"""Customers' own words on an idea; whoever said them counts as a voter."""

from typing import Any

import sqlalchemy as sa

from core import clock
from core.db import db
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from forum import queries as forum
from forum.models import Post, Thread
from ideation import policy, queries
from ideation.actions.locking import lock, touch
from ideation.actions.votes import cast
from ideation.events import EvidenceAdded
from ideation.models import Idea, IdeaEvidence
from ideation.queries.evidence import QUOTE_LENGTH


def add_evidence(
    actor: Viewer,
    idea: Idea,
    *,
    quote: str,
    origin_key: str,
    post: Post | None = None,
    person_id: int | None = None,
    origin_label: str = "",
    origin_url: str = "",
) -> None:
    """Attach a customer's own words, once for each `origin_key` (`post:7`, `mention:12`).

    Whoever said them counts as a voter, cast by staff, while votes are open, and is told when it ships.
    """
    require(policy.may_add_evidence(actor))
    thread = queries.thread_of(actor, idea)
    idea = lock(idea.id)
    evidence = IdeaEvidence(
        idea_id=idea.id,
        post_id=post.id if post else None,
        thread_id=post.thread_id if post else None,
        person_id=person_id,
        origin_key=origin_key,
        origin_label=origin_label,
        origin_url=origin_url,
        quote=quote[:QUOTE_LENGTH],
        added_at=clock.now(),
        added_by_id=actor.id or person_id or thread.author_id,
    )
    if not _attach(evidence):
        return
    record(EvidenceAdded(idea.id, evidence.id), actor=actor)
    touch(idea.thread_id)
    if person_id and policy.is_open_for_votes(idea):
        cast(actor, idea, person_id)


def _attach(evidence: IdeaEvidence) -> bool:
    """Store it unless its origin stands there already; the idea's row is held, so nobody comes in between."""
    known = sa.select(IdeaEvidence.id).where(
        IdeaEvidence.idea_id == evidence.idea_id, IdeaEvidence.origin_key == evidence.origin_key
    )
    if db.session.execute(known).first() is not None:
        return False
    db.session.add(evidence)
    db.session.flush()
    return True


def add_post_as_evidence(actor: Viewer, idea: Idea, post: Post) -> None:
    """Attach a post of the forum as evidence; its author counts as a voter."""
    require(policy.may_add_evidence(actor))
    thread = forum.thread(actor, post.thread_id)
    touch(thread.id)
    add_post(actor, idea, post, thread)


def add_post(actor: Viewer, idea: Idea, post: Post, thread: Thread) -> None:
    """A post of ours, where the rule was asked; the opening post of an outside thread brings its channel along."""
    add_evidence(
        actor,
        idea,
        quote=queries.quote_of(post),
        origin_key=f"post:{post.id}",
        post=post,
        person_id=post.author_id,
        **(origin_of(thread) if post.position == 1 else {}),
    )


def origin_of(thread: Thread) -> dict[str, Any]:
    """Channel and address of an outside thread, as evidence and ideas keep them."""
    return {"origin_label": thread.origin_label, "origin_url": thread.origin_url}
