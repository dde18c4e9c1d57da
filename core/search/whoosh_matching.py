"""Finds and ranks the posts of a query among open segments: with sets, which is several times faster than walking
posting by posting, and bounds the work. Lists are read whole, a phrase looks only at posts that hold all its words,
and once MOST_RANKED matches of the newest segments are ranked, older segments are left out.
"""

import heapq
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from itertools import chain
from typing import NamedTuple

from core.search.documents import Hit, labels_unwanted, labels_wanted
from core.search.grammar import Phrase, Query, Resemblance
from core.search.whoosh_parts import OpenPart, WordField
from core.search.words import label

MOST_RANKED = 5_000
_K1, _B = 1.2, 0.75  # of BM25 (Robertson and Zaragoza 2009)
_TITLE_BONUS = 2.0
_THREAD_SHARE = 0.5  # what a word of the thread's title alone is worth beside one of the post


class _Ranked(NamedTuple):
    """A match as it is compared with others: best score first, then newest."""

    score: float
    created: int
    id: int
    thread_id: int


class Matching:
    """One search over one state of the index, as far as `clearance` may see."""

    def __init__(self, parts: Iterable[OpenPart], clearance: int) -> None:
        self._parts = sorted(parts, key=lambda part: part.newest, reverse=True)
        self._clearance = clearance
        self._documents = sum(part.size for part in self._parts)
        self._mean_length = sum(part.words for part in self._parts) / max(1, self._documents) or 1.0

    def find(self, query: Query, limit: int) -> list[Hit]:
        """The best hits of a query that is not empty; the newest if it names no words."""
        rarity = self._rarity(lexeme for phrase in query.terms for lexeme in phrase.lexemes)
        best: list[_Ranked] = []
        ranked = 0
        for part in self._parts:
            if ranked >= MOST_RANKED or (not rarity and _is_older(part, best, limit)):
                break
            lists = _Lists(part)
            found = self._matches(lists, query)
            ranked += len(found) if rarity else 0
            best = heapq.nlargest(limit, chain(best, self._ranked(lists, found, rarity, query.asks_threads)))
        return [Hit(match.id, match.thread_id, match.score) for match in best]

    def similar(self, wanted: Resemblance, limit: int, kinds: Collection[str] | None) -> list[Hit]:
        """One hit for each thread that holds enough of the words of a title, words of its own title counting most."""
        every = self._rarity(wanted.lexemes)
        telling, needed = wanted.telling(lambda lexeme: -every[lexeme])
        rarity = {lexeme: every[lexeme] for lexeme in telling}
        best: dict[int, _Ranked] = {}
        ranked = 0
        for part in self._parts:
            if ranked >= MOST_RANKED:
                break
            lists = _Lists(part)
            found = self._resembling(lists, telling, needed)
            if kinds is not None:
                found &= lists.labelled([f"kind:{label(kind)}" for kind in kinds])
            ranked += len(found)
            for match in self._ranked(lists, found, rarity, title_bonus=_TITLE_BONUS):
                best[match.thread_id] = max(match, best.get(match.thread_id, match))
        top = heapq.nlargest(limit, best.values())
        return [Hit(match.id, match.thread_id, match.score) for match in top]

    def _rarity(self, lexemes: Iterable[str]) -> dict[str, float]:
        """Inverse document frequency of each word, never below 0 (BM25)."""
        counts = {lexeme: sum(part.frequency("text", lexeme) for part in self._parts) for lexeme in lexemes}
        total = self._documents
        return {lexeme: math.log(1 + (total - n + 0.5) / (n + 0.5)) for lexeme, n in counts.items()}

    def _matches(self, lists: "_Lists", query: Query) -> set[int]:
        """Numbers of the documents of one part that answer the query and may be seen."""
        field: WordField = "title" if query.in_title else "anywhere" if query.asks_threads else "text"
        found: set[int] | None = None
        for wanted in labels_wanted(query):
            found = _both(found, lists.labelled(wanted))
        for group in query.groups:
            found = _both(found, lists.holding_any(group, field, found))
        if query.terms and query.asks_threads and not query.tells_posts_apart:
            found = _both(found, lists.holding_any(query.terms, "text", found))
        found = self._visible(lists.part, set(range(lists.part.size)) if found is None else found)
        return _created_within(lists.part, self._without(lists, query, found), query.since, query.until)

    def _without(self, lists: "_Lists", query: Query, found: set[int]) -> set[int]:
        field: WordField = "title" if query.in_title else "anywhere"
        for phrase in query.excluded:
            found -= lists.holding(phrase, field, found)
        return found - lists.labelled(labels_unwanted(query))

    def _visible(self, part: OpenPart, found: set[int]) -> set[int]:
        return found - part.deleted - part.hidden(self._clearance)

    def _resembling(self, lists: "_Lists", telling: Sequence[str], needed: int) -> set[int]:
        """Documents with at least `needed` of the words. Whoever has that many has one of all but the `needed - 1`
        most frequent words, so only the lists of those are searched for candidates."""
        held = sorted((lists.of("text", lexeme) for lexeme in telling), key=len)
        candidates = self._visible(lists.part, set(chain.from_iterable(held[: len(held) - needed + 1])))
        counts = Counter(chain.from_iterable(candidates & one.keys() for one in held))
        return {number for number, count in counts.items() if count >= needed}

    def _ranked(
        self,
        lists: "_Lists",
        found: AbstractSet[int],
        rarity: Mapping[str, float],
        asks_threads: bool = False,
        title_bonus: float = 0.0,
    ) -> Iterable[_Ranked]:
        part = lists.part
        scores = dict.fromkeys(found, 0.0)
        floor, slope = _K1 * (1 - _B), _K1 * _B / self._mean_length
        for lexeme, rare in rarity.items():
            held = lists.of("text", lexeme)
            for number in held.keys() & found:
                weight = held[number]
                scores[number] += rare * (_K1 + 1) * weight / (weight + floor + slope * part.lengths[number])
            if asks_threads:
                for number in (lists.of("thread", lexeme).keys() & found) - held.keys():
                    scores[number] += rare * _THREAD_SHARE
            if title_bonus:
                for number in lists.of("title", lexeme).keys() & found:
                    scores[number] += rare * title_bonus
        return (_Ranked(score, part.created[n], part.ids[n], part.threads[n]) for n, score in scores.items())


