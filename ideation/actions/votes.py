"""Votes: one for each person, and the follow that comes with it."""

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.viewer import Viewer
from forum import actions as forum
from ideation import policy, queries
from ideation.actions.locking import lock, touch
from ideation.events import IdeaVoted, IdeaVoteWithdrawn
from ideation.models import Idea, IdeaVote


def vote(actor: Viewer, idea: Idea, *, person_id: int | None = None) -> None:
    """Vote and follow; a second vote changes nothing. Raises Refused where votes are closed.

    `person_id` other than the actor's own: staff cast the vote of somebody who asked elsewhere.
    """
    thread = queries.thread_of(actor, idea)
    is_own = person_id is None or person_id == actor.id
    require(policy.may_vote(actor, thread) if is_own else policy.may_vote_for(actor))
    idea = lock(idea.id)
    _refuse_closed(idea)
    cast(actor, idea, person_id or int(actor.id or 0))


def withdraw_vote(actor: Viewer, idea: Idea) -> None:
    """Take the own vote back; the follow stays until its owner ends it. Raises Refused where votes are closed."""
    require(policy.may_vote(actor, queries.thread_of(actor, idea)))
    idea = lock(idea.id)
    _refuse_closed(idea)
    mine = sa.and_(IdeaVote.idea_id == idea.id, IdeaVote.person_id == actor.id)
    if db.session.execute(sa.delete(IdeaVote).where(mine).returning(IdeaVote.id)).first() is None:
        return
    idea.vote_count = count_anew(idea)
    touch(idea.thread_id)
    record(IdeaVoteWithdrawn(idea.id, idea.thread_id, int(actor.id or 0)), actor=actor)


def _refuse_closed(idea: Idea) -> None:
    if not policy.is_open_for_votes(idea):
        raise Refused(_("Votes are closed on this idea."))


def cast(actor: Viewer, idea: Idea, person_id: int) -> None:
    """Store a vote on an idea whose row is held, where the rule was asked; the count follows the rows."""
    forum.follow_for(actor, person_id, idea.thread_id, "vote")
    standing = sa.select(IdeaVote.id).where(IdeaVote.idea_id == idea.id, IdeaVote.person_id == person_id)
    if db.session.execute(standing).first() is not None:
        return
    cast_by = actor.id or person_id
    db.session.add(IdeaVote(idea_id=idea.id, person_id=person_id, cast_by_id=cast_by, at=clock.now()))
    db.session.flush()
    idea.vote_count = count_anew(idea)
    touch(idea.thread_id)
    record(IdeaVoted(idea.id, idea.thread_id, person_id), actor=actor)


def count_anew(idea: Idea) -> int:
    """How many votes there are, for a held idea."""
    counted = db.session.execute(sa.select(sa.func.count()).where(IdeaVote.idea_id == idea.id))
    return int(counted.scalar_one())
