"""People by id, handle or address; cards for lists; the directory."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from core.db import db, rows
from core.errors import NotFound
from core.outbox import Event
from core.prepared import Prepared
from core.viewer import STAFF_ROLES, Viewer
from people.events import IdentityLinked, PersonRemoved, ProfileEdited, RolesChanged
from people.models import MEMBER, OUTSIDE, REMOVED, LinkedIdentity, Person, RoleGrant
from people.visibility import visible_people

PAGE: Final = 30


@dataclass(frozen=True, slots=True)
class PersonCard:
    """What a list shows of a person."""

    id: int
    name: str
    handle: str
    kind: str
    avatar_url: str
    level: int
    points: int
    is_staff: bool

    @property
    def url(self) -> str:
        """Their page's path, empty for removed accounts."""
        return "" if self.kind == REMOVED else f"/people/{self.handle}"


def _is_staff_column() -> sa.ColumnElement[bool]:
    grant = sa.select(RoleGrant.person_id).where(
        RoleGrant.person_id == Person.id, RoleGrant.role.in_(STAFF_ROLES)
    )
    return sa.exists(grant).label("is_staff")


_FACE_FACTS: Final = (ProfileEdited, RolesChanged, PersonRemoved, IdentityLinked)
_PERSON: Final = Person.__table__.c
_CARD: Final = sa.select(
    *(_PERSON.id, _PERSON.name, _PERSON.handle, _PERSON.kind),
    *(_PERSON.avatar_key, _PERSON.level, _PERSON.points),
    _is_staff_column(),
)


MOST_CARDS: Final = 256


@lru_cache(maxsize=16)
def _cards_statement(number: int) -> Prepared:
    """For so many ids: statements of a few sizes serve pages of any, the last id filling what is left over."""
    ids = [sa.bindparam(f"id_{place}", type_=sa.BigInteger) for place in range(number)]
    return Prepared(_CARD.where(_PERSON.id.in_(ids)))


def avatar_url(key: str) -> str:
    """Where a picture is served; empty when the initials stand in."""
    return f"/avatars/{key}" if key else ""


def _card(row: Any) -> PersonCard:
    name = _("Removed person") if row.kind == REMOVED else row.name
    picture = avatar_url(row.avatar_key)
    return PersonCard(row.id, name, row.handle, row.kind, picture, row.level, row.points, bool(row.is_staff))


def cards(ids: Iterable[int | None]) -> dict[int, PersonCard]:
    """Cards by id for a whole page, in one query; unknown ids are missing."""
    wanted = list({i for i in ids if i is not None})
    found: dict[int, PersonCard] = {}
    for start in range(0, len(wanted), MOST_CARDS):
        part = wanted[start : start + MOST_CARDS]
        size = 1 << (len(part) - 1).bit_length()
        filled = part + part[-1:] * (size - len(part))
        values = {f"id_{place}": person_id for place, person_id in enumerate(filled)}
        found |= {row.id: _card(row) for row in rows(_cards_statement(size), values)}
    return found


def faces_stamp() -> sa.ColumnElement[int]:
    """A number that grows when somebody is shown otherwise than before, for statements of pages that keep cards."""
    newest = [sa.select(sa.func.max(Event.id)).where(Event.kind == fact.kind) for fact in _FACE_FACTS]
    first, *others = (sa.func.coalesce(one.scalar_subquery(), 0) for one in newest)
    return sum(others, first)


def person(person_id: int) -> Person:
    """The account, whatever its kind. Raises NotFound."""
    found = db.session.get(Person, person_id)
    if found is None:
        raise NotFound
    return found


def by_handle(handle: str, viewer: Viewer | None = None) -> Person:
    """The account behind a handle (any case), as far as `viewer` may see it. Raises NotFound."""
    asker = viewer or Viewer.visitor()
    if not handle.isprintable():
        raise NotFound  # PostgreSQL takes no NUL, and no handle has a control in it
    statement = sa.select(Person).where(Person.handle == handle.lower(), visible_people(asker))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def by_email(email: str) -> Person | None:
    """The account of an address (already in lower case)."""
    return db.session.execute(sa.select(Person).where(Person.email == email)).scalar_one_or_none()


def ids_of_handles(handles: Collection[str]) -> dict[str, int]:
    """Ids of people who can be mentioned, by handle in lower case."""
    wanted = {handle.lower() for handle in handles}
    if not wanted:
        return {}
    statement = sa.select(Person.handle, Person.id).where(
        Person.handle.in_(wanted), visible_people(Viewer.visitor())
    )
    return {row.handle: row.id for row in db.session.execute(statement)}