class _Lists:
    """The posting lists of one part, each read once in a search."""

    def __init__(self, part: OpenPart) -> None:
        self.part = part
        self._read: dict[tuple[str, str], dict[int, float]] = {}

    def of(self, field: str, text: str) -> dict[int, float]:
        """Documents that hold a word or label, with its weight there."""
        if (field, text) not in self._read:
            self._read[field, text] = self.part.postings(field, text)
        return self._read[field, text]

    def numbers(self, field: WordField, text: str) -> AbstractSet[int]:
        """Documents that hold a word."""
        if field == "anywhere":
            return self.of("text", text).keys() | self.of("thread", text).keys()
        return self.of(field, text).keys()

    def labelled(self, labels: Sequence[str]) -> set[int]:
        """Documents that hold one of the labels."""
        return set().union(*(self.of("labels", label) for label in labels))

    def holding_any(
        self, phrases: Iterable[Phrase], field: WordField, within: AbstractSet[int] | None
    ) -> set[int]:
        """Documents (of `within`, where given) that hold one of the phrases."""
        return set().union(*(self.holding(phrase, field, within) for phrase in phrases))

    def holding(self, phrase: Phrase, field: WordField, within: AbstractSet[int] | None) -> set[int]:
        """Documents (of `within`, where given) that hold a phrase."""
        first = self.numbers(field, phrase.lexemes[0])
        found = set(first & within if within is not None else first)
        for lexeme in phrase.lexemes[1:]:
            found &= self.numbers(field, lexeme)
        if len(phrase.lexemes) == 1:
            return found
        wanted = f" {' '.join(phrase.lexemes)} ".encode()
        return {number for number in found if wanted in self.part.row(number, field)}


def _both(found: set[int] | None, more: set[int]) -> set[int]:
    return more if found is None else found & more


def _is_older(part: OpenPart, best: Sequence[_Ranked], limit: int) -> bool:
    """Whether no document of `part` can come among the newest that are found already."""
    return len(best) >= limit and part.newest < best[-1].created


def _created_within(part: OpenPart, found: set[int], since: date | None, until: date | None) -> set[int]:
    if since is None and until is None:
        return found
    start = _midnight(since) if since else -math.inf
    end = _midnight(until) if until else math.inf
    return {number for number in found if start <= part.created[number] < end}


def _midnight(day: date) -> float:
    """The first second of a day in UTC, as Unix time."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
