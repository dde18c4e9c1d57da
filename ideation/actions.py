"""Every write on ideas: raising, voting, evidence, status."""

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db, insert_ignore
from core.errors import Refused, require
from core.outbox import record
from core.text import Rendered
from core.viewer import Viewer
from forum import actions as forum
from forum import queries as forum_queries
from forum.models import IDEA, Post, Thread
from ideation import policy, queries
from ideation.events import EvidenceAdded, IdeaRaised, IdeaStatusChanged, IdeaVoted, IdeaVoteWithdrawn
from ideation.models import DECLINED, OPEN, SHIPPED, STATUSES, Idea, IdeaEvidence, IdeaStatusChange, IdeaVote

QUOTE_LENGTH = 2000


def raise_idea(
    actor: Viewer,
    *,
    title: str,
    body: Rendered,
    category_id: int | None = None,
    tags: tuple[str, ...] = (),
    author_id: int | None = None,
    origin_label: str = "",
    origin_url: str = "",
) -> Idea:
    """Write down a wish: a thread of kind idea, with its author's vote and follow in the same transaction.

    `author_id` other than the actor's own is for staff who write down what somebody asked for elsewhere.
    """
    require(policy.may_raise(actor))
    author = author_id or actor.id
    if author != actor.id:
        require(policy.may_raise_for(actor))
    thread = forum.start_thread(
        actor,
        category_id=category_id or queries.default_category_id(),
        title=title,
        body=body,
        kind=IDEA,
        tags=tags,
        author_id=author,
        origin_label=origin_label,
        origin_url=origin_url,
    )
    moment = clock.now()
    idea = Idea(thread_id=thread.id, status=OPEN, status_at=moment, vote_count=0, created_at=moment)
    db.session.add(idea)
    db.session.flush()
    record(IdeaRaised(idea.id, thread.id, thread.author_id), actor=actor)
    _cast(actor, idea, thread, thread.author_id)
    return idea


def vote(actor: Viewer, idea: Idea, *, person_id: int | None = None) -> None:
    """Vote and follow. `person_id` other than the actor's own: staff cast the vote of somebody who asked elsewhere."""
    thread = queries.thread_of(actor, idea)
    if person_id is None or person_id == actor.id:
        require(policy.may_vote(actor, idea, thread), _("Votes are closed on this idea."))
    else:
        require(policy.may_vote_for(actor))
        if not policy.is_open_for_votes(idea):
            raise Refused(_("Votes are closed on this idea."))
    _cast(actor, idea, thread, person_id or int(actor.id or 0))


def _cast(actor: Viewer, idea: Idea, thread: Thread, person_id: int) -> None:
    """Idempotent: the unique key decides, the count follows the rows."""
    row = {"idea_id": idea.id, "person_id": person_id, "cast_by_id": actor.id or person_id, "at": clock.now()}
    before = _count(idea)
    insert_ignore(IdeaVote.__table__, [row])
    idea.vote_count = _count(idea)
    forum.follow_for(actor, person_id, thread.id, "vote")
    if idea.vote_count != before:
        _touch(thread)
        record(IdeaVoted(idea.id, thread.id, person_id), actor=actor)


def _count(idea: Idea) -> int:
    """The votes as the rows say; the idea's row is locked first so that parallel votes add up."""
    db.session.execute(sa.update(Idea).where(Idea.id == idea.id).values(vote_count=Idea.vote_count))
    counted = db.session.execute(sa.select(sa.func.count()).where(IdeaVote.idea_id == idea.id))
    return int(counted.scalar_one())


def withdraw_vote(actor: Viewer, idea: Idea) -> None:
    """Take the own vote back; the follow stays until its owner ends it."""
    thread = queries.thread_of(actor, idea)
    require(policy.may_vote(actor, idea, thread), _("Votes are closed on this idea."))
    _count(idea)
    gone = db.session.execute(
        sa.delete(IdeaVote)
        .where(IdeaVote.idea_id == idea.id, IdeaVote.person_id == actor.id)
        .returning(IdeaVote.id)
    ).first()
    if gone:
        idea.vote_count = _count(idea)
        _touch(thread)
        record(IdeaVoteWithdrawn(idea.id, thread.id, int(actor.id or 0)), actor=actor)


def _touch(thread: Thread) -> None:
    """What the thread's page shows has changed."""
    db.session.execute(sa.update(Thread).where(Thread.id == thread.id).values(version=Thread.version + 1))


