"""What every search engine must do, on Whoosh and on PostgreSQL alike, and what each of them does by itself."""

import fcntl
import logging
import os
import random
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from core import search
from core.config import SettingError, Settings
from core.db import writing
from core.search import Document, Index, Phrase, Query, SearchDamaged, parse, whoosh_writing
from core.search.documents import labels, labels_unwanted, labels_wanted, parts
from core.search.postgres_index import PostgresIndex
from core.search.whoosh_index import MERGED_AT_ONCE, WhooshIndex
from core.search.words import VERSION

ROOT = Path(__file__).resolve().parents[2]
DAY = datetime(2024, 1, 31, 12, tzinfo=UTC)
EVERYBODY, MEMBERS, STAFF = 0, 1, 2
BOTH = [pytest.param("whoosh"), pytest.param("postgresql", marks=pytest.mark.scale)]


def post(number: int, body: str = "", title: str = "", **others: object) -> Document:
    """A post of its own thread, unless told otherwise."""
    plain = Document(
        id=number,
        thread_id=number,
        kind="question",
        title=title,
        body=body,
        tags=(),
        category_id=1,
        author="ana",
        access=EVERYBODY,
        solved=False,
        created_at=DAY + timedelta(minutes=number),
    )
    return replace(plain, **others)  # type: ignore[arg-type]


def found(index: Index, text: str, clearance: int = STAFF, limit: int = 100) -> set[int]:
    return {hit.id for hit in index.find(parse(text), clearance=clearance, limit=limit)}


@contextmanager
def forgotten(url: str) -> Iterator[Session]:
    """A session in a transaction that is forgotten at the end, as if a request had failed."""
    engine = sa.create_engine(url)
    with engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
    engine.dispose()


@contextmanager
def opened(engine: str, folder: Path, url: Callable[[], str]) -> Iterator[Index]:
    """An empty index."""
    if engine == "whoosh":
        made = WhooshIndex(folder / "search")
        assert made.recover()
        yield made
        made.close()
    else:
        with forgotten(url()) as session:
            there = PostgresIndex(lambda: session)
            assert there.recover()
            yield there


@pytest.fixture(params=BOTH)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    """An empty index of each engine."""
    with opened(request.param, tmp_path, lambda: request.getfixturevalue("postgres_url")) as made:
        yield made


@pytest.fixture
def session(postgres_url: str) -> Iterator[Session]:
    """A session on PostgreSQL."""
    with forgotten(postgres_url) as session:
        yield session


# --- the contract: finding ---


def test_words_are_found_in_any_form_case_and_spelling(index):
    index.add([post(1, "The printers jammed in the Café."), post(2, "Another matter.")])
    for text in ("printer", "PRINTER'S", "jams", "jamming", "cafe", "Cafés"):
        assert found(index, text) == {1}, text


def test_all_words_must_be_there_wherever_they_stand(index):
    index.add([post(1, "it jams", "printer", tags=("wifi",)), post(2, "a printer"), post(3, "a jam")])
    assert found(index, "printer jam wifi") == {1}


def test_or_finds_either_and_binds_tighter_than_a_space(index):
    index.add([post(1, "printer ink"), post(2, "scanner ink"), post(3, "printer"), post(4, "ink")])
    assert found(index, "printer OR scanner ink") == {1, 2}


def test_a_phrase_needs_its_words_in_order_and_next_to_each_other(index):
    index.add([post(1, "paper jam"), post(2, "jam paper"), post(3, "paper tray jam"), post(4, "Paper-jams!")])
    assert found(index, '"paper jam"') == {1, 4}


def test_a_phrase_never_crosses_from_one_part_of_a_post_into_the_next(index):
    index.add(
        [
            post(1, "jam", "paper"),
            post(2, "jam", tags=("paper",)),
            post(3, title="paper", tags=("jam",)),
            post(4, tags=("paper", "jam")),
        ]
    )
    assert found(index, '"paper jam"') == set()
    assert found(index, "paper jam") == {1, 2, 3, 4}


def test_a_phrase_may_repeat_a_word(index):
    index.add([post(1, "very very slow"), post(2, "very slow")])
    assert found(index, '"very very slow"') == {1}


def test_excluded_words_and_phrases_are_not_found(index):
    index.add([post(1, "printer fax"), post(2, "printer paper jam"), post(3, "printer jam paper")])
    assert found(index, "printer -fax") == {2, 3}
    assert found(index, 'printer -"paper jam"') == {1, 3}
    assert found(index, "-fax") == {2, 3}


def test_words_can_be_looked_for_in_titles_only(index):
    index.add(
        [post(1, "printer", "jam"), post(2, "jam", "laser printer"), post(3, title="printer", tags=("jam",))]
    )
    assert found(index, "in:title printer") == {2, 3}
    assert found(index, 'in:title "laser printer"') == {2}
    assert found(index, "in:title jam printer") == set()
    assert found(index, "in:title printer -laser") == {3}


