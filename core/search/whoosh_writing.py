"""Writing a Whoosh segment: postings are kept by word until the end, and a list is handed to the codec as a whole.

Whoosh's own way passes every posting through half a dozen calls and sorts them all; for posts this is six times as
fast, and merging segments ten times.
"""

import warnings
from array import array
from collections.abc import Iterable
from operator import sub
from typing import Any

from core.search.whoosh_parts import BLOCK, OpenPart, codec

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter, W3PostingsWriter, W3Segment
    from whoosh.writing import SegmentWriter

SHORT = 16  # postings: packing so few saves no room
Lists = dict[str, dict[bytes, tuple[Any, Any]]]  # by field and word: numbers of documents, and weights


class Writer(SegmentWriter):  # type: ignore[misc]
    """Takes documents and whole parts, and writes them as one new segment."""

    def __init__(self, index: Any) -> None:
        super().__init__(index, codec=_Codec(), _lk=False)
        self.pool = _Pool()

    def add_part(self, part: OpenPart, deleted: Iterable[int]) -> None:
        """Take over the documents of a part but those that are deleted."""
        for values in part.documents(deleted):
            self.add_document(**values)


class _Pool:
    """The postings of a segment that is being made."""

    def __init__(self) -> None:
        self.lists: Lists = {}

    def add(self, item: tuple[str, bytes, int, float, bytes]) -> None:
        """Whoosh's way in: one posting, of documents in order."""
        field, text, number, weight, _payload = item
        words = self.lists.setdefault(field, {})
        found = words.get(text)
        if found is None:
            found = words[text] = (array("I"), array("f"))
        found[0].append(number)
        found[1].append(weight)

    def iter_postings(self) -> Lists:
        """What is handed to the field writer: ours takes all of it at once."""
        return self.lists

    def cleanup(self) -> None:
        """Let go of everything."""
        self.lists.clear()


class _Codec(W3Codec):  # type: ignore[misc]
    """Writes what `codec()` reads, and says so in the segment."""

    length_stats = False

    def __init__(self) -> None:
        super().__init__(blocklimit=BLOCK, compression=1)

    def new_segment(self, _storage: Any, indexname: str) -> Any:
        """A segment that is read by the plain codec."""
        return W3Segment(codec(), indexname)

    def field_writer(self, storage: Any, segment: Any) -> Any:
        """Ours."""
        return _FieldWriter(self, storage, segment)

    def postings_writer(self, dbfile: Any, byteids: bool = False) -> Any:
        """Ours."""
        return _PostingsWriter(dbfile, BLOCK, byteids, self._compression)


class _FieldWriter(W3FieldWriter):  # type: ignore[misc]
    """Writes whole lists."""

    def add_postings(self, schema: Any, _lengths: Any, lists: Lists) -> None:
        """Every list, in the order in which they are looked up."""
        for field in sorted(lists):
            self.start_field(field, schema[field])
            for text, (numbers, weights) in sorted(lists[field].items()):
                self.start_term(text)
                self._postwriter.take(numbers, weights)
                self.finish_term()
            self.finish_field()


class _PostingsWriter(W3PostingsWriter):  # type: ignore[misc]
    """Takes a list at once and counts with the whole of it."""

    def take(self, numbers: Any, weights: Any) -> None:
        """The postings of the word that was started; the last block is left for `finish_postings`."""
        self._compression = int(len(numbers) > SHORT)
        for first in range(0, len(numbers), BLOCK):
            if first:
                self._write_block()
            self._ids, self._weights = numbers[first : first + BLOCK], weights[first : first + BLOCK]
            self._maxweight = max(self._weights)

    def _mini_ids(self) -> tuple[int, ...]:
        """Each number less the one before."""
        return (self._ids[0], *map(sub, self._ids[1:], self._ids))

    def _mini_weights(self) -> Any:
        """Stored once if all are equal, not at all if they are 1."""
        first = self._weights[0]
        if self._weights.count(first) < len(self._weights):
            return tuple(self._weights)
        return None if first == 1.0 else first
