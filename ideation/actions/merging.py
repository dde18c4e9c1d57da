"""Whose wishes they are: when somebody from outside turns out to be a member."""

import sqlalchemy as sa

from core.db import db
from core.errors import require
from core.viewer import Viewer
from ideation import policy
from ideation.actions.locking import lock, touch
from ideation.actions.votes import count_anew
from ideation.models import IdeaEvidence, IdeaVote


def move_wishes(actor: Viewer, person_id: int, member_id: int) -> None:
    """Votes and words of `person_id` count as those of `member_id`; where both voted, there is one vote less."""
    require(policy.may_move_wishes(actor))
    voted = sa.select(IdeaVote.idea_id).where(IdeaVote.person_id == person_id)
    for idea_id in sorted(db.session.execute(voted).scalars()):
        _move_vote(idea_id, person_id, member_id)
    words = sa.update(IdeaEvidence).where(IdeaEvidence.person_id == person_id).values(person_id=member_id)
    db.session.execute(words.execution_options(synchronize_session="fetch"))


def _move_vote(idea_id: int, person_id: int, member_id: int) -> None:
    idea = lock(idea_id)
    theirs = sa.and_(IdeaVote.idea_id == idea_id, IdeaVote.person_id == person_id)
    standing = sa.select(IdeaVote.id).where(IdeaVote.idea_id == idea_id, IdeaVote.person_id == member_id)
    if db.session.execute(standing).first() is None:
        db.session.execute(sa.update(IdeaVote).where(theirs).values(person_id=member_id))
    else:
        db.session.execute(sa.delete(IdeaVote).where(theirs))
        idea.vote_count = count_anew(idea)
    touch(idea.thread_id)