def add_evidence(
    actor: Viewer,
    idea: Idea,
    *,
    quote: str,
    origin_key: str,
    post_id: int | None = None,
    person_id: int | None = None,
    origin_label: str = "",
    origin_url: str = "",
) -> None:
    """Attach a customer's own words. Whoever said them counts as a voter (cast by staff) and is told when it ships."""
    require(policy.may_add_evidence(actor))
    thread = queries.thread_of(actor, idea)
    evidence_id = _store_evidence(
        actor, idea, quote[:QUOTE_LENGTH], origin_key, post_id, person_id, origin_label, origin_url
    )
    if evidence_id is None:
        return
    record(EvidenceAdded(idea.id, evidence_id), actor=actor)
    _touch(thread)
    if person_id and policy.is_open_for_votes(idea):
        _cast(actor, idea, thread, person_id)


def _store_evidence(
    actor: Viewer,
    idea: Idea,
    quote: str,
    origin_key: str,
    post_id: int | None,
    person_id: int | None,
    origin_label: str,
    origin_url: str,
) -> int | None:
    """The new row's id, or None when this origin was attached before."""
    known = sa.select(IdeaEvidence.id).where(
        IdeaEvidence.idea_id == idea.id, IdeaEvidence.origin_key == origin_key
    )
    if db.session.execute(known).first():
        return None
    evidence = IdeaEvidence(
        idea_id=idea.id,
        post_id=post_id,
        person_id=person_id,
        origin_key=origin_key,
        origin_label=origin_label,
        origin_url=origin_url,
        quote=quote,
        added_at=clock.now(),
        added_by_id=actor.id,
    )
    db.session.add(evidence)
    db.session.flush()
    return evidence.id


def turn_into_idea(
    actor: Viewer, thread: Thread, *, title: str, body: Rendered, category_id: int | None = None
) -> Idea:
    """Make an idea out of a thread: its author becomes the idea's author, its opening post the first evidence."""
    require(policy.may_triage(actor) or policy.may_add_evidence(actor))
    existing = queries.idea_from_thread(thread.id)
    if existing is not None:
        raise Refused(_("This thread already became an idea."))
    opening = forum_queries.opening_post(thread.id)
    idea = raise_idea(
        actor,
        title=title,
        body=body,
        category_id=category_id,
        tags=tuple(thread.tags.split()),
        author_id=thread.author_id,
        origin_label=thread.origin_label,
        origin_url=thread.origin_url,
    )
    add_evidence(
        actor,
        idea,
        quote=queries.quote_of(opening),
        origin_key=f"post:{opening.id}",
        post_id=opening.id,
        person_id=thread.author_id,
        origin_label=thread.origin_label,
        origin_url=thread.origin_url,
    )
    return idea


def add_post_as_evidence(actor: Viewer, idea: Idea, post: Post) -> None:
    """Attach a post of the forum as evidence; its author counts as a voter."""
    add_evidence(
        actor,
        idea,
        quote=queries.quote_of(post),
        origin_key=f"post:{post.id}",
        post_id=post.id,
        person_id=post.author_id,
    )


def change_status(actor: Viewer, idea: Idea, status: str, reason: str = "") -> None:
    """Set where an idea stands. Declining needs a public reason; `shipped` is set by publishing a release, not here."""
    require(policy.may_triage(actor))
    reason = reason.strip()
    if status not in STATUSES or status == SHIPPED:
        raise Refused(
            _("An idea becomes shipped when its release is published."),
            fields={"status": _("Choose a status.")},
        )
    if status == DECLINED and not reason:
        raise Refused(
            _("Say why, in public: those who voted deserve to know."),
            fields={"reason": _("A declined idea needs a reason that everybody can read.")},
        )
    if idea.status == SHIPPED:
        raise Refused(_("This idea has shipped already."))
    if (status, reason) == (idea.status, idea.status_reason):
        return
    set_status(actor, idea, status, reason)


def set_status(actor: Viewer, idea: Idea, status: str, reason: str) -> None:
    """Write the status and its history. For `change_status` and for releases, which have asked their rules."""
    require(policy.may_triage(actor))
    previous, moment = idea.status, clock.now()
    idea.status, idea.status_reason, idea.status_at, idea.status_by_id = status, reason, moment, actor.id
    db.session.add(IdeaStatusChange(idea_id=idea.id, status=status, reason=reason, at=moment, by_id=actor.id))
    db.session.flush()
    db.session.execute(
        sa.update(Thread).where(Thread.id == idea.thread_id).values(version=Thread.version + 1)
    )
    record(IdeaStatusChanged(idea.id, idea.thread_id, status, previous), actor=actor)
