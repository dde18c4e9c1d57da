"""Tags and links of an import."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from core import clock, text
from core.db import db, insert_ignore, writing
from forum.importing.writing import Job, by_key, insert, slices
from forum.models import Tag, Thread, ThreadLink, ThreadTag

BATCH: Final = 400
LONGEST_DESCRIPTION: Final = 1_000
"""What the form for a tag's description takes."""


def write_tags(job: Job) -> None:
    """The tags of Tags.xml, each with the excerpt of its wiki, or the beginning of the wiki itself."""
    total = int(job.store.value("SELECT count(*) FROM tag"))
    done = int(job.store.value("SELECT count(*) FROM tag WHERE rowid <= ?", [job.run.after]))
    while rows := job.store.rows(
        "SELECT tag.rowid AS number, tag.name, excerpt.body AS excerpt, wiki.body AS wiki FROM tag "
        "LEFT JOIN post AS excerpt ON excerpt.id = tag.excerpt AND excerpt.kind = 4 "
        "LEFT JOIN post AS wiki ON wiki.id = tag.wiki AND wiki.kind = 5 "
        "WHERE tag.rowid > ? ORDER BY tag.rowid LIMIT ?",
        [job.run.after, BATCH],
    ):
        described = {row["name"]: _described(row["excerpt"] or "", row["wiki"] or "") for row in rows}
        with writing():
            number = len(set(described) - set(_tag_ids(described)))
            _ensure(described)
            job.run.note(rows[-1]["number"], {"tags": number})
        done += len(rows)
        job.progress.show("Tags", done, total)


def _described(excerpt: str, wiki: str) -> str:
    """A tag's description is plain text."""
    html = excerpt if excerpt.strip() else wiki
    return text.excerpt(text.render_html(html).html, LONGEST_DESCRIPTION) if html else ""


def _ensure(described: Mapping[str, str]) -> None:
    """Make the tags that are not there; describe those that are there without a word."""
    moment = clock.now()
    rows = [{"name": n, "description": d, "created_at": moment} for n, d in sorted(described.items())]
    insert_ignore(Tag.__table__, rows)
    silent = [{"tag": name, "words": words} for name, words in sorted(described.items()) if words]
    if silent:
        db.session.execute(_DESCRIBE, silent)


_COLUMNS: Final = sa.inspect(Tag).local_table.c
_DESCRIBE: Final = (
    sa.update(Tag.__table__)  # type: ignore[arg-type]
    .where(_COLUMNS.name == sa.bindparam("tag"), _COLUMNS.description == "")
    .values(description=sa.bindparam("words"))
)


def _tag_ids(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in slices(names):
        statement = sa.select(Tag.name, Tag.id).where(Tag.name.in_(some))
        found.update(db.session.execute(statement).all())
    return found


def tag_threads(tags: Mapping[int, str]) -> None:
    """Give new threads the tags of their lines, in the transaction that is open."""
    names = {name for line in tags.values() for name in line.split()}
    if not names:
        return
    ids = _tag_ids(names)
    if missing := names - set(ids):
        _ensure(dict.fromkeys(missing, ""))
        ids |= _tag_ids(missing)
    insert(
        ThreadTag,
        [
            {"thread_id": thread, "tag_id": ids[name]}
            for thread, line in tags.items()
            for name in line.split()
        ],
    )


def write_links(job: Job) -> None:
    """Links between threads that are here, and duplicates."""
    where = "from_thread IS NOT NULL AND to_thread IS NOT NULL AND from_thread != to_thread"
    total = int(job.store.value(f"SELECT count(*) FROM link WHERE {where}"))  # noqa: S608
    done = int(job.store.value(f"SELECT count(*) FROM link WHERE {where} AND id <= ?", [job.run.after]))  # noqa: S608
    while rows := job.store.rows(
        f"SELECT * FROM link WHERE {where} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
        [job.run.after, BATCH],
    ):
        with writing():
            job.run.note(rows[-1]["id"], {"links": _link(job, rows)})
        done += len(rows)
        job.progress.show("Links", done, total)


def _link(job: Job, rows: Sequence[Any]) -> int:
    """Put these links in; how many are new."""
    numbers = {number for row in rows for number in (row["from_thread"], row["to_thread"])}
    keys = {job.origin.key("post", number): number for number in sorted(numbers)}
    ids = {keys[key]: thread_id for key, thread_id in by_key(Thread, keys).items()}
    wanted: dict[tuple[int, int, str], str] = {}
    for row in rows:
        if row["from_thread"] in ids and row["to_thread"] in ids:
            wanted.setdefault((ids[row["from_thread"]], ids[row["to_thread"]], row["kind"]), row["at"])
    new = wanted.keys() - _links_of({source for source, _target, _kind in wanted})
    insert_ignore(
        ThreadLink.__table__,
        [
            {"from_thread_id": source, "to_thread_id": target, "kind": kind, "at": datetime.fromisoformat(at)}
            for (source, target, kind), at in wanted.items()
            if (source, target, kind) in new
        ],
    )
    return len(new)


def _links_of(thread_ids: set[int]) -> set[tuple[int, int, str]]:
    found: set[tuple[int, int, str]] = set()
    columns = ThreadLink.from_thread_id, ThreadLink.to_thread_id, ThreadLink.kind
    for some in slices(sorted(thread_ids)):
        found.update(db.session.execute(sa.select(*columns).where(columns[0].in_(some))))
    return found
