"""Measures search: documents indexed per second and milliseconds per query, on 50,000 made-up documents.

    python -m bench.search [--documents 50000] [--queries 300]

Whoosh always; PostgreSQL too if PG_URL holds the SQLAlchemy address of a database that may be written to.
CPU is that of this process alone, so it says little about PostgreSQL; it says most about Whoosh on a busy machine.
The last line is JSON.
"""

import argparse
import itertools
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.search.documents import Document, Index
from core.search.grammar import parse
from core.search.postgres_index import PostgresIndex
from core.search.whoosh_index import WhooshIndex
from forum.indexer import BATCH

_SYLLABLES = "ba co di fe gu ha ki lo mu ne po ra si tu ve wi xa yo ze pri tra ster net mon lin".split()  # noqa: SIM905
_ENDINGS = ("", "", "s", "ing", "ed", "er")
_HOSTILE = {
    "one common word": "{0}",
    "eight common words": "{0} {1} {2} {3} {4} {5} {6} {7}",
    "sixteen common words, any": " OR ".join(f"{{{n}}}" for n in range(16)),
    "phrase of common words": '"{0} {1}"',
    "eight phrases, any": " OR ".join(f'"{{{n}}} {{{n + 1}}}"' for n in range(0, 16, 2)),
    "all but one word": "-{0}",
    "everything since 1970": "after:1970-01-01",
    "wildcards": "*" * 200,
}


class Corpus:
    """Made-up posts in threads of ten; words follow Zipf's law. The same seed gives the same posts."""

    def __init__(self, seed: int = 7, vocabulary: int = 30_000) -> None:
        self._random = random.Random(1)
        self.words = self._vocabulary(vocabulary)
        self._random.seed(seed)
        self._weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(vocabulary)))

    def _vocabulary(self, size: int) -> list[str]:
        choose = self._random.choice
        found: dict[str, None] = {}
        while len(found) < size:
            syllables = (choose(_SYLLABLES) for _ in range(self._random.randint(2, 4)))
            found["".join(syllables) + choose(_ENDINGS)] = None
        return list(found)

    def sample(self, least: int, most: int) -> str:
        """Between `least` and `most` words, frequent ones more often."""
        count = self._random.randint(least, most)
        return " ".join(self._random.choices(self.words, cum_weights=self._weights, k=count))

    def documents(self, count: int) -> Iterator[Document]:
        """`count` posts; the first of a thread is called as its thread, all carry its tags and access."""
        made = 0
        for thread_id in itertools.count(1):
            title, tags = self.sample(4, 9), tuple(self.sample(2, 2).split())
            category, access = self._random.randint(1, 20), self._random.choices((0, 1, 2), (80, 15, 5))[0]
            for place in range(10):
                made += 1
                if made > count:
                    return
                post = self._post(made, thread_id, tags, category, access)
                yield replace(post, thread_title=title) if place else replace(post, title=title)

    def _post(
        self, number: int, thread_id: int, tags: tuple[str, ...], category: int, access: int
    ) -> Document:
        return Document(
            id=number,
            thread_id=thread_id,
            kind=("question", "discussion", "idea")[thread_id % 3],
            title="",
            body=self.sample(15, 120),
            tags=tags,
            category_id=category,
            author=f"member{self._random.randint(1, 2000)}",
            access=access,
            solved=thread_id % 5 < 2,
            created_at=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=37 * number),
        )


def measure(
    index: Index,
    documents: Sequence[Document],
    queries: int,
    commit: Callable[[], None],
) -> dict[str, float]:
    """Figures of one adapter; prints them as they come."""
    found = _indexing(index, documents, commit)
    index.settle()
    corpus = Corpus(seed=11)
    texts = _queries(corpus, queries)
    titles = [corpus.sample(4, 9) for _ in range(queries)]
    found |= _timed("find", [partial(index.find, parse(text), clearance=1, limit=20) for text in texts])
    found |= _timed("similar", [partial(index.similar, text, clearance=1, limit=5) for text in titles])
    found["find_worst_ms"] = max(_hostile(index, corpus))
    found["add_one_ms"] = _adding_one(index, documents[-1], commit)
    print(f"  one post added, then found: {found['add_one_ms']:.1f} ms")
    return {name: round(value, 2) for name, value in found.items()}


