"""Who is signed in: one query for each request."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.config import settings
from core.context import here
from core.db import apart, db, glance
from core.prepared import Prepared
from core.viewer import Viewer
from people import proofs
from people.models import MEMBER, Person, RoleGrant, SignInSession
from people.queries.persons import person, roles_of

SEEN_EVERY: Final = timedelta(minutes=5)

# Plain tables, not mapped classes: this runs with every request of a member.
_S, _P, _R = (
    sa.inspect(SignInSession).local_table,
    sa.inspect(Person).local_table,
    sa.inspect(RoleGrant).local_table,
)
_beside: dict[str, sa.ScalarSelect[Any]] = {}


def ask_beside(name: str, column: sa.ScalarSelect[Any]) -> None:
    """Have a value read with whoever asks, for what every page of a member shows: `column` goes with `Person`."""
    _beside[name] = column
    _session_statement.cache_clear()


def beside(name: str) -> Any:
    """What was read with the member of this request under this name; None for visitors."""
    return here().g.get("viewer_beside", {}).get(name)


@lru_cache(maxsize=1)
def _session_statement() -> Prepared:
    return Prepared(
        sa.select(
            _S.c.id.label("session_id"),
            *(_S.c.seen_at, _S.c.fresh_at, _S.c.expires_at, _S.c.is_remembered),
            *(_P.c.id, _P.c.kind, _P.c.name, _P.c.handle, _P.c.level, _P.c.locale, _P.c.timezone, _P.c.theme),
            *(_P.c.avatar_key, _P.c.banned_until, _P.c.email_confirmed_at, _R.c.role),
            *(column.label(f"beside_{name}") for name, column in _beside.items()),
        )
        .select_from(_S.join(_P, _P.c.id == _S.c.person_id).outerjoin(_R, _R.c.person_id == _P.c.id))
        .where(_S.c.token_hash == sa.bindparam("digest"))
    )


def viewer_of_token(token: str) -> Viewer | None:
    """Whoever holds the session of `token`; None when it ended, ran out, or its person is shut out.

    One query. Writes "last seen" at most every five minutes, after the response.
    """
    rows = glance(_session_statement(), {"digest": proofs.digest_of(token)})
    if not rows or not _is_good(rows[0], clock.now()):
        return None
    first = rows[0]
    here().g.viewer_beside = {name: getattr(first, f"beside_{name}") for name in _beside}
    if clock.now() - first.seen_at > SEEN_EVERY:
        _note_seen(first.session_id, first.id)
    return Viewer(
        id=first.id,
        name=first.name,
        handle=first.handle,
        roles=frozenset(row.role for row in rows if row.role),
        level=first.level,
        locale=first.locale,
        timezone=first.timezone,
        theme=first.theme,
        avatar_key=first.avatar_key,
        banned_until=first.banned_until,
        session_id=first.session_id,
        session_fresh_at=first.fresh_at,
        session_seen_at=first.seen_at,
        token=token,
    )


def _is_good(row: Any, moment: datetime) -> bool:
    """A member, confirmed and not banned, within the session's idle and absolute ends."""
    chosen = settings()
    idle = (
        timedelta(days=chosen.remember_days) if row.is_remembered else timedelta(hours=chosen.session_hours)
    )
    is_running = row.expires_at > moment and row.seen_at + idle > moment
    is_banned = row.banned_until is not None and row.banned_until > moment
    return bool(is_running and row.kind == MEMBER and row.email_confirmed_at and not is_banned)


def _note_seen(session_id: int, person_id: int) -> None:
    moment = clock.now()

    def note() -> None:
        db.session.execute(
            sa.update(SignInSession).where(SignInSession.id == session_id).values(seen_at=moment)
        )
        db.session.execute(sa.update(Person).where(Person.id == person_id).values(seen_at=moment))

    apart(note)


def viewer_of(person_id: int) -> Viewer:
    """The person as an actor without a session: for commands, seeds and handlers that act for somebody."""
    found = person(person_id)
    return Viewer(
        id=found.id,
        name=found.name,
        handle=found.handle,
        roles=roles_of(person_id),
        level=found.level,
        locale=found.locale,
        timezone=found.timezone,
        banned_until=found.banned_until,
    )
