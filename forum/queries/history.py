"""What a post said before: its revisions, and what each edit changed."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from forum.models import OPENING, Post, PostRevision, Thread
from people.queries import PersonCard, cards

PER_PAGE: Final = 10
MOST_LINES: Final = 1_500
MOST_WORDS: Final = 600
CONTEXT: Final = 2
_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")
Part = tuple[str, str]  # "same", "out" or "in", and the text


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison: `same`, `out`, `in`, or `gap` for lines left out; parts mark changed words."""

    kind: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: who, when, why, and what it changed."""

    number: int
    by: PersonCard | None
    at: Any
    reason: str
    title: tuple[str, str] | None
    tags: tuple[str, str] | None
    lines: tuple[Line, ...]


def edits(post: Post, thread: Thread, page: int = 1) -> tuple[list[Edit], bool]:
    """Edits of a post the viewer may see, newest first, and whether older ones follow."""
    first = max(0, post.edit_count - page * PER_PAGE)
    last = post.edit_count - (page - 1) * PER_PAGE
    statement = (
        sa.select(PostRevision)
        .where(PostRevision.post_id == post.id, PostRevision.number > first, PostRevision.number <= last + 1)
        .order_by(PostRevision.number)
    )
    kept = list(db.session.execute(statement).scalars())
    people = cards(r.edited_by_id for r in kept)
    texts: list[Any] = [*kept, _Now.of(post, thread)] if page == 1 else kept
    found = [_edit(old, new, people.get(old.edited_by_id)) for old, new in pairwise(texts)]
    return found[::-1], first > 0


@dataclass(frozen=True, slots=True)
class _Now:
    """The post as it stands, in the shape of a revision."""

    title: str
    tags: str
    source: str

    @classmethod
    def of(cls, post: Post, thread: Thread) -> "_Now":
        is_opening = post.kind == OPENING
        return cls(thread.title if is_opening else "", thread.tags if is_opening else "", post.source)


def _edit(old: PostRevision, new: Any, by: PersonCard | None) -> Edit:
    return Edit(
        number=old.number,
        by=by,
        at=old.edited_at,
        reason=old.reason,
        title=(old.title, new.title) if old.title != new.title else None,
        tags=(old.tags, new.tags) if old.tags != new.tags else None,
        lines=tuple(compare(old.source, new.source)),
    )


def compare(before: str, after: str) -> list[Line]:
    """The lines two texts differ in, with the words, and a little around them. Takes bounded time."""
    old, new = before.split("\n"), after.split("\n")
    if len(old) > MOST_LINES or len(new) > MOST_LINES:
        return [_whole("out", line) for line in old] + [_whole("in", line) for line in new]
    matcher = difflib.SequenceMatcher(None, old, new)
    return list(_thinned(_changes(matcher, old, new)))


def _changes(matcher: difflib.SequenceMatcher[str], old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            yield from (_whole("same", line) for line in old[a1:a2])
        else:
            yield from _replaced(
                "\n".join(old[a1:a2]), "\n".join(new[b1:b2]), has_old=a2 > a1, has_new=b2 > b1
            )


def _replaced(old: str, new: str, *, has_old: bool, has_new: bool) -> Iterator[Line]:
    """A block that changed, as one line taken out and one put in, the words that differ marked."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if not (has_old and has_new) or len(before) > MOST_WORDS or len(after) > MOST_WORDS:
        parts_out, parts_in = _all("out", old), _all("in", new)
    else:
        parts_out, parts_in = _words(before, after)
    if has_old:
        yield Line("out", parts_out)
    if has_new:
        yield Line("in", parts_in)


def _words(before: list[str], after: list[str]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    outs: list[Part] = []
    ins: list[Part] = []
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, before, after).get_opcodes():
        old, new = "".join(before[a1:a2]), "".join(after[b1:b2])
        outs += [("same" if tag == "equal" else "out", old)] if old else []
        ins += [("same" if tag == "equal" else "in", new)] if new else []
    return tuple(outs), tuple(ins)


def _all(kind: str, text: str) -> tuple[Part, ...]:
    return ((kind, text),)


def _whole(kind: str, text: str) -> Line:
    return Line(kind, ((kind, text),))


def _thinned(lines: Iterator[Line]) -> Iterator[Line]:
    """Long stretches without change become a gap."""
    held: list[Line] = []
    is_first = True
    for line in lines:
        if line.kind == "same":
            held.append(line)
            continue
        yield from _around(held, at_start=is_first, at_end=False)
        held, is_first = [], False
        yield line
    yield from _around(held, at_start=is_first, at_end=True)


def _around(held: list[Line], *, at_start: bool, at_end: bool) -> Iterator[Line]:
    """The last lines before a change and the first ones behind it."""
    behind = 0 if at_start else CONTEXT
    ahead = 0 if at_end else CONTEXT
    if len(held) <= behind + ahead + 1:
        yield from held
        return
    yield from held[:behind]
    yield Line("gap", ())
    yield from held[len(held) - ahead :]