def _indexing(index: Index, documents: Sequence[Document], commit: Callable[[], None]) -> dict[str, float]:
    start, processor = time.perf_counter(), time.process_time()
    for first in range(0, len(documents), BATCH):
        index.add(documents[first : first + BATCH])
        commit()
    rate = len(documents) / (time.perf_counter() - start)
    each = (time.process_time() - processor) * 1000 / len(documents)
    print(
        f"  indexed {len(documents):,} documents in batches of {BATCH}: {rate:,.0f}/s, {each:.2f} ms CPU each"
    )
    return {"docs_per_s": rate, "cpu_ms_per_doc": each}


def _queries(corpus: Corpus, count: int) -> list[str]:
    """What people type: mostly one to three words, sometimes a filter or a phrase."""
    choose = random.Random(5)
    shapes = (
        "{0}",
        "{0} {1}",
        "{0} {1}",
        "{0} {1} {2}",
        '"{0} {1}"',
        "{0} is:solved",
        "{0} OR {1}",
        "{0} -{1}",
    )
    return [choose.choice(shapes).format(*corpus.sample(3, 3).split()) for _ in range(count)]


def _timed(name: str, calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    processor = time.process_time()
    spent = sorted(_milliseconds(call) for call in calls)
    each = (time.process_time() - processor) * 1000 / len(calls)
    middle, tail = spent[len(spent) // 2], spent[int(len(spent) * 0.95)]
    print(
        f"  {name}: p50 {middle:.1f} ms, p95 {tail:.1f} ms, worst {spent[-1]:.1f} ms, mean CPU {each:.1f} ms"
    )
    return {f"{name}_p50_ms": middle, f"{name}_p95_ms": tail, f"{name}_cpu_ms": each}


def _hostile(index: Index, corpus: Corpus) -> Iterator[float]:
    for name, shape in _HOSTILE.items():
        query = parse(shape.format(*corpus.words[:17]))
        spent = _milliseconds(partial(index.find, query, clearance=1, limit=20))
        print(f"  {name}: {spent:.1f} ms")
        yield spent


def _adding_one(index: Index, document: Document, commit: Callable[[], None]) -> float:
    def add_and_find() -> None:
        index.add([document])
        commit()
        index.find(parse(document.title), clearance=2, limit=20)

    return sorted(_milliseconds(add_and_find) for _ in range(20))[10]


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def whoosh(documents: Sequence[Document], queries: int) -> dict[str, float]:
    """Figures of Whoosh in a fresh directory."""
    with tempfile.TemporaryDirectory() as directory:
        index = WhooshIndex(Path(directory) / "search")
        index.recover()
        found = measure(index, documents, queries, commit=lambda: None)
        size = sum(file.stat().st_size for file in Path(directory, "search").iterdir())
        index.close()
        opened = WhooshIndex(Path(directory) / "search")
        found["open_ms"] = round(_milliseconds(opened.count), 1)
        found["megabytes"] = round(size / 1e6, 1)
        print(f"  {found['megabytes']} MB on disk, opened in {found['open_ms']} ms")
        return found


def postgres(url: str, documents: Sequence[Document], queries: int) -> dict[str, float]:
    """Figures of PostgreSQL; its search table is dropped and made anew."""
    engine = sa.create_engine(url)
    with Session(engine) as session:
        index = PostgresIndex(lambda: session)
        session.execute(sa.text("DROP TABLE IF EXISTS search_document"))
        index.ensure()
        session.commit()
        return measure(index, documents, queries, commit=session.commit)


def main() -> None:
    """Run what can be run here."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--documents", type=int, default=50_000)
    arguments.add_argument("--queries", type=int, default=300)
    given = arguments.parse_args()
    documents = list(Corpus().documents(given.documents))
    print("Whoosh")
    found = {"documents": given.documents, "whoosh": whoosh(documents, given.queries)}
    if url := os.environ.get("PG_URL"):
        print("PostgreSQL")
        found["postgresql"] = postgres(url, documents, given.queries)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