_ROLES_OF: Final = sa.select(RoleGrant.role).where(RoleGrant.person_id == sa.bindparam("person"))


def roles_of(person_id: int) -> frozenset[str]:
    """The roles somebody has."""
    return frozenset(db.session.execute(_ROLES_OF, {"person": person_id}).scalars())


def ids_with_role(*roles: str) -> list[int]:
    """Everybody who has one of these roles and can sign in."""
    statement = (
        sa.select(RoleGrant.person_id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role.in_(roles), Person.kind == MEMBER)
        .distinct()
        .order_by(RoleGrant.person_id)
    )
    return list(db.session.execute(statement).scalars())


def staff_ids() -> list[int]:
    """Everybody with a role of the company's own people."""
    return ids_with_role(*STAFF_ROLES)


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """A page of the directory; `after` continues it, empty at the end."""

    people: tuple[PersonCard, ...]
    after: str


def directory(viewer: Viewer, words: str = "", after: str = "") -> DirectoryPage:
    """Members and imported accounts, most points first, thirty a page; `words` are part of a name or handle."""
    statement = _CARD.where(visible_people(viewer), Person.kind != OUTSIDE)
    if words:
        pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        name = sa.or_(Person.name.ilike(pattern, escape="\\"), Person.handle.ilike(pattern, escape="\\"))
        statement = statement.where(name)
    place = _place(after)
    if place is not None:
        statement = statement.where(sa.tuple_(Person.points, Person.id) < place)
    statement = statement.order_by(Person.points.desc(), Person.id.desc()).limit(PAGE + 1)
    found = [_card(row) for row in db.session.execute(statement)]
    shown = tuple(found[:PAGE])
    return DirectoryPage(shown, f"{shown[-1].points}.{shown[-1].id}" if len(found) > PAGE else "")


def _place(after: str) -> tuple[int, int] | None:
    """Points and id that a page ended with; anything else is the beginning."""
    points, _dot, number = after.partition(".")
    if not (points.removeprefix("-").isdecimal() and number.isdecimal() and len(after) < 30):
        return None
    return int(points), int(number)


def mentionable(viewer: Viewer, words: str, limit: int = 8) -> list[PersonCard]:
    """People whose handle or name begins with `words`, for the list under a typed @."""
    pattern = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    begins = sa.or_(Person.handle.ilike(pattern, escape="\\"), Person.name.ilike(pattern, escape="\\"))
    statement = _CARD.where(visible_people(viewer), Person.kind == MEMBER, begins)
    return [
        _card(row)
        for row in db.session.execute(statement.order_by(Person.points.desc(), Person.id).limit(limit))
    ]


def identities_of(person_id: int) -> Sequence[LinkedIdentity]:
    """Somebody's identities outside."""
    statement = (
        sa.select(LinkedIdentity).where(LinkedIdentity.person_id == person_id).order_by(LinkedIdentity.id)
    )
    return db.session.execute(statement).scalars().all()


def identity(channel: str, external_id: str, *, hold: bool = False) -> LinkedIdentity | None:
    """One identity outside; held, nobody links it to somebody else before the transaction ends."""
    statement = sa.select(LinkedIdentity).where(
        LinkedIdentity.channel == channel, LinkedIdentity.external_id == external_id
    )
    if hold:
        statement = statement.with_for_update(read=True).execution_options(populate_existing=True)
    return db.session.execute(statement).scalar_one_or_none()


def member_behind(handle: str, viewer: Viewer) -> Person | None:
    """The member whom an outside person of this handle turned out to be, as far as `viewer` may see them."""
    if not handle.isprintable():
        return None
    former = aliased(Person)
    joined = sa.select(Person).join(former, former.merged_into_id == Person.id)
    rule = sa.and_(former.handle == handle.lower(), visible_people(viewer))
    return db.session.execute(joined.where(rule)).scalar_one_or_none()


def members_behind(person_ids: Collection[int]) -> dict[int, int]:
    """Ids of members by those of the outside people, among these, who turned out to be them."""
    statement = sa.select(Person.id, Person.merged_into_id).where(
        Person.id.in_(person_ids), Person.merged_into_id.is_not(None)
    )
    return {row.id: row.merged_into_id for row in db.session.execute(statement)}


def of_kind(person_ids: Collection[int], kind: str) -> set[int]:
    """Those of these people who are of this kind (member, imported, outside, removed)."""
    return set(
        db.session.execute(
            sa.select(Person.id).where(Person.id.in_(list(person_ids)), Person.kind == kind)
        ).scalars()
    )


def is_empty() -> bool:
    """Whether nobody is here yet."""
    return db.session.execute(sa.select(Person.id).limit(1)).first() is None
