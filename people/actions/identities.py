"""People of other places: posters on a channel outside, and which of them are members here."""

import hashlib
import logging
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.forms import one_line, web_address
from core.outbox import record
from core.viewer import Viewer
from people import policy, portability, queries
from people.accounts import free_handle
from people.actions.removal import REMOVED_NAME
from people.events import IdentityLinked, OutsidePersonJoined
from people.models import MEMBER, OUTSIDE, REMOVED, LinkedIdentity, Person

MAX_ID: Final = 300
MAX_URL: Final = 500
MAX_PROOF: Final = 300
log = logging.getLogger("fullcircle.audit")


def outside_person(actor: Viewer, *, channel: str, external_id: str, name: str, url: str = "") -> Person:
    """Whoever posts as `external_id` on `channel`: their member account when linked, else a person from outside.

    The same identity is the same person every time, under a race too. Names are cut to 60 characters.
    """
    require(policy.may_link_identity(actor))
    key = _bounded(external_id)
    known = queries.identity(channel, key, hold=True)
    if known is not None:
        return queries.person(known.person_id)
    try:
        with db.session.begin_nested():
            return _new_person(
                actor, channel, key, one_line(name)[:60].strip() or one_line(external_id)[:60], url
            )
    except sa.exc.IntegrityError:
        found = queries.identity(channel, key)
        if found is None:
            raise
        return queries.person(found.person_id)


def _bounded(external_id: str) -> str:
    """The id itself, or for an overlong one its beginning and a hash of all of it."""
    if len(external_id) <= MAX_ID:
        return external_id
    return external_id[:200] + hashlib.sha256(external_id.encode()).hexdigest()


def _new_person(actor: Viewer, channel: str, key: str, name: str, url: str) -> Person:
    moment = clock.now()
    person = Person(kind=OUTSIDE, name=name or _("Somebody"), handle=free_handle(name), created_at=moment)
    db.session.add(person)
    db.session.flush()
    identity = LinkedIdentity(
        person_id=person.id,
        channel=channel,
        external_id=key,
        display_name=name[:120],
        url=web_address(url, MAX_URL),
        linked_at=moment,
    )
    db.session.add(identity)
    db.session.flush()
    record(IdentityLinked(person.id, identity.id), actor=actor)
    return person


def link_identity(actor: Viewer, identity: LinkedIdentity, person: Person, proof: str = "") -> None:
    """Say that an identity outside is a member here: what came from it, and what will come, is theirs.

    The outside person it stood for until now is merged into the member, for good. `proof` says how they showed it.
    """
    require(policy.may_merge_outside(actor))
    if person.kind != MEMBER:
        raise Refused(_("Only members can be linked."))
    former = queries.person(identity.person_id)
    if former.id == person.id:
        return
    identity.person_id, identity.verified_at = person.id, clock.now()
    identity.verified_by_id, identity.proof = actor.id, proof[:MAX_PROOF]
    db.session.flush()
    record(IdentityLinked(person.id, identity.id), actor=actor)
    log.info("identity linked by %s", actor.id, extra={"event": "identity_linked", "person": person.id})
    if former.kind == OUTSIDE and not queries.identities_of(former.id):
        _merge(actor, former, person)


def _merge(actor: Viewer, former: Person, member: Person) -> None:
    """Nothing is left of the outside person but a row that leads old addresses on."""
    portability.merge(former.id, member.id)
    former.kind, former.removed_at, former.merged_into_id = REMOVED, clock.now(), member.id
    former.name, former.points, former.level = REMOVED_NAME, 0, 0
    db.session.flush()
    record(OutsidePersonJoined(former.id, member.id), actor=actor)