def reply(number: int, body: str, thread_title: str, **others: Any) -> Document:
    return post(number, body, thread_title=thread_title, **others)


def test_a_reply_is_found_by_words_of_its_threads_title_beside_its_own(index):
    index.add(
        [
            post(1, "Which one holds?", "Suitcase locks", thread_id=9),
            reply(2, "Take a strap instead.", "Suitcase locks", thread_id=9),
            reply(3, "Take a strap instead.", "Bicycles", thread_id=8),
        ]
    )
    assert found(index, "suitcase strap") == {2}
    assert found(index, '"suitcase locks" strap') == {2}
    assert found(index, '"lock strap"') == set()
    assert found(index, "strap -suitcase") == {3}
    assert found(index, "in:title suitcase") == {1}


def test_words_of_the_title_alone_find_the_thread_once_however_long_it_is(index):
    index.add([post(1, "Which one holds?", "Suitcase locks", thread_id=9)])
    index.add([reply(n, "Me too.", "Suitcase locks", thread_id=9) for n in range(2, 30)])
    assert found(index, "suitcase lock") == {1}


def test_where_posts_are_told_apart_a_reply_is_found_by_the_title_alone(index):
    later = DAY + timedelta(days=3)
    index.add(
        [
            post(1, "Which one holds?", "Suitcase locks", author="ana"),
            reply(2, "Take a strap.", "Suitcase locks", author="ben", created_at=later),
        ]
    )
    assert found(index, "suitcase by:ben") == {2}
    assert found(index, "suitcase -by:ben") == {1}
    assert found(index, "suitcase after:2024-02-01") == {2}


def test_words_of_the_post_count_more_than_those_of_its_threads_title(index):
    index.add(
        [
            reply(1, "It holds well, says my neighbour.", "The suitcase"),
            reply(2, "The suitcase holds well.", "A question"),
        ]
    )
    assert [hit.id for hit in index.find(parse("suitcase holds"), clearance=STAFF, limit=9)] == [2, 1]


def test_a_reply_is_not_similar_to_a_title_for_its_threads_title(index):
    index.add([reply(1, "Take a strap instead.", "Suitcase locks"), post(2, title="Locks for suitcases")])
    assert [hit.id for hit in index.similar("suitcase locks", clearance=STAFF, limit=9)] == [2]


def test_settling_changes_nothing_that_is_found(index):
    index.add([post(n, f"printer number{n}", f"Title {n}") for n in range(1, 40)])
    index.settle()
    assert found(index, "printer") == set(range(1, 40))
    assert [hit.id for hit in index.similar("printer number7", clearance=STAFF, limit=1)] == [7]


def test_filters_narrow_what_is_found(index):
    index.add(
        [
            post(1, "x", tags=("Wi-Fi", "ink"), category_id=12, author="Ana", kind="question", solved=True),
            post(2, "x", tags=("ink",), category_id=2, author="ben", kind="idea"),
            post(3, "x", tags=("inkjet",), category_id=1, author="banana", kind="questions"),
        ]
    )
    assert found(index, "tag:ink") == {1, 2}
    assert found(index, "tag:ink tag:wi-fi x") == {1}
    assert found(index, "category:12") == {1}
    assert found(index, "category:12 category:2") == {1, 2}
    assert found(index, "by:@ana") == {1}
    assert found(index, "kind:question") == {1}
    assert found(index, "is:solved") == {1}
    assert found(index, "is:unsolved") == {2, 3}
    assert found(index, "-tag:ink") == {3}
    assert found(index, "x -category:12 -by:ben") == {3}
    assert found(index, "tag:none") == set()


def test_days_are_those_of_utc_and_after_includes_the_day(index):
    midnight = datetime(2024, 1, 31, tzinfo=UTC)
    index.add(
        [
            post(1, created_at=midnight - timedelta(seconds=1)),
            post(2, created_at=midnight),
            post(3, created_at=midnight + timedelta(days=1)),
        ]
    )
    assert found(index, "before:2024-01-31") == {1}
    assert found(index, "after:2024-01-31") == {2, 3}
    assert found(index, "after:2024-01-31 before:2024-02-01") == {2}
    assert found(index, "after:0001-01-01 before:9999-12-31") == {1, 2, 3}


def test_an_empty_query_finds_nothing(index):
    index.add([post(1, "the printer")])
    for text in ("", "the", "-", "***"):
        assert index.find(parse(text), clearance=STAFF, limit=10) == []


def test_without_words_the_newest_come_first(index):
    index.add([post(n, created_at=DAY + timedelta(days=n % 3)) for n in range(1, 4)])
    assert [hit.id for hit in index.find(parse("is:unsolved"), clearance=STAFF, limit=2)] == [2, 1]


