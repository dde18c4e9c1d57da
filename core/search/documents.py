"""What is indexed, what comes back, and what every search engine must be able to do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Literal, Protocol

from flask_babel import gettext as _

from core.errors import Unavailable
from core.search.grammar import Filter, Query
from core.search.words import MOST_LEXEME_CHARS, label, lexemes

MOST_HITS = 1_000
MOST_WORDS = 16_000  # of one document: PostgreSQL counts places no further than 16,383
MOST_LETTERS = 200_000  # of its words: PostgreSQL stores a megabyte of them
SOLVED, UNSOLVED = "is:solved", "is:unsolved"

Part = Literal["title", "tags", "body", "thread"]


@dataclass(frozen=True, slots=True)
class Document:
    """One post as search sees it. `body` is plain text, `author` a handle, `created_at` aware UTC.

    `title` is what the post itself is called, `thread_title` what its thread is called where that is not its own.
    """

    id: int
    thread_id: int
    kind: str
    title: str
    body: str
    tags: tuple[str, ...]
    category_id: int
    author: str
    access: int
    solved: bool
    created_at: datetime
    thread_title: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A candidate: the caller rechecks in SQL that the viewer may see it. Scores compare within one answer only."""

    id: int
    thread_id: int
    score: float


def parts(document: Document) -> list[tuple[Part, list[str]]]:
    """The words of the title, of each tag, of the body and of the thread's title, in order, as far as there is room. A
    phrase never crosses from one into the next."""
    texts: list[tuple[Part, str]] = [("title", document.title)]
    texts += [("tags", tag) for tag in document.tags]
    texts += [("body", document.body), ("thread", document.thread_title)]
    words, letters = MOST_WORDS, MOST_LETTERS
    found: list[tuple[Part, list[str]]] = []
    for part, text in texts:
        here = _fitting(lexemes(text), words, letters)
        words -= len(here)
        letters -= sum(map(len, here))
        found.append((part, here))
    return found


def _fitting(found: list[str], words: int, letters: int) -> list[str]:
    """The first words of `found` that there is room for."""
    if len(found) * MOST_LEXEME_CHARS > letters:
        ends = accumulate(map(len, found))
        words = min(words, sum(end <= letters for end in ends))
    return found[:words]


def labels(document: Document) -> list[str]:
    """What filters look for, as `field:value`; each once."""
    found = {f"tag:{label(tag)}" for tag in document.tags}
    found |= {
        f"kind:{label(document.kind)}",
        f"by:{label(document.author)}",
        f"category:{document.category_id}",
    }
    return [*sorted(found), SOLVED if document.solved else UNSOLVED]


def labels_wanted(query: Query) -> list[list[str]]:
    """For each filter of a query the labels of which a document must hold one."""
    wanted = [_labels_of(filter_) for filter_ in query.filters if filter_.wanted]
    if query.solved is not None:
        wanted.append([SOLVED if query.solved else UNSOLVED])
    return wanted


def labels_unwanted(query: Query) -> list[str]:
    """The labels that a document may not hold."""
    return [name for filter_ in query.filters if not filter_.wanted for name in _labels_of(filter_)]


def _labels_of(filter_: Filter) -> list[str]:
    return [f"{filter_.field}:{value}" for value in filter_.values]


class SearchBusy(RuntimeError):
    """Another process writes to this index already."""


class SearchDamaged(Unavailable):
    """The index is missing or cannot be read: `recover()` it, then add every document again. `str()` of it is the
    detail for the log; people read `message`."""

    def __init__(self, detail: str) -> None:
        super().__init__(_("Search is out of order for a moment. All posts are safe; please try again soon."))
        self.args = (detail,)


class Index(Protocol):
    """One search engine. Every adapter finds the same set of posts for the same query."""

    def add(self, docs: Sequence[Document]) -> None:
        """Insert or replace documents by id, all of them or none."""

    def remove(self, ids: Collection[int]) -> None:
        """Forget documents; ids that are not there are passed over."""

    def find(self, query: Query, *, clearance: int, limit: int) -> list[Hit]:
        """The best `limit` (at most MOST_HITS) posts with access <= clearance, best first; newest first where the
        query names no words. An empty query finds nothing. Raises SearchDamaged.

        What is asked for may stand in the post or, counting less, in its thread's title. A post that holds nothing
        of it itself is passed over, for its thread's first post is found: unless the query `tells_posts_apart`.
        """

    def similar(
        self, text: str, *, clearance: int, limit: int, kinds: Collection[str] | None = None
    ) -> list[Hit]:
        """Threads that resemble a title being typed, most alike first: one hit a thread, its best post. Only words
        of the posts themselves count."""

    def count(self) -> int:
        """How many documents are indexed, whoever may see them. Raises SearchDamaged."""

    def clear(self) -> None:
        """Forget every document."""

    def settle(self) -> None:
        """Put itself in order after many documents came or went; searches are quicker afterwards."""

    def healthy(self) -> bool:
        """Whether the index is there, whole, and made by this version of the analyser."""

    def recover(self) -> bool:
        """Make a missing or damaged index anew, empty; True if it did, and the caller must fill it again."""

    def claim(self) -> None:
        """Become the process that writes. Raises SearchBusy where another one is."""

    def close(self) -> None:
        """Let go of files and locks; the index may not be used afterwards."""
