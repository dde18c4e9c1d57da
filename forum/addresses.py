"""Where things of the forum are found: the canonical address of a thread by its kind, pages of posts, slugs.

Features above register the kinds whose discussion lives on a page of theirs (ideas, releases).
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

PER_PAGE: Final = 20
SLUG_LENGTH: Final = 80
Finder = Callable[[int], str]
_finders: dict[str, Finder] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread lives that another feature shows, and what a list of threads says of it."""

    path: str
    status: str = ""
    votes: int | None = None


Placer = Callable[[Collection[int]], Mapping[int, Place]]
_placers: dict[str, Placer] = {}
_GAPS: Final = re.compile(r"[\W_]+")


def register(kind: str, find: Finder, place: Placer | None = None) -> None:
    """Let threads of `kind` live at `find(thread_id)`, a path without query.

    `place(thread_ids)` answers the same for a whole list, with what its rows say.
    """
    _finders[kind] = find
    if place is not None:
        _placers[kind] = place


def lives_elsewhere(kind: str) -> bool:
    """Whether another feature shows threads of this kind."""
    return kind in _finders


def thread_path(thread: Any) -> str:
    """Path of a thread (anything with `id`, `kind` and `slug`), asking the feature that shows its kind."""
    finder = _finders.get(thread.kind)
    return finder(thread.id) if finder else plain_path(thread.id, thread.slug)


def places_of(threads: Iterable[Any]) -> dict[int, Place]:
    """Places of those threads that other features show, by id: one question for each kind among them."""
    ids: dict[str, list[int]] = {}
    for thread in threads:
        if thread.kind in _placers:
            ids.setdefault(thread.kind, []).append(thread.id)
    return {i: place for kind, some in ids.items() for i, place in _placers[kind](some).items()}


def paths_of(threads: Sequence[Any]) -> dict[int, str]:
    """The path of each of these threads by id; one that its own feature does not know is left out."""
    places = places_of(threads)
    paths = {t.id: plain_path(t.id, t.slug) for t in threads if not lives_elsewhere(t.kind)}
    return paths | {thread_id: place.path for thread_id, place in places.items()}


def plain_path(thread_id: int, slug: str) -> str:
    """The forum's own path: good for every kind, since the thread page sends readers on where they belong."""
    return f"/t/{thread_id}/{_quoted(slug)}" if slug else f"/t/{thread_id}"


@lru_cache(maxsize=4096)
def _quoted(slug: str) -> str:
    return quote(slug)


def page_of(position: int) -> int:
    """Which page of a thread a post stands on. Pages go by position, so that they hold when others write."""
    return max(1, (position - 1) // PER_PAGE + 1)


def post_path(thread: Any, post: Any) -> str:
    """Path of a post (anything with `id` and `position`) on its thread's page."""
    page = page_of(post.position)
    query = f"?page={page}" if page > 1 else ""
    return f"{thread_path(thread)}{query}#post-{post.id}"


def slug_of(title: str) -> str:
    """The readable end of an address, in the title's own letters; never empty."""
    text = unicodedata.normalize("NFKC", title).casefold()
    slug = _GAPS.sub("-", text)[:SLUG_LENGTH].strip("-")
    return slug or "thread"
