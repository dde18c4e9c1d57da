"""Search: the engine names candidates, the database says what the viewer may see and counts."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from core import search as engine
from core import text
from core.db import db
from core.search import Query
from core.viewer import Viewer
from forum.models import Category, ImportRun, Post, Thread
from forum.queries.lists import ThreadRow, rows_of
from forum.visibility import listed_posts, visible_categories

PER_PAGE: Final = 20
MOST_CANDIDATES: Final = 1_000
AROUND: Final = 90
EXCERPT: Final = 240
INDEX_RUN: Final = "search"
_CATEGORY: Final = re.compile(r"(?<!\S)(-?)category:([^\s\"]+)", re.IGNORECASE)
Marked = list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Found:
    """A thread with its best post: texts are cut into (part, is it what was asked for)."""

    thread: ThreadRow
    post_id: int
    position: int
    kind: str
    title: Marked
    excerpt: Marked
    at: Any


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What a viewer gets for a query. `total` counts threads; `is_more` says that there are even more."""

    text: str
    query: Query
    found: tuple[Found, ...]
    total: int
    is_more: bool
    page: int
    pages: int
    building: float | None


def search(viewer: Viewer, words: str, page: int = 1) -> SearchPage:
    """Threads that match, best first, twenty a page. Raises SearchDamaged while there is no index."""
    query = engine.parse(_with_category_numbers(viewer, words))
    hits = (
        []
        if query.is_empty
        else engine.index().find(query, clearance=viewer.clearance, limit=MOST_CANDIDATES)
    )
    best = _best_posts(viewer, hits)
    pages = max(1, (len(best) - 1) // PER_PAGE + 1)
    page = min(max(1, page), pages)
    shown = best[(page - 1) * PER_PAGE : page * PER_PAGE]
    found = tuple(_found(viewer, query, shown))
    return SearchPage(words, query, found, len(best), len(hits) >= MOST_CANDIDATES, page, pages, building())


def _with_category_numbers(viewer: Viewer, words: str) -> str:
    """`category:help` as the number the engine knows, for categories the viewer may know of."""
    if "category:" not in words.lower():
        return words
    statement = sa.select(Category.slug, Category.id).where(visible_categories(viewer))
    numbers = {row.slug: row.id for row in db.session.execute(statement)}

    def number(match: re.Match[str]) -> str:
        slug = match[2].lower()
        known = str(numbers.get(slug, slug if slug.isdecimal() else 0))
        return f"{match[1]}category:{known}"

    return _CATEGORY.sub(number, words)


def _best_posts(viewer: Viewer, hits: Sequence[engine.Hit]) -> list[int]:
    """Ids of the best visible post of each thread, best first."""
    if not hits:
        return []
    statement = (
        sa.select(Post.id, Post.thread_id)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.id.in_([hit.id for hit in hits]), listed_posts(viewer))
    )
    threads = {row.id: row.thread_id for row in db.session.execute(statement)}
    best: dict[int, int] = {}
    for hit in hits:
        if hit.id in threads:
            best.setdefault(threads[hit.id], hit.id)
    return list(best.values())


def _found(viewer: Viewer, query: Query, post_ids: Sequence[int]) -> list[Found]:
    if not post_ids:
        return []
    statement = (
        sa.select(Post.id, Post.thread_id, Post.position, Post.kind, Post.html, Post.created_at)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.id.in_(post_ids), listed_posts(viewer))
    )
    posts = {row.id: row for row in db.session.execute(statement)}
    threads = rows_of(viewer, [row.thread_id for row in posts.values()])
    rows = [posts[i] for i in post_ids if i in posts and posts[i].thread_id in threads]
    return [_one(query, row, threads) for row in rows]


def _one(query: Query, row: Any, threads: Mapping[int, ThreadRow]) -> Found:
    thread = threads[row.thread_id]
    return Found(
        thread=thread,
        post_id=row.id,
        position=row.position,
        kind=row.kind,
        title=engine.highlight(thread.title, query),
        excerpt=excerpt(text.plain(row.html), query),
        at=row.created_at,
    )


def excerpt(words: str, query: Query) -> Marked:
    """The part of a plain text around the first words that were asked for, marked."""
    words = " ".join(words.split())[:8_000]
    parts = engine.highlight(words, query)
    start = 0
    for part, is_asked in parts:
        if is_asked:
            break
        start += len(part)
    begin = 0 if start >= len(words) else _word_start(words, max(0, start - AROUND))
    cut = words[begin : begin + EXCERPT]
    if begin + EXCERPT < len(words):
        cut = cut.rsplit(" ", 1)[0] + " …"
    if begin > 0:
        cut = "… " + cut
    return engine.highlight(cut, query)


def _word_start(words: str, position: int) -> int:
    """The beginning of the first whole word behind `position`."""
    if position == 0:
        return 0
    gap = words.find(" ", position, position + 40)
    return gap + 1 if gap >= 0 else position


def similar(
    viewer: Viewer,
    title: str,
    *,
    kinds: Collection[str] | None = None,
    limit: int = 5,
    without: int | None = None,
) -> list[ThreadRow]:
    """Threads that may already say what is about to be asked, most alike first; none without an index."""
    if len(title.strip()) < 4:
        return []
    try:
        hits = engine.index().similar(title[:200], clearance=viewer.clearance, limit=limit * 4, kinds=kinds)
    except engine.SearchDamaged:
        return []
    ids = [hit.thread_id for hit in hits if hit.thread_id != without]
    rows = rows_of(viewer, ids)
    allowed = [rows[i] for i in dict.fromkeys(ids) if i in rows]
    return [row for row in allowed if kinds is None or row.kind in kinds][:limit]


def building() -> float | None:
    """How far (0..1) a rebuild or an import's indexing is; None when none is under way."""
    statement = (
        sa.select(ImportRun.progress)
        .where(ImportRun.kind == INDEX_RUN, ImportRun.finished_at.is_(None))
        .where(sa.or_(ImportRun.label == "all", ImportRun.label.startswith("threads:")))
    )
    runs = list(db.session.execute(statement).scalars())
    total = sum(int(run.get("total", 0)) for run in runs)
    done = sum(int(run.get("done", 0)) for run in runs)
    return None if not runs else min(1.0, done / total) if total else 0.0
