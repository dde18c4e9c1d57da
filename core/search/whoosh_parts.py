"""How a document lies in a Whoosh segment, and a segment opened for reading.

Whoosh stores, merges and commits; words come from our own analyser. A posting list says which documents hold a word
and how much it counts there. Where words stand is not in the postings but in one row of text a document, which is
read for the few candidates of a phrase only: that makes the index half as large and indexing faster.
"""

import warnings
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from copy import copy
from itertools import accumulate, chain, repeat
from typing import Any, Literal

from core.search.documents import Document, labels, parts

with warnings.catch_warnings():  # sources of 2015: newer Pythons warn about their escapes and comparisons
    warnings.simplefilter("ignore")
    from whoosh import columns, fields, formats
    from whoosh.codec.whoosh3 import W3Codec
    from whoosh.filedb.compound import CompoundStorage
    from whoosh.filedb.structfile import BufferFile
    from whoosh.reading import TermNotFound

WordField = Literal["text", "title", "anywhere"]
BLOCK = 8192  # postings: blocks are large, because lists are read whole
_TITLE_WEIGHT, _TAG_WEIGHT = 4, 2  # a word of the body counts 1
_ROWS = columns.VarBytesColumn()
_MOST_ACCESS = 0xFFFF
_NUMBERS = {"id": "q", "thread_id": "q", "created": "q", "access": "H", "length": "H"}
COLUMNS: Mapping[str, Any] = {"row": _ROWS} | {
    name: columns.NumericColumn(code) for name, code in _NUMBERS.items()
}


