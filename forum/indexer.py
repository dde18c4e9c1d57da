"""Filling the search index: a few posts at once as they change, many in runs that go on in the background.

A run is a row that says how far it has come, so it survives a restart. Documents are read and handed to the
engine before the write transaction does anything: where the engine has files of its own, no writer waits. What
changed in that time is noticed in the transaction, by the versions of threads.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core import search as engine
from core import text as texts
from core.db import db, reading, upsert, writing
from forum.models import ImportRun, Post, Thread
from forum.queries import indexing
from forum.queries.indexing import ALL, Scope
from forum.queries.searching import INDEX_RUN

AT_ONCE: Final = 20  # posts that an event's reaction indexes by itself; more become a run
BATCH: Final = 4_000  # some seconds; an engine works quicker and searches quicker in few large pieces
MOST_CHANGED: Final = 500  # posts of a batch that became others while it was indexed
SETTLED_FROM: Final = 1_000  # posts of a run
POLISHED_AT_ONCE: Final = 500
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
    """Note a run, or let one that is noted already begin again; nothing is noted for no posts, nor for posts that a
    run over everything has still before it."""
    total = indexing.count_posts(scope)
    if total == 0 or (scope.kind != ALL and _comes_anyway(scope)):
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
    if scope.kind == ALL:
        _end_others()


def _comes_anyway(scope: Scope) -> bool:
    """Whether a run over everything will come to all posts of the scope. Waits for a step of it that is being noted."""
    whole = sa.select(ImportRun.progress).where(
        ImportRun.kind == INDEX_RUN, ImportRun.label == Scope(ALL).label, ImportRun.finished_at.is_(None)
    )
    progress = db.session.execute(whole.with_for_update()).scalar()
    first = indexing.first_post(scope)
    return progress is not None and first is not None and progress["after"] < first


def _end_others() -> None:
    """A run over everything takes the place of all others."""
    others = sa.and_(ImportRun.kind == INDEX_RUN, ImportRun.label != Scope(ALL).label)
    ended = (
        sa.update(ImportRun).where(others, ImportRun.finished_at.is_(None)).values(finished_at=clock.now())
    )
    db.session.execute(ended, execution_options={"synchronize_session": False})


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
    before = dict(run.progress)
    scope = Scope(before["kind"], before["first"], before["last"])
    with reading():
        found = indexing.documents_after(scope, before["after"], BATCH)
    is_last = len(found) < BATCH
    progress = dict(before)
    if found:
        progress |= {"after": found[-1].document.id, "done": before["done"] + len(found)}
    with writing():
        put(found)
        _note(run, progress, is_last)
        changed = _changed_since(scope, before["after"], None if is_last else progress["after"], found)
        if len(changed) > MOST_CHANGED:
            _note(run, before, is_finished=False)  # an import came in between: once more
        elif changed:
            put(indexing.documents_of(changed))
        if is_last and progress["total"] >= SETTLED_FROM:
            engine.index().settle()
    if report:
        report(progress["done"], progress["total"])


def _note(run: Any, progress: dict[str, Any], is_finished: bool) -> None:
    """Say how far a run is, unless it was begun again in the meantime. Its row is held from here on."""
    same = sa.and_(ImportRun.id == run.id, ImportRun.started_at == run.started_at)
    values = {"progress": progress, "finished_at": clock.now() if is_finished else None}
    db.session.execute(sa.update(ImportRun).where(same).values(**values))


def _changed_since(
    scope: Scope, after: int, last: int | None, found: Collection[indexing.Indexed]
) -> list[int]:
    """Posts of a stretch that are other now, or new, since they were read."""
    seen = {one.document.id: one.version for one in found}
    now = indexing.versions_between(scope, after, last)
    return [post_id for post_id, version in now.items() if seen.get(post_id) != version]


def polish(limit: int = POLISHED_AT_ONCE) -> int:
    """Give imported texts that one sanitiser has seen to the second one; returns how many there were."""
    with reading():
        waiting = sa.select(Post.id, Post.html, Post.text_version).where(Post.text_version < 0).limit(limit)
        rows = db.session.execute(waiting).all()
    done = [{"post": row.id, "before": row.html, "after": texts.second_pass(row.html)} for row in rows]
    with writing():
        _store(done)
    return len(done)


def _store(done: Sequence[Mapping[str, Any]]) -> None:
    """Mark the texts as seen. One that reads otherwise now is shown and found anew."""
    posts: Any = Post.__table__
    seen = sa.update(posts).values(text_version=texts.RENDERER_VERSION).where(posts.c.text_version < 0)
    same = [row["post"] for row in done if row["before"] == row["after"]]
    db.session.execute(seen.where(posts.c.id.in_(same)))
    changed = [{"post": row["post"], "new": row["after"]} for row in done if row["before"] != row["after"]]
    if not changed:
        return
    again = seen.where(posts.c.id == sa.bindparam("post")).values(html=sa.bindparam("new"))
    db.session.execute(again, changed)
    ids = [row["post"] for row in changed]
    owners = sa.select(Post.thread_id).where(Post.id.in_(ids))
    newer = sa.update(Thread).where(Thread.id.in_(owners)).values(version=Thread.version + 1)
    db.session.execute(newer, execution_options={"synchronize_session": False})
    update(ids, ())
