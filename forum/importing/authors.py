"""The people of an import: each becomes a person who cannot sign in."""

import re
import secrets
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from core import text
from core.db import db, insert_ignore, reading, writing
from core.errors import Conflict
from core.search.words import fold
from forum.importing.writing import Job, by_key, slices
from people.accounts import MAX_HANDLE, RESERVED
from people.models import IMPORTED, Person

BATCH: Final = 400
TRIES: Final = 5
Values = dict[str, Any]


def write_people(job: Job) -> None:
    """Everybody in Users.xml, and whoever else wrote something that is kept."""
    total = int(job.store.value("SELECT count(*) FROM author"))
    done = int(job.store.value("SELECT count(*) FROM author WHERE rowid <= ?", [job.run.after]))
    while rows := job.store.rows(
        "SELECT rowid AS number, * FROM author WHERE rowid > ? ORDER BY rowid LIMIT ?", [job.run.after, BATCH]
    ):
        _write(job, rows)
        done += len(rows)
        job.progress.show("People", done, total)


def _write(job: Job, rows: Sequence[sqlite3.Row]) -> None:
    keys = {job.origin.author(row["key"]): row for row in rows}
    with reading():
        known = by_key(Person, keys)
    new = [_person(key, row) for key, row in keys.items() if key not in known]
    with writing():
        _insert(new)
        job.run.note(rows[-1]["number"], {"people": len(new)})


def _person(key: str, row: sqlite3.Row) -> Values:
    """What somebody says of themselves is made safe by both sanitisers at once: no second look comes to it."""
    about = row["about"].strip()
    return {
        "kind": IMPORTED,
        "name": row["name"],
        "handle": _base(row["name"]),
        "bio_source": about,
        "bio_html": text.second_pass(text.render_html(about).html) if about else "",
        "location": row["location"],
        "website": row["website"],
        "created_at": datetime.fromisoformat(row["at"]),
        "origin_key": key,
    }


def _insert(people: list[Values]) -> None:
    """A handle that somebody takes in the same moment leaves its row out; that one gets another handle."""
    for _ in range(TRIES):
        if not people:
            return
        _give_handles(people)
        insert_ignore(Person.__table__, people)
        there = by_key(Person, [person["origin_key"] for person in people])
        people = [person for person in people if person["origin_key"] not in there]
    if people:
        raise Conflict(
            "Somebody else keeps taking the handles of imported people. Please run the import again."
        )


def _base(name: str) -> str:
    """A handle in plain letters made from a name, with room for a number behind it."""
    base = re.sub(r"[^a-z0-9]+", "-", fold(name))[: MAX_HANDLE - 12].strip("-")
    return base if len(base) > 1 and base not in RESERVED else f"member-{base}".strip("-")


def _give_handles(people: Collection[Values]) -> None:
    """The handle made from the name for whoever comes first; for others a number behind it, or else chance."""
    taken = _taken({handle for person in people for handle in _wanted(person)})
    for person in people:
        free = [handle for handle in _wanted(person) if handle not in taken]
        person["handle"] = free[0] if free else f"{person['handle'][: MAX_HANDLE - 9]}-{secrets.token_hex(4)}"
        taken.add(person["handle"])


def _wanted(person: Values) -> list[str]:
    number = person["origin_key"].rpartition(":")[2].lstrip("-")
    second = (
        [f"{person['handle'][: MAX_HANDLE - 12]}-{number}"] if re.fullmatch("[0-9]{1,11}", number) else []
    )
    return [person["handle"], *second]


def _taken(handles: Collection[str]) -> set[str]:
    found: set[str] = set()
    for some in slices(sorted(handles)):
        found.update(db.session.execute(sa.select(Person.handle).where(Person.handle.in_(some))).scalars())
    return found
