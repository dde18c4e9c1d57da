"""Session records: beginning one, giving it a new token, ending them at once wherever they are held.

Nothing is asked here but whether the account may sign in at all: these are the hands of the actions.
"""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from core import clock
from core.config import settings
from core.db import db
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from people import policy, proofs, queries
from people.events import SessionsEnded, SignedIn
from people.models import Person, SignInSession


def begin_session(person: Person, *, remember: bool, address: str, user_agent: str) -> str:
    """A new record for somebody who proved who they are; returns its token, which only their browser keeps."""
    require(policy.is_welcome(person, clock.now()))
    token, moment = proofs.new_token(), clock.now()
    row = SignInSession(
        token_hash=proofs.digest_of(token),
        person_id=person.id,
        created_at=moment,
        seen_at=moment,
        fresh_at=moment,
        expires_at=moment + timedelta(days=settings().session_days),
        is_remembered=remember,
        address=address[:45],
        user_agent=user_agent[:300],
    )
    db.session.add(row)
    db.session.flush()
    person.seen_at = moment
    record(SignedIn(person.id, row.id), actor=queries.viewer_of(person.id))
    return token


def renew_token(session: SignInSession) -> str:
    """The same session under a new token, fresh from now: after the password was typed again."""
    token = proofs.new_token()
    session.token_hash = proofs.digest_of(token)
    session.fresh_at = clock.now()
    db.session.flush()
    return token


def end_all(actor: Viewer, person_id: int, reason: str, *, keep: int | None = None) -> None:
    """End every session of a person but `keep`: a password, role or ban changed what sessions may do."""
    statement = sa.select(SignInSession.id).where(SignInSession.person_id == person_id)
    end(actor, person_id, [i for i in db.session.execute(statement).scalars() if i != keep], reason)


def end(actor: Viewer, person_id: int, ids: Sequence[int], reason: str) -> None:
    """Delete session records and say so, so that live streams end too."""
    if not ids:
        return
    db.session.execute(
        sa.delete(SignInSession).where(SignInSession.id.in_(ids), SignInSession.person_id == person_id)
    )
    record(SessionsEnded(person_id, tuple(ids), reason), actor=actor)
