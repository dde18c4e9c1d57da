"""Everything kept about a person as one archive: a JSON file for each section, and the picture."""

import io
import json
import zipfile
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core import clock, files
from core.db import Model, db
from core.errors import NotFound
from people import queries
from people.models import Ban, LinkedIdentity, RoleGrant
from people.portability import export_section, sections_of

_ACCOUNT = (
    *("id", "kind", "name", "handle", "email", "email_confirmed_at", "bio_source", "location", "website"),
    *("company", "locale", "timezone", "theme", "points", "level", "created_at", "seen_at"),
)


def archive_of(person_id: int) -> bytes:
    """A zip with one JSON list for each registered section."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in sections_of(person_id).items():
            archive.writestr(f"{name}.json", json.dumps(rows, ensure_ascii=False, indent=2, default=_plain))
        _add_picture(archive, queries.person(person_id).avatar_key)
        archive.writestr(
            "about.json", json.dumps({"person": person_id, "made_at": _plain(clock.now())}, indent=2)
        )
    return out.getvalue()


def _add_picture(archive: zipfile.ZipFile, key: str) -> None:
    if not key:
        return
    try:
        archive.writestr("avatar." + key.rpartition(".")[2], files.get(key).data)
    except NotFound:
        archive.writestr("avatar.missing", "")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@export_section("people.account")
def account_of(person_id: int) -> Iterable[dict[str, Any]]:
    """The account itself, without secrets."""
    person = queries.person(person_id)
    yield {name: getattr(person, name) for name in _ACCOUNT}


@export_section("people.sessions")
def sessions_of(person_id: int) -> Iterable[dict[str, Any]]:
    """Where the person is signed in."""
    for row in queries.sessions_of(person_id):
        yield {
            "since": row.created_at,
            "seen": row.seen_at,
            "address": row.address,
            "browser": row.user_agent,
        }


@export_section("people.roles")
def roles_of(person_id: int) -> Iterable[dict[str, Any]]:
    """Roles, since when."""
    yield from _rows(RoleGrant, person_id, "role", "granted_at")


@export_section("people.identities")
def identities_of(person_id: int) -> Iterable[dict[str, Any]]:
    """Identities outside."""
    columns = ("channel", "external_id", "display_name", "url", "linked_at", "verified_at", "proof")
    yield from _rows(LinkedIdentity, person_id, *columns)


@export_section("people.bans")
def bans_of(person_id: int) -> Iterable[dict[str, Any]]:
    """Times the person was shut out, and the reasons they were told."""
    yield from _rows(Ban, person_id, "reason", "banned_at", "until", "lifted_at")


def _rows(table: type[Model], person_id: int, *columns: str) -> Iterable[dict[str, Any]]:
    of_table = sa.inspect(table).columns
    statement = sa.select(*(of_table[name] for name in columns)).where(of_table["person_id"] == person_id)
    for row in db.session.execute(statement.order_by(*sa.inspect(table).primary_key)):
        yield dict(row._mapping)
