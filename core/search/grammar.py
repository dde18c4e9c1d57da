"""Our own small query language. No text of a searcher ever reaches the parser of an engine.

printer jam          both words            "paper jam"       the words in this order
printer OR scanner   either                -fax  -"no ink"   without
in:title             words of titles only  is:solved  is:unsolved
tag:wifi  category:12  by:ana  kind:question       also with - in front; several of one kind (not tags) mean any
before:2024-01-31  after:2024-01-31        days in UTC; after includes the day, before does not
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from core.search.words import Word, fold, label, lexemes, words

MOST_CHARS = 200
MOST_TERMS = 16
MOST_TELLING_WORDS = 6

Field = Literal["tag", "category", "kind", "by"]
_SCAN = re.compile(r'(?P<minus>-?)(?:(?P<key>[A-Za-z]+):(?=\S))?(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))')
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "\0": " "})
_ID = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must follow each other; a single word is a phrase of one."""

    lexemes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """A post must have (or, if not `wanted`, must not have) one of `values` in `field`. Categories are digits."""

    field: Field
    values: tuple[str, ...]
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: a phrase of each group, none of `excluded`, each filter, created on a day in [since, until)."""

    groups: tuple[tuple[Phrase, ...], ...] = ()
    excluded: tuple[Phrase, ...] = ()
    filters: tuple[Filter, ...] = ()
    in_title: bool = False
    solved: bool | None = None
    since: date | None = None
    until: date | None = None
    is_shortened: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for, so that nothing is found."""
        return self.solved is None and not (
            self.groups or self.excluded or self.filters or self.since or self.until
        )

    @property
    def asks_threads(self) -> bool:
        """Whether words of a thread's title may stand in for words of a post: not where one thing alone is asked for,
        which the post must hold itself."""
        return not self.in_title and (len(self.groups) > 1 or self.tells_posts_apart)

    @property
    def tells_posts_apart(self) -> bool:
        """Whether it asks for an author or for days: in these a reply differs from the first post of its thread."""
        by_author = any(filter_.field == "by" for filter_ in self.filters)
        return by_author or self.since is not None or self.until is not None

    @property
    def terms(self) -> tuple[Phrase, ...]:
        """The phrases to mark in a result."""
        return tuple(phrase for group in self.groups for phrase in group)


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A title being typed: its words, the longest first, as long words tell most, and the folded title."""

    lexemes: tuple[str, ...]
    text: str

    def telling(self, frequency: Callable[[str], float]) -> tuple[list[str], int]:
        """The rarest of the words, the rarest first, and how many of them a post must hold to resemble: a third."""
        chosen = sorted(self.lexemes, key=frequency)[:MOST_TELLING_WORDS]
        return chosen, -(-len(chosen) // 3)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece of the text as the searcher wrote it."""

    text: str
    key: str
    is_excluded: bool
    is_quoted: bool

    @property
    def is_or(self) -> bool:
        return self.text == "OR" and not (self.key or self.is_excluded or self.is_quoted)


@dataclass(slots=True)
class _Draft:
    """A query while its pieces are read."""

    groups: list[list[Phrase]] = field(default_factory=list)
    excluded: list[Phrase] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    any_of: dict[tuple[Field, bool], list[str]] = field(default_factory=dict)
    in_title: bool = False
    solved: bool | None = None
    since: date | None = None
    until: date | None = None
    room: int = MOST_TERMS
    is_shortened: bool = False
    is_open: bool = False  # the piece before was words that an OR may add to


def parse(text: str) -> Query:
    """Read what a searcher typed. Never fails: what is not understood counts as words, what is empty is dropped.
    At most MOST_CHARS characters and MOST_TERMS words and filters are used; `is_shortened` says if some were not."""
    draft = _Draft(is_shortened=len(text.rstrip()) > MOST_CHARS)
    joins = False
    for piece in _pieces(text[:MOST_CHARS]):
        if piece.is_or:
            joins = draft.is_open
        else:
            _read(draft, piece, joins)
            joins = False
    return _query(draft)


def _pieces(text: str) -> Iterator[_Piece]:
    for match in _SCAN.finditer(text.translate(_QUOTES)):
        quoted = match["quoted"]
        yield _Piece(
            text=match["bare"] if quoted is None else quoted,
            key=(match["key"] or "").lower(),
            is_excluded=bool(match["minus"]),
            is_quoted=quoted is not None,
        )


def _read(draft: _Draft, piece: _Piece, joins: bool) -> None:
    """Take one piece into the draft, as a filter if it is one, else as words."""
    reader = _READERS.get(piece.key)
    if reader is None:
        _read_words(draft, piece, joins)
    elif draft.room < 1:
        draft.is_shortened = True
    elif reader(draft, piece):
        draft.room -= 1
        draft.is_open = False
    else:
        _read_words(draft, piece, joins)