def test_words_of_the_title_count_more_than_words_of_the_body(index):
    index.add([post(1, "It makes noise at night.", "Printer"), post(2, "My printer makes noise at night.")])
    assert [hit.id for hit in index.find(parse("printer"), clearance=STAFF, limit=9)] == [1, 2]


def test_hits_name_post_and_thread_best_first_and_no_more_than_asked_for(index):
    index.add([post(n, "printer " * n, thread_id=n + 100) for n in range(1, 8)])
    hits = index.find(parse("printer"), clearance=STAFF, limit=3)
    assert len(hits) == 3
    assert all(hit.thread_id == hit.id + 100 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert index.find(parse("printer"), clearance=STAFF, limit=0) == []
    assert len(index.find(parse("printer"), clearance=STAFF, limit=10**9)) == 7


@pytest.mark.parametrize(
    ("body", "text", "other"),
    [
        ("Der Drucker spült die Düsen", "düsen", "dose"),
        ("Принтер не печатает", "печатает", "печать"),
        ("הַמַּדְפֶּסֶת לא עובדת", "המדפסת", "מדפסת"),
        ("الطابعة لا تعمل", "الطابعة", "طابعة"),
        ("プリンターが動かない", "動かない", "動く"),
        ("打印机卡纸了", "卡纸", "纸卡"),
        ("เครื่องพิมพ์กระดาษติด", "กระดาษ", "ดาษกระ"),
        ("프린터 용지 걸림", "용지", "종이"),
        ("प्रिंटर काम नहीं", "काम", "कम"),
        ("Yazıcı İSTANBUL'da", "istanbul", "ankara"),
    ],
)
def test_words_of_any_language_match_exactly(index, body, text, other):
    index.add([post(1, body), post(2, "something else")])
    assert found(index, text) == {1}
    assert found(index, f'"{text}"') == {1}
    assert found(index, other) == set()


# --- the contract: who may see what ---


@pytest.mark.parametrize(
    "text", ["secret", '"secret plan"', "plan OR secret", "-nothing", "tag:t", "is:unsolved", "in:title plan"]
)
def test_no_query_finds_what_is_above_the_clearance(index, text):
    index.add(
        [
            post(n, "secret plan", "plan", access=access, tags=("t",))
            for n, access in enumerate((0, 1, 2, 3), 1)
        ]
    )
    assert found(index, text, EVERYBODY) == {1}
    assert found(index, text, MEMBERS) == {1, 2}
    assert found(index, text, STAFF) == {1, 2, 3}
    assert found(index, text, -1) == set()


def test_similar_threads_are_only_those_one_may_see(index):
    index.add([post(n, title="printer jams daily", access=n - 1) for n in (1, 2, 3)])
    for clearance, ids in ((EVERYBODY, {1}), (MEMBERS, {1, 2}), (STAFF, {1, 2, 3})):
        assert {hit.id for hit in index.similar("printer jams", clearance=clearance, limit=9)} == ids


def test_a_post_that_became_private_is_hidden_at_once(index):
    index.add([post(1, "secret plan")])
    index.add([post(1, "secret plan", access=STAFF)])
    assert found(index, "secret", MEMBERS) == set()


# --- the contract: changing ---


def test_adding_again_replaces(index):
    index.add([post(1, "printer", tags=("old",)), post(2, "printer")])
    index.add([post(1, "scanner", tags=("new",), solved=True)])
    assert found(index, "printer") == {2}
    assert found(index, "tag:old") == set()
    assert found(index, "scanner tag:new is:solved") == {1}
    assert index.count() == 2


def test_of_two_forms_in_one_batch_the_last_counts(index):
    index.add([post(1, "first"), post(1, "second")])
    assert (found(index, "first"), found(index, "second"), index.count()) == (set(), {1}, 1)


def test_removed_posts_are_gone_and_unknown_ids_do_no_harm(index):
    index.add([post(1, "printer"), post(2, "printer")])
    index.remove([1, 77])
    index.remove([1])
    index.remove([])
    assert found(index, "printer") == {2}
    assert index.count() == 1
    assert index.similar("printer", clearance=STAFF, limit=9)[0].id == 2


def test_a_removed_post_can_come_back(index):
    index.add([post(1, "printer")])
    index.remove([1])
    index.add([post(1, "printer")])
    assert found(index, "printer") == {1}


def test_clearing_forgets_everything(index):
    index.add([post(1, "printer"), post(2, "printer")])
    index.clear()
    assert (index.count(), found(index, "printer"), index.healthy()) == (0, set(), True)
    index.add([post(3, "printer")])
    assert found(index, "printer") == {3}


def test_adding_nothing_changes_nothing(index):
    index.add([])
    assert index.count() == 0


def test_many_batches_are_all_found(index):
    for batch in range(6):
        index.add([post(batch * 20 + n, f"printer batch{batch}") for n in range(20)])
    index.remove(range(0, 120, 2))
    assert index.count() == 60
    assert found(index, "printer", limit=1000) == set(range(1, 120, 2))
    assert found(index, "batch4") == set(range(81, 100, 2))


def test_a_healthy_index_is_not_made_anew(index):
    index.add([post(1, "printer")])
    assert index.healthy()
    assert not index.recover()
    assert index.count() == 1


# --- the contract: hostile input ---

ODD = [
    "nul\0byte",
    "lone\ud800surrogate",
    "it's \\ \"quoted\" 'x':1A",
    "x" * 5000,
    "ﷺ" * 500,
    "<script>",
    "% _ ' ; --",
]


def test_odd_texts_can_be_stored_and_their_neighbours_found(index):
    index.add(
        [
            post(n, f"{text} printer", text, tags=(text,), author=text, kind=text)
            for n, text in enumerate(ODD, 1)
        ]
    )
    assert found(index, "printer") == set(range(1, len(ODD) + 1))
    assert found(index, "nul") == {1}
    assert found(index, "quoted") == {3}


@pytest.mark.slow
def test_a_huge_post_can_be_stored(index):
    many = " ".join(f"word{n}{'ж' * 50}" for n in range(40_000))
    index.add([post(1, "printer " + many), post(2, "printer " + "again " * 40_000)])
    assert found(index, "printer") == {1, 2}
    assert found(index, f'"word0{"ж" * 50} word1{"ж" * 50}"') == {1}
    assert found(index, "again") == {2}


SHAPES = ("{}", "tag:{}", "by:{}", "kind:{}", "category:{}", "before:{}", '"{}"', "-{}", "-tag:{}")
ATTACKS = (
    "x' OR '1'='1",
    "x'; DROP TABLE search_document; --",
    "' UNION SELECT 1,2,3 --",
    "%' AND 1=1 --",
    "\\'; SELECT pg_sleep(9) --",
    "a' | 'b':* & !c <-> d",
    "}','{",
    "$1 %s %(x)s :x {x}",
    "*" * 200,
    "[a TO z]",
    "((((((((",
    "a{99999}",
    "\0\ud800",
)


def test_no_query_can_break_an_engine(index):
    index.add([post(1, "printer")])
    for attack in ATTACKS:
        for shape in SHAPES:
            found(index, shape.format(attack))
            index.similar(shape.format(attack), clearance=STAFF, limit=5)
    assert found(index, "printer") == {1}


def test_true_and_false_conditions_are_only_words(index):
    index.add([post(1, "printer")])
    assert found(index, "printer' AND '1'='1") == found(index, "printer' AND '1'='2") == set()
    index.add([post(2, "printer and 1=1")])
    assert found(index, "printer' AND '1'='1") == {2}


# --- the contract: the same posts on every engine, shown against a plain reading of every post ---

WORDS = ("printer", "paper", "jam", "ink", "fax", "wifi", "slow")


def some_posts(count: int) -> list[Document]:
    choose = random.Random(3)
    return [
        post(
            number,
            " ".join(choose.choices(WORDS, k=choose.randint(0, 7))),
            (own := choose.random() < 0.6) * " ".join(choose.choices(WORDS, k=choose.randint(0, 3))),
            thread_title=(not own) * " ".join(choose.choices(WORDS, k=choose.randint(0, 3))),
            tags=tuple(set(choose.choices(WORDS, k=choose.randint(0, 2)))),
            category_id=choose.randint(1, 3),
            author=choose.choice(("ana", "ben")),
            kind=choose.choice(("question", "idea")),
            access=choose.choices((0, 1, 2), (6, 2, 1))[0],
            solved=choose.random() < 0.4,
            created_at=DAY + timedelta(days=choose.randint(-3, 3)),
        )
        for number in range(1, count + 1)
    ]


def holds(document: Document, phrase: Phrase, places: Collection[str]) -> bool:
    length = len(phrase.lexemes)
    return any(
        tuple(words[start : start + length]) == phrase.lexemes
        for part, words in parts(document)
        if part in places
        for start in range(len(words))
    )


def answers(document: Document, query: Query, clearance: int) -> bool:
    """The meaning of a query, read off one post."""
    own = set(labels(document))
    places = ["title"] if query.in_title else ["title", "tags", "body", "thread"]
    has = {p: holds(document, p, places) for p in (*query.terms, *query.excluded)}
    itself = [p for p in query.terms if holds(document, p, places[:3])]
    return (
        document.access <= clearance
        and (bool(itself) or not query.terms or query.tells_posts_apart)
        and all(any(has[phrase] for phrase in group) for group in query.groups)
        and not any(has[phrase] for phrase in query.excluded)
        and all(own & set(wanted) for wanted in labels_wanted(query))
        and not own & set(labels_unwanted(query))
        and (query.since is None or document.created_at.date() >= query.since)
        and (query.until is None or document.created_at.date() < query.until)
    )


a_word = st.sampled_from(WORDS)
a_phrase = st.lists(a_word, min_size=2, max_size=3).map(lambda words: f'"{" ".join(words)}"')
a_filter = st.sampled_from(
    (
        "tag:ink",
        "tag:wifi",
        "category:1",
        "category:2",
        "by:ana",
        "kind:idea",
        "is:solved",
        "is:unsolved",
        "in:title",
    )
)
a_day = st.builds(
    "{}:2024-{}".format, st.sampled_from(("before", "after")), st.sampled_from(("01-30", "02-01"))
)
a_wish = st.one_of(a_word, a_word, a_phrase, a_filter, a_day)
a_piece = st.one_of(a_wish, a_wish, a_wish.map("-{}".format), st.just("OR"))
a_query = st.lists(a_piece, min_size=1, max_size=6).map(" ".join)


@pytest.fixture
def documents(index: Index) -> list[Document]:
    """Posts in each engine, brought in by several batches with posts replaced and posts removed."""
    documents = some_posts(120)
    index.add([replace(document, body="printer " * 9, access=EVERYBODY) for document in documents[:50]])
    for first in range(0, 120, 40):
        index.add(documents[first : first + 40])
    index.remove([document.id for document in documents[:10]])
    return documents[10:]


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples * 3 // 2)
@given(text=a_query, clearance=st.integers(0, 2))
def test_every_engine_finds_exactly_the_posts_that_answer(index, documents, text, clearance):
    query = parse(text)
    expected = set() if query.is_empty else {d.id for d in documents if answers(d, query, clearance)}
    assert {hit.id for hit in index.find(query, clearance=clearance, limit=500)} == expected


# --- the contract: similar titles ---


def alike(index: Index, title: str, kinds: Collection[str] | None = None, limit: int = 9) -> list[int]:
    return [hit.thread_id for hit in index.similar(title, clearance=STAFF, limit=limit, kinds=kinds)]


def test_threads_with_words_of_a_title_being_typed_are_similar(index):
    index.add(
        [
            post(1, "It says paper jam but there is no paper.", "Printer reports a paper jam"),
            post(2, "Mine too.", "Cannot connect to the network"),
            post(3, "The printer shows: paper jam. What now?", "Help needed"),
        ]
    )
    assert alike(index, "Why does my printer say paper jam?") == [1, 3]
    assert alike(index, "network connecting") == [2]


def test_a_long_title_is_not_similar_to_all_that_shares_one_of_its_words(index):
    index.add([post(1, "printer"), post(2, "printer driver crashes"), post(3, "driver")])
    assert alike(index, "Windows update: printer driver crashes") == [2]


def test_similar_threads_are_named_once_with_their_best_post(index):
    index.add(
        [
            post(1, "paper jam", thread_id=7),
            post(2, "paper jam", "Paper jam", thread_id=7),
            post(3, "paper jam", thread_id=8),
        ]
    )
    hits = index.similar("paper jam", clearance=STAFF, limit=9)
    assert [(hit.id, hit.thread_id) for hit in hits] == [(2, 7), (3, 8)]
    assert alike(index, "paper jam", limit=1) == [7]


def test_similar_threads_can_be_asked_for_by_kind(index):
    index.add(
        [post(1, "paper jam", kind="idea"), post(2, "paper jam"), post(3, "paper jam", kind="announcement")]
    )
    assert set(alike(index, "paper jam", kinds={"idea", "announcement"})) == {1, 3}
    assert alike(index, "paper jam", kinds=[]) == []


@pytest.mark.parametrize("title", ["", "   ", "the", "?!", "\0"])
def test_nothing_is_similar_to_no_words(index, title):
    index.add([post(1, "the printer")])
    assert alike(index, title) == []


# --- Whoosh ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "search"


@pytest.fixture
def whoosh(folder: Path) -> Iterator[WhooshIndex]:
    made = WhooshIndex(folder)
    made.recover()
    yield made
    made.close()


def elsewhere(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in another process, with the index in `folder` open as `index`."""
    program = f"""
        import os, sys
        from datetime import UTC, datetime
        from pathlib import Path
        from core.search import Document, SearchBusy, whoosh_index
        index = whoosh_index.WhooshIndex(Path({str(folder)!r}))
        def post(number, body):
            day = datetime(2024, 1, 31, tzinfo=UTC)
            return Document(number, number, "question", "", body, (), 1, "ana", 0, False, day)
    """
    code = f"{textwrap.dedent(program)}\n{textwrap.dedent(code)}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], check=False, env=environ, capture_output=True, text=True, timeout=60
    )


def test_a_missing_index_is_noticed_and_made_anew(folder):
    index = WhooshIndex(folder)
    assert not index.healthy()
    with pytest.raises(SearchDamaged):
        found(index, "printer")
    with pytest.raises(SearchDamaged):
        index.add([post(1, "printer")])
    assert not folder.exists()
    assert index.recover()
    assert (index.healthy(), index.count()) == (True, 0)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    path.write_bytes(b"rubbish")


@pytest.mark.parametrize("damage", [flip, cut, overwrite, Path.unlink])
@pytest.mark.parametrize("kind", ["*.seg", "*.toc", "sums.json"])
def test_damage_is_noticed_and_the_index_is_made_anew(whoosh, folder, kind, damage):
    whoosh.add([post(n, "printer jam") for n in range(1, 300)])
    assert whoosh.healthy()
    (victim,) = folder.glob(kind)
    damage(victim)
    assert not whoosh.healthy()
    assert not WhooshIndex(folder).healthy()
    with pytest.raises(SearchDamaged):
        found(WhooshIndex(folder), "printer")
    assert whoosh.recover()
    whoosh.add([post(1, "printer")])
    assert found(whoosh, "printer") == found(WhooshIndex(folder), "printer") == {1}
    assert whoosh.healthy()


def test_damage_does_not_disturb_who_has_the_index_open(whoosh, folder):
    whoosh.add([post(n, "printer jam") for n in range(1, 300)])
    assert len(found(whoosh, "jam", limit=500)) == 299
    (segment,) = folder.glob("*.seg")
    cut(segment)
    assert len(found(whoosh, "printer", limit=500)) == 299


def test_a_vanished_directory_is_noticed(whoosh, folder):
    whoosh.add([post(1, "printer")])
    shutil.rmtree(folder)
    assert not whoosh.healthy()
    assert whoosh.recover()
    assert whoosh.count() == 0


def test_an_index_of_another_version_of_the_analyser_is_made_anew(whoosh, folder):
    sums = folder / "sums.json"
    sums.write_text(sums.read_text().replace(f'"version": {VERSION}', '"version": 0'))
    assert not WhooshIndex(folder).healthy()


def test_the_message_for_people_is_kind_and_the_detail_is_for_the_log(folder):
    with pytest.raises(SearchDamaged) as caught:
        WhooshIndex(folder).count()
    assert str(folder) in str(caught.value)
    assert str(folder) not in caught.value.message
    assert caught.value.status == 503


DYING = {
    "while documents are added": """
        real = whoosh_index.fields_of
        whoosh_index.fields_of = lambda document: real(document) if document.id < 50 else os._exit(9)
    """,
    "before the commit gets its name": """
        real = whoosh_index._CheckedStorage._write_sums
        def write(self, sums):
            real(self, sums)
            os._exit(9)
        whoosh_index._CheckedStorage._write_sums = write
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", [pytest.param(code, id=name) for name, code in DYING.items()])
def test_a_process_killed_in_the_middle_of_a_batch_leaves_the_state_before(whoosh, folder, moment):
    whoosh.add([post(1, "printer"), post(2, "printer")])
    killed = elsewhere(
        textwrap.dedent(moment) + "\nindex.add([post(n, 'scanner') for n in range(2, 99)])", folder
    )
    assert killed.returncode == 9, killed.stderr
    for index in (whoosh, WhooshIndex(folder)):
        assert index.healthy()
        assert (found(index, "printer"), found(index, "scanner")) == ({1, 2}, set())
    whoosh.add([post(2, "scanner")])
    assert (found(whoosh, "printer"), found(whoosh, "scanner")) == ({1}, {2})


def test_an_error_in_the_middle_of_a_batch_leaves_the_state_before(whoosh, folder):
    whoosh.add([post(1, "printer"), post(2, "printer")])
    with pytest.raises(AttributeError):
        whoosh.add([post(1, "scanner"), post(3, "scanner", created_at=None)])
    assert not list(folder.glob("*.tmp"))
    assert (found(whoosh, "printer"), found(whoosh, "scanner")) == ({1, 2}, set())
    whoosh.add([post(3, "scanner")])
    assert found(whoosh, "scanner") == {3}


@pytest.mark.slow
def test_a_second_writing_process_is_refused_and_told_who_writes(whoosh, folder):
    whoosh.add([post(1, "printer")])
    whoosh.claim()
    attempts = """
        print(index.count())
        for attempt in (index.claim, lambda: index.add([post(2, "printer")]), lambda: index.remove([1])):
            try:
                attempt()
            except SearchBusy as busy:
                print(busy)
    """
    can_read, *refusals = elsewhere(attempts, folder).stdout.splitlines()
    assert can_read == "1"
    assert len(refusals) == 3
    assert all(f"Process {os.getpid()} already writes" in refusal for refusal in refusals)
    assert found(whoosh, "printer") == {1}


@pytest.mark.slow
def test_another_process_may_write_once_this_one_has_let_go_and_dying_lets_go_too(whoosh, folder):
    whoosh.claim()
    whoosh.close()
    dead = elsewhere("index.claim(); index.add([post(2, 'printer')]); os._exit(9)", folder)
    assert dead.returncode == 9, dead.stderr
    whoosh.claim()
    whoosh.add([post(1, "printer")])
    assert found(whoosh, "printer") == {1, 2}


def is_locked(folder: Path) -> bool:
    with folder.with_name("search.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_two_indexes_of_one_process_follow_each_other_and_share_its_right_to_write(whoosh, folder):
    other = WhooshIndex(folder)
    whoosh.claim()
    other.claim()
    whoosh.add([post(1, "printer")])
    assert found(other, "printer") == {1}
    other.add([post(2, "printer")])
    assert found(whoosh, "printer") == {1, 2}
    other.close()
    assert is_locked(folder)
    whoosh.close()
    assert not is_locked(folder)


def test_a_writer_waits_for_another_process_that_only_writes_one_batch(whoosh, folder):
    with folder.with_name("search.lock").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        threading.Timer(0.1, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        whoosh.add([post(1, "printer")])
    assert found(whoosh, "printer") == {1}


def test_removing_what_is_not_there_writes_nothing(whoosh, folder):
    whoosh.add([post(1, "printer")])
    before = sorted(file.name for file in folder.iterdir())
    whoosh.remove([2, 3])
    assert sorted(file.name for file in folder.iterdir()) == before


def test_without_a_claim_the_right_to_write_is_held_only_while_writing(whoosh, folder):
    whoosh.add([post(1, "printer")])
    assert not is_locked(folder)


def test_readers_are_never_disturbed_by_the_writer(whoosh):
    whoosh.add([post(n, "printer") for n in range(1, 11)])
    counts: list[int] = []
    problems: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                counts.append(len(found(whoosh, "printer", limit=500)))
        except BaseException as problem:  # a thread's failure must reach the test
            problems.append(problem)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for batch in range(1, 6):
        whoosh.add([post(batch * 10 + n, "printer") for n in range(1, 11)])
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert set(counts) <= set(range(10, 61, 10))


def test_small_segments_are_merged_and_deleted_posts_dropped(whoosh, folder):
    for number in range(1, 20):
        whoosh.add([post(number, f"printer w{number}")])
    assert len(list(folder.glob("*.seg"))) < MERGED_AT_ONCE
    assert found(whoosh, "printer") == set(range(1, 20))
    whoosh.remove(range(1, 19))
    assert len(list(folder.glob("*.seg"))) == 1
    assert found(whoosh, "printer") == {19}


def test_merging_keeps_words_weights_labels_and_order(whoosh):
    documents = some_posts(200)
    at_once = documents[:150]
    whoosh.add(at_once)
    whoosh.remove([document.id for document in documents[:3]])
    asked = ["printer", "paper jam", "in:title ink", "tag:wifi", "by:ana kind:idea slow", '"paper jam"']
    before = [whoosh.find(parse(text), clearance=STAFF, limit=500) for text in asked]
    whoosh.add([post(1000 + n, "unrelated") for n in range(2)])
    whoosh.remove(
        [document.id for document in documents[3:100]]
    )  # more than half: the segment is written anew
    left = {document.id for document in documents[100:150]}
    for text, hits in zip(asked, before, strict=True):
        ids = [hit.id for hit in whoosh.find(parse(text), clearance=STAFF, limit=500)]
        assert set(ids) == {hit.id for hit in hits} & left
    assert whoosh.count() == 52


def test_lists_longer_than_a_block_are_stored_whole(whoosh, monkeypatch):
    monkeypatch.setattr(whoosh_writing, "BLOCK", 16)
    whoosh.add([post(n, "printer " * (n % 3 + 1) + ("fax" if n % 20 == 0 else "")) for n in range(1, 101)])
    assert found(whoosh, "printer", limit=500) == set(range(1, 101))
    assert found(whoosh, "fax") == {20, 40, 60, 80, 100}
    best = whoosh.find(parse("printer"), clearance=STAFF, limit=3)
    assert {hit.id % 3 for hit in best} == {2}


def test_the_index_is_kept_from_other_accounts_of_the_machine(whoosh, folder):
    assert folder.stat().st_mode & 0o077 == 0


# --- PostgreSQL ---


@pytest.fixture
def on_postgres(session: Session) -> PostgresIndex:
    made = PostgresIndex(lambda: session)
    made.recover()
    return made


@pytest.mark.scale
def test_adding_is_part_of_the_callers_transaction(on_postgres, session):
    on_postgres.add([post(1, "printer")])
    with session.begin_nested() as inner:
        on_postgres.add([post(2, "printer")])
        on_postgres.remove([1])
        assert found(on_postgres, "printer") == {2}
        inner.rollback()
    assert found(on_postgres, "printer") == {1}


@pytest.mark.scale
def test_a_missing_table_is_noticed_and_made_anew(on_postgres, session):
    session.execute(sa.text("DROP TABLE search_document"))
    assert not on_postgres.healthy()
    for fails in (
        on_postgres.count,
        lambda: found(on_postgres, "x"),
        lambda: on_postgres.add([post(1)]),
        on_postgres.clear,
    ):
        with pytest.raises(SearchDamaged), session.begin_nested():
            fails()
    assert on_postgres.recover()
    assert (on_postgres.healthy(), on_postgres.count()) == (True, 0)


@pytest.mark.scale
def test_a_table_of_another_version_of_the_analyser_is_made_anew(on_postgres, session):
    on_postgres.add([post(1, "printer")])
    session.execute(sa.text("COMMENT ON TABLE search_document IS 'words of version 0'"))
    assert not on_postgres.healthy()
    assert on_postgres.recover()
    assert on_postgres.count() == 0


@pytest.mark.scale
def test_making_the_table_twice_keeps_what_is_in_it(on_postgres):
    on_postgres.add([post(1, "printer")])
    on_postgres.ensure()
    assert on_postgres.count() == 1


@pytest.mark.scale
def test_misspelt_titles_are_similar_too(on_postgres):
    on_postgres.add([post(1, "x", "Printer configuration wizard"), post(2, "x", "Something else entirely")])
    assert alike(on_postgres, "Printr configuraton wizzard") == [1]


@pytest.mark.scale
def test_misspelt_titles_are_only_found_by_who_may_see_them(on_postgres):
    on_postgres.add([post(1, "x", "Printer configuration wizard", access=STAFF)])
    assert on_postgres.similar("Printr configuraton wizzard", clearance=MEMBERS, limit=5) == []


@pytest.mark.scale
def test_where_the_extension_may_not_be_made_search_says_so_and_goes_on(session, caplog):
    session.execute(sa.text("DROP EXTENSION IF EXISTS pg_trgm CASCADE"))
    session.execute(sa.text("DROP TABLE IF EXISTS search_document"))
    session.execute(sa.text("CREATE ROLE plain_member"))
    session.execute(sa.text("GRANT ALL ON SCHEMA public TO plain_member"))
    session.execute(sa.text("SET LOCAL ROLE plain_member"))
    index = PostgresIndex(lambda: session)
    with caplog.at_level(logging.WARNING):
        index.ensure()
    assert "CREATE EXTENSION pg_trgm" in caplog.text
    index.add([post(1, "Paper jam", "Printer")])
    assert found(index, "paper printer") == {1}
    assert alike(index, "printer paper") == [1]


# --- which engine ---


def chosen(**settings: object) -> object:
    app = Flask("test")
    search.init(app, Settings(**settings))  # type: ignore[arg-type]
    with app.app_context():
        return search.index()


def test_the_database_chooses_the_engine(tmp_path):
    assert isinstance(chosen(database_url="sqlite:///x.db", var_dir=tmp_path), WhooshIndex)
    assert isinstance(chosen(database_url="postgresql+psycopg://x/y"), PostgresIndex)


def test_search_url_overrules_the_database(tmp_path):
    index = chosen(database_url="postgresql+psycopg://x/y", search_url=f"whoosh:{tmp_path / 'elsewhere'}")
    assert isinstance(index, WhooshIndex)
    assert index.recover()
    assert (tmp_path / "elsewhere" / "sums.json").exists()
    assert isinstance(
        chosen(database_url="postgresql+psycopg://x/y", search_url="postgresql:"), PostgresIndex
    )


@pytest.mark.parametrize("url", ["whoosh", "elastic:http://x", "postgresql:", "postgresql://other/db", "x"])
def test_an_address_that_makes_no_sense_is_refused_with_what_to_do(url):
    with pytest.raises(SettingError, match="SEARCH_URL"):
        chosen(database_url="sqlite:///x.db", search_url=url)


@pytest.mark.both
def test_the_app_writes_in_write_transactions_and_searches_in_reading_ones(context):
    with writing():
        search.index().recover()
        search.index().clear()
        search.index().add([post(1, "Paper jam", "Printer", access=MEMBERS), post(2, "Paper")])
        search.index().remove([2])
    assert found(search.index(), "paper printer", MEMBERS) == {1}
    assert found(search.index(), "paper printer", EVERYBODY) == set()
    assert alike(search.index(), "printer") == [1]
    assert (search.index().healthy(), search.index().count()) == (True, 1)


def test_choosing_an_engine_writes_nothing(tmp_path):
    chosen(database_url="sqlite:///x.db", var_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
