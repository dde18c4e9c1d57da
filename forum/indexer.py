"""Filling the search index: a few posts at once as they change, many in runs that go on in the background.

A run is a row that says how far it has come, so it survives a restart. Documents are read and handed to the
engine before the write transaction does anything: where the engine has files of its own, no writer waits.
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core import search as engine
from core import text as texts
from core.db import db, reading, upsert, writing
from forum.models import ImportRun, Post
from forum.queries import indexing
from forum.queries.indexing import ALL, Scope
from forum.queries.searching import INDEX_RUN

AT_ONCE: Final = 20  # posts that an event's reaction indexes by itself; more become a run
BATCH: Final = 500  # the engine takes seven times as long for hundreds
Report = Callable[[int, int], None]


def update(post_ids: Collection[int], thread_ids: Collection[int]) -> None:
    """Bring these posts, and all posts of these threads, up to date in the index."""
    index = engine.index()
    if not index.healthy():
        start_over()
        return
    sizes = indexing.posts_in_threads(thread_ids) if thread_ids else {}
    small = [thread_id for thread_id, size in sizes.items() if size <= AT_ONCE]
    put(indexing.documents_of(post_ids, small))
    for thread_id in sizes.keys() - set(small):
        begin(Scope(indexing.THREAD, thread_id))


def put(found: Collection[indexing.Indexed]) -> None:
    """Add what lists show, and take out what they do not."""
    index = engine.index()
    index.add([one.document for one in found if one.is_listed])
    index.remove([one.document.id for one in found if not one.is_listed])


def start_over() -> None:
    """Make a missing or damaged index anew. A handful of posts are there at once, more come by a run."""
    if not engine.index().recover():
        return
    everything = Scope(ALL)
    if indexing.count_posts(everything) <= AT_ONCE:
        put(indexing.documents_after(everything, 0, AT_ONCE))
    else:
        begin(everything)


def begin(scope: Scope) -> None:
    """Note a run, or let one that is noted already begin again; nothing is noted for no posts."""
    total = indexing.count_posts(scope)
    if total == 0:
        return
    progress = {
        "kind": scope.kind,
        "first": scope.first,
        "last": scope.last,
        "after": 0,
        "done": 0,
        "total": total,
    }
    change: dict[str, Any] = {"progress": progress, "started_at": clock.now(), "finished_at": None}
    row = {"kind": INDEX_RUN, "label": scope.label} | change
    upsert(ImportRun.__table__, row, key=["kind", "label"], change=change)


def mend() -> bool:
    """Start over if the index is missing or damaged; True when posts must be indexed anew."""
    if engine.index().healthy():
        return False
    with writing():
        start_over()
    return indexing.count_posts(Scope(ALL)) > 0


def rebuild() -> None:
    """Forget the whole index and note a run that fills it."""
    with writing():
        if not engine.index().recover():
            engine.index().clear()
        begin(Scope(ALL))


def advance(seconds: float, report: Report | None = None) -> bool:
    """Work on open runs for about `seconds`; False once none is left. Opens its own short transactions."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        run = _oldest_run()
        if run is None:
            return False
        _step(run, report)
    return _oldest_run() is not None


def _oldest_run() -> Any:
    statement = (
        sa.select(ImportRun.id, ImportRun.progress, ImportRun.started_at)
        .where(ImportRun.kind == INDEX_RUN, ImportRun.finished_at.is_(None))
        .order_by(ImportRun.id)
        .limit(1)
    )
    with reading():
        return db.session.execute(statement).one_or_none()


def _step(run: Any, report: Report | None) -> None:
    """Index the next posts of a run and note how far it came."""
    progress = dict(run.progress)
    scope = Scope(progress["kind"], progress["first"], progress["last"])
    with reading():
        found = indexing.documents_after(scope, progress["after"], BATCH)
    finished = None if len(found) == BATCH else clock.now()
    if found:
        progress |= {"after": found[-1].document.id, "done": progress["done"] + len(found)}
    with writing():
        put(found)
        same = sa.and_(
            ImportRun.id == run.id, ImportRun.started_at == run.started_at
        )  # not begun again since
        db.session.execute(sa.update(ImportRun).where(same).values(progress=progress, finished_at=finished))
    if report:
        report(progress["done"], progress["total"])


def polish(limit: int = BATCH) -> int:
    """Give imported texts that one sanitiser has seen to the second one; returns how many there were."""
    with reading():
        waiting = sa.select(Post.id, Post.html, Post.text_version).where(Post.text_version < 0).limit(limit)
        rows = db.session.execute(waiting).all()
    done = [(row.id, row.text_version, texts.second_pass(row.html)) for row in rows]
    with writing():
        for post_id, seen, html in done:
            unchanged = sa.and_(Post.id == post_id, Post.text_version == seen)
            values = {"html": html, "text_version": texts.RENDERER_VERSION}
            db.session.execute(sa.update(Post).where(unchanged).values(**values))
    return len(done)