def _read_words(draft: _Draft, piece: _Piece, joins: bool) -> None:
    found = lexemes(f"{piece.key}:{piece.text}" if piece.key else piece.text)
    used = tuple(found[: draft.room])
    draft.is_shortened |= len(used) < len(found)
    draft.room -= len(used)
    draft.is_open = not piece.is_excluded
    phrases = [Phrase(used)] if used else []
    if piece.is_excluded:
        draft.excluded += phrases
    elif joins:
        draft.groups[-1] += phrases
    else:
        draft.groups.append(phrases)


def _read_tag(draft: _Draft, piece: _Piece) -> bool:
    if piece.is_excluded:
        return _read_any(draft, "tag", label(piece.text.lstrip("#")), wanted=False)
    draft.tags.append(label(piece.text.lstrip("#")))
    return bool(draft.tags[-1])


def _read_category(draft: _Draft, piece: _Piece) -> bool:
    number = str(int(piece.text)) if _ID.fullmatch(piece.text) else ""
    return _read_any(draft, "category", number, wanted=not piece.is_excluded)


def _read_kind(draft: _Draft, piece: _Piece) -> bool:
    return _read_any(draft, "kind", label(piece.text), wanted=not piece.is_excluded)


def _read_author(draft: _Draft, piece: _Piece) -> bool:
    return _read_any(draft, "by", label(piece.text.lstrip("@")), wanted=not piece.is_excluded)


def _read_any(draft: _Draft, name: Field, value: str, *, wanted: bool) -> bool:
    if value:
        draft.any_of.setdefault((name, wanted), []).append(value)
    return bool(value)


def _read_state(draft: _Draft, piece: _Piece) -> bool:
    state = piece.text.lower()
    if state in ("solved", "unsolved"):
        draft.solved = (state == "solved") != piece.is_excluded
        return True
    return False


def _read_place(draft: _Draft, piece: _Piece) -> bool:
    if piece.text.lower() != "title":
        return False
    draft.in_title |= not piece.is_excluded
    return True


def _read_day(draft: _Draft, piece: _Piece) -> bool:
    try:
        day = date.fromisoformat(piece.text)
    except ValueError:
        return False
    if (piece.key == "before") != piece.is_excluded:
        draft.until = min(day, draft.until or day)
    else:
        draft.since = max(day, draft.since or day)
    return True


_READERS: dict[str, Callable[[_Draft, _Piece], bool]] = {
    "tag": _read_tag,
    "category": _read_category,
    "kind": _read_kind,
    "by": _read_author,
    "is": _read_state,
    "in": _read_place,
    "before": _read_day,
    "after": _read_day,
}


def _query(draft: _Draft) -> Query:
    filters = [Filter("tag", (tag,)) for tag in draft.tags if tag]
    filters += [Filter(name, tuple(values), wanted) for (name, wanted), values in draft.any_of.items()]
    return Query(
        groups=tuple(dict.fromkeys(tuple(group) for group in draft.groups if group)),
        excluded=tuple(draft.excluded),
        filters=tuple(filters),
        in_title=draft.in_title,
        solved=draft.solved,
        since=draft.since,
        until=draft.until,
        is_shortened=draft.is_shortened,
    )


def resembling(text: str) -> Resemblance:
    """Read a title being typed: at most MOST_TERMS of its words."""
    found = dict.fromkeys(lexemes(text[:MOST_CHARS]))
    longest = sorted(found, key=len, reverse=True)[:MOST_TERMS]
    return Resemblance(tuple(longest), fold(text[:MOST_CHARS]))


def highlight(text: str, query: Query) -> list[tuple[str, bool]]:
    """Cut plain `text` into (part, whether the query asked for it); the parts joined are the text. Holds no HTML."""
    parts: list[tuple[str, bool]] = []
    position = 0
    for start, end in _merged(_spans(list(words(text)), query)):
        parts += [(text[position:start], False), (text[start:end], True)]
        position = end
    parts.append((text[position:], False))
    return [part for part in parts if part[0]]


def _spans(found: list[Word], query: Query) -> Iterator[tuple[int, int]]:
    """Where phrases of the query stand, from the first word's start to the last word's end."""
    stored = [word.lexeme for word in found]
    for phrase in query.terms:
        length = len(phrase.lexemes)
        for i, lexeme in enumerate(stored):
            if lexeme == phrase.lexemes[0] and tuple(stored[i : i + length]) == phrase.lexemes:
                yield found[i].start, found[i + length - 1].end


def _merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, overlapping ones joined."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