class _Words(fields.FieldType):  # type: ignore[misc]
    """Takes words that are analysed and weighed already."""

    def __init__(self) -> None:
        super().__init__(formats.Existence(), None)

    def index(self, value: Mapping[str, float], **_: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        """Whoosh's form of a posting: word, frequency, weight, payload."""
        for lexeme, weight in value.items():
            yield lexeme.encode(), 1, weight, b""


class _Labels(fields.FieldType):  # type: ignore[misc]
    """Takes exact labels such as a tag: found, never ranked."""

    def __init__(self) -> None:
        super().__init__(formats.Existence(), None)

    def index(self, value: Iterable[str], **_: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        """Whoosh's form of a posting: label, frequency, weight, payload."""
        for text in value:
            yield text.encode(), 1, 1.0, b""


def schema() -> Any:
    """The fields of the index: words of the post itself, of its title, of its thread's title; labels; columns."""
    stored = {name: fields.COLUMN(column) for name, column in COLUMNS.items()}
    return fields.Schema(text=_Words(), title=_Words(), thread=_Words(), labels=_Labels(), **stored)


def codec() -> Any:
    """No statistics of lengths, because they have a column of their own."""
    made = W3Codec(blocklimit=BLOCK, compression=1)
    made.length_stats = False
    return made


def fields_of(document: Document) -> dict[str, Any]:
    """A document as the writer takes it."""
    row = [" ".join(found) for _part, found in parts(document)]
    numbers = {
        "id": document.id,
        "thread_id": document.thread_id,
        "created": int(document.created_at.timestamp()),
        "access": min(max(document.access, 0), _MOST_ACCESS),
    }
    return _fields("\n".join(f" {line} " for line in row).encode(), labels(document), numbers)


def _fields(row: bytes, labels: Iterable[str], numbers: Mapping[str, int]) -> dict[str, Any]:
    """What is stored of a document: all that is said of its words is told by its row."""
    title, *tags, body, thread = (line.split() for line in row.decode().split("\n"))
    text = Counter(body)
    for word in chain.from_iterable(tags):
        text[word] += _TAG_WEIGHT
    for word in title:
        text[word] += _TITLE_WEIGHT
    length = len(title) + sum(map(len, tags)) + len(body)
    titles = {"title": dict.fromkeys(title, 1), "thread": dict.fromkeys(thread, 1)}
    return {"text": text, **titles, "labels": labels, "row": row, **numbers, "length": length}


class OpenPart:
    """One segment in memory: nothing changes in it but which documents are deleted."""

    def __init__(self, segment: Any, data: bytes) -> None:
        """Read the content of a segment's file into memory."""
        files = CompoundStorage(BufferFile(data), use_mmap=False)
        self._terms = segment.codec().terms_reader(files, segment)
        reader = segment.codec().per_document_reader(files, segment)
        self._rows: list[bytes] = list(reader.column_reader("row", _ROWS))
        self.size: int = segment.doc_count_all()
        self.ids, self.threads, self.created, self.access, self.lengths = (
            array(code, reader.column_reader(name, COLUMNS[name])) for name, code in _NUMBERS.items()
        )
        self.words = sum(self.lengths)
        self.newest = max(self.created, default=0)
        self.deleted: AbstractSet[int] = frozenset()
        self._numbers: dict[int, int] = {}
        self._hidden: dict[int, frozenset[int]] = {}

    def with_deleted(self, numbers: Iterable[int]) -> "OpenPart":
        """The same part in a state where other documents are deleted."""
        part = copy(self)
        part.deleted = frozenset(numbers)
        return part

    def postings(self, field: str, text: str) -> dict[int, float]:
        """Documents (by number in this part) that hold `text`, with its weight there, in order."""
        return self._postings(field, text.encode())

    def documents(self, deleted: Iterable[int]) -> Iterator[dict[str, Any]]:
        """What stands here but the deleted documents, as the writer takes it: read off rows and labels, which is much
        quicker than putting posting lists together."""
        gone = set(deleted)
        labels = self._labels()
        numbers = {"id": self.ids, "thread_id": self.threads, "created": self.created, "access": self.access}
        for number in range(self.size):
            if number not in gone:
                values = {name: column[number] for name, column in numbers.items()}
                yield _fields(self._rows[number], labels[number], values)

    def _labels(self) -> list[list[str]]:
        """The labels of every document."""
        found: list[list[str]] = [[] for _ in range(self.size)]
        for field, text in self._terms.terms_from("labels", b""):
            if field != "labels":
                break
            for number in self._postings(field, text):
                found[number].append(text.decode())
        return found

    def _postings(self, field: str, text: bytes) -> dict[int, float]:
        try:
            matcher = self._terms.matcher(field, text, formats.Existence())
        except TermNotFound:
            return {}
        found: dict[int, float] = {}
        while matcher.is_active():
            matcher._read_data()  # whole blocks: asking a matcher for one posting at a time is five times slower
            steps, weights, _ = matcher._data
            each = (
                weights if isinstance(weights, tuple) else repeat(weights or 1.0)
            )  # stored once if all are equal
            found.update(zip(accumulate(steps), each, strict=False))
            matcher._next_block()
        return found

    def frequency(self, field: str, text: str) -> int:
        """How many documents hold `text`."""
        try:
            return int(self._terms.doc_frequency(field, text.encode()))
        except KeyError:
            return 0

    def row(self, number: int, field: WordField) -> bytes:
        """The words of a document in order: a line for the title, each tag, the body and the thread's title; spaces
        around each word."""
        row = self._rows[number]
        if field == "title":
            return row.split(b"\n", 1)[0]
        return row.rpartition(b"\n")[0] if field == "text" else row

    def number_of(self, document_id: int) -> int | None:
        """Where a document that is not deleted stands in this part."""
        if not self._numbers:
            self._numbers.update((found, number) for number, found in enumerate(self.ids))
        number = self._numbers.get(document_id)
        return None if number in self.deleted else number

    def hidden(self, clearance: int) -> frozenset[int]:
        """Documents that a viewer of this clearance may not see."""
        if clearance not in self._hidden:
            self._hidden[clearance] = frozenset(
                n for n, access in enumerate(self.access) if access > clearance
            )
        return self._hidden[clearance]
