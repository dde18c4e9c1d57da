"""Search at scale: one table in the product's own database, written in the transaction of whoever adds.

Words come from our analyser, as for Whoosh, and go into a weighted tsvector (title A, tags B, body C) as they are:
no dictionary, parser or locale of the server has a say, so both engines find the same posts and `unaccent` is not
needed. Words of the thread's title have a vector of their own (D). `pg_trgm`, where the server offers it, lets the
search for similar titles forgive misspellings.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY, TSVECTOR, insert
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable, SetTableComment

from core.search.documents import (
    MOST_HITS,
    Document,
    Hit,
    Part,
    SearchDamaged,
    labels,
    labels_unwanted,
    labels_wanted,
    parts,
)
from core.search.grammar import Phrase, Query, Resemblance, resembling
from core.search.words import VERSION, fold, label

log = logging.getLogger(__name__)

MOST_RANKED = 2_000  # the newest matches; ranking reads every one of them
MOST_ALIKE = 100  # candidates for a similar title, those with the rarest words
MOST_HELD = 6_000  # posts that the words chosen of a title may stand in together
RARE = 0.0005  # taken for the share of posts that hold a word which the server has not counted
MOST_PLACES = 255  # of one word in one post: PostgreSQL keeps no more
MOST_TITLE_CHARS = 200
KEPT_FREQUENCIES = 600.0  # seconds
_WEIGHTS: dict[Part, str] = {"title": "A", "tags": "B", "body": "C", "thread": "D"}
_NO_SUCH_TABLE = "42P01"
_LOCK = 5_914_020  # any number that nothing else in the database locks

_TABLE = sa.Table(
    "search_document",
    sa.MetaData(),  # its own: the table belongs to this adapter, not to the product's migrations
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("thread_id", sa.BigInteger, nullable=False),
    sa.Column("access", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("labels", ARRAY(sa.Text), nullable=False),
    sa.Column("words", TSVECTOR, nullable=False),
    sa.Column("thread_words", TSVECTOR, nullable=False),
    comment=f"words of version {VERSION}",
)
_POST = _TABLE.c
_FOUND = sa.Index(
    "search_document_found",
    _POST.words,
    _POST.thread_words,
    _POST.labels,
    postgresql_using="gin",
    postgresql_with={"gin_pending_list_limit": 512},  # kB; every search reads what waits in this list
)
_NEWEST = sa.Index("search_document_newest", _POST.created_at, _POST.id)
_TITLES = sa.Index(
    "search_document_titles",
    _POST.title,
    postgresql_using="gin",
    postgresql_ops={"title": "gin_trgm_ops"},
    postgresql_with={"gin_pending_list_limit": 64},
)


class PostgresIndex:
    """The index in the table `search_document`. `session` gives the session whose transaction is to be joined;
    nothing here commits."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session
        self._has_letters = False
        self._frequencies = _Frequencies(0.0, {})
        self._frequencies_until = 0.0

    def add(self, docs: Sequence[Document]) -> None:
        """Insert or replace documents by id, all of them or none."""
        newest = {document.id: document for document in docs}
        if not newest:
            return
        statement = insert(_TABLE)
        replaced = {
            column.name: statement.excluded[column.name] for column in _POST if not column.primary_key
        }
        statement = statement.on_conflict_do_update(index_elements=[_POST.id], set_=replaced)
        rows = [
            _row_of(newest[key]) for key in sorted(newest)
        ]  # in order: two adders never wait for each other
        with _reporting():
            self._session().execute(statement, rows)

    def remove(self, ids: Collection[int]) -> None:
        """Forget documents; ids that are not there are passed over."""
        if ids:
            with _reporting():
                self._session().execute(sa.delete(_TABLE).where(_POST.id.in_(sorted(ids))))

    def find(self, query: Query, *, clearance: int, limit: int) -> list[Hit]:
        """The best posts for a query (see `Index.find`)."""
        if query.is_empty or limit < 1:
            return []
        with _reporting():
            return _hits(self._session().execute(_finding(query, clearance, min(limit, MOST_HITS))))

    def similar(
        self, text: str, *, clearance: int, limit: int, kinds: Collection[str] | None = None
    ) -> list[Hit]:
        """Threads that resemble a title (see `Index.similar`), also where words are misspelt if pg_trgm is there."""
        wanted = resembling(text)
        if not wanted.lexemes or limit < 1:
            return []
        with _reporting():
            values = self._asked(wanted) | {"access": clearance, "limit": min(limit, MOST_HITS)}
            values["labels"] = None if kinds is None else [f"kind:{label(kind)}" for kind in kinds]
            hits = _hits(self._session().execute(_HOLDING, values))
            if len(hits) < limit and self._has_trigrams():
                hits += _hits(self._session().execute(_SPELT_LIKE, values))
        best: dict[int, Hit] = {}
        for hit in sorted(hits, key=lambda hit: hit.score, reverse=True):
            best.setdefault(hit.thread_id, hit)
        return list(best.values())[:limit]

    def _asked(self, wanted: Resemblance) -> dict[str, Any]:
        """The rarest words of a title, as few as make a search short, and what each is worth."""
        known = self._frequencies_now()
        words, _needed = wanted.telling(lambda lexeme: known.shares.get(lexeme, RARE))
        shares = [known.shares.get(lexeme, RARE) for lexeme in words]
        together = list(accumulate(share * known.posts for share in shares))
        words = [w for place, w in enumerate(words) if place < 2 or together[place] <= MOST_HELD]
        return {
            "words": [f"'{lexeme}'" for lexeme in words],
            "in_title": [f"'{lexeme}':A" for lexeme in words],
            "worth": [math.log(1 / share) for share in shares[: len(words)]],
            "needed": -(-len(words) // 3),
            "title": wanted.text,
            "most": MOST_ALIKE,
        }

    def _frequencies_now(self) -> "_Frequencies":
        if time.monotonic() > self._frequencies_until:
            found = self._session().execute(_FREQUENCIES).one_or_none()
            shares = dict(zip(found.words, found.shares, strict=False)) if found else {}
            self._frequencies = _Frequencies(found.posts if found else 0.0, shares)
            self._frequencies_until = time.monotonic() + KEPT_FREQUENCIES
        return self._frequencies

    def count(self) -> int:
        """How many documents are indexed."""
        with _reporting():
            return int(self._session().execute(sa.select(sa.func.count()).select_from(_TABLE)).scalar_one())

    def clear(self) -> None:
        """Forget every document."""
        with _reporting():
            self._session().execute(sa.delete(_TABLE))

    def settle(self) -> None:
        """Count words for the planner and for `similar`, and bring the index's waiting list in."""
        with _reporting():
            self._session().execute(sa.text(f"ANALYZE {_TABLE.name}"))
            self._session().execute(sa.text(f"SELECT gin_clean_pending_list('{_FOUND.name}')"))
        self._frequencies_until = 0.0

    def healthy(self) -> bool:
        """Whether the table is there and was filled by this version of the analyser."""
        comment = sa.func.obj_description(sa.func.to_regclass(_TABLE.name), "pg_class")
        return bool(self._session().execute(sa.select(comment)).scalar_one() == _TABLE.comment)

    def recover(self) -> bool:
        """Make a missing or outdated table anew, empty; True if it did."""
        session = self._session()
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        if self.healthy():
            return False
        session.execute(DropTable(_TABLE, if_exists=True))
        self.ensure()
        return True

    def ensure(self) -> None:
        """Make the table, if there is none, and its indexes."""
        session = self._session()
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        session.execute(CreateTable(_TABLE, if_not_exists=True))
        session.execute(SetTableComment(_TABLE))
        for made in (_FOUND, _NEWEST):
            session.execute(CreateIndex(made, if_not_exists=True))
        if self._has_trigrams() or self._install_trigrams():
            session.execute(CreateIndex(_TITLES, if_not_exists=True))

    def claim(self) -> None:
        """Nothing to claim: every process may write."""

    def close(self) -> None:
        """Nothing to let go of: the session belongs to the caller."""

    def _has_trigrams(self) -> bool:
        if not self._has_letters:
            statement = sa.text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')")
            self._has_letters = bool(self._session().execute(statement).scalar_one())
        return self._has_letters

    def _install_trigrams(self) -> bool:
        """Try to add pg_trgm to the database; say so where that is not allowed, and go on without."""
        try:
            with self._session().begin_nested():
                self._session().execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
        except sa.exc.DBAPIError as error:
            log.warning(
                "PostgreSQL's extension pg_trgm could not be created (%s). Search works, but similar titles are "
                "found by whole words only. A database administrator can run: CREATE EXTENSION pg_trgm;",
                str(error.orig).strip(),
            )
            return False
        return True


@contextmanager
def _reporting() -> Iterator[None]:
    """Say that the index is missing where the database says that its table is."""
    try:
        yield
    except sa.exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) == _NO_SUCH_TABLE:
            raise SearchDamaged("The table search_document is missing.") from error
        raise


def _hits(rows: sa.Result[Any]) -> list[Hit]:
    return [Hit(row.id, row.thread_id, float(row.score)) for row in rows]


def _row_of(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "thread_id": document.thread_id,
        "access": document.access,
        "created_at": document.created_at,
        "title": fold(document.title[:MOST_TITLE_CHARS]),
        "labels": labels(document),
    } | _vectors(document)


def _vectors(document: Document) -> dict[str, str]:
    """A document's words, and those of its thread's title, in the written form of a tsvector: words hold no character
    that would need quoting."""
    places: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    number = 0
    for part, found in parts(document):
        number += 1  # a gap, so that no phrase crosses from one part into the next
        for lexeme in found:
            number += 1
            places[part == "thread"].setdefault(lexeme, []).append(f"{number}{_WEIGHTS[part]}")
    return {"words": _written(places[False]), "thread_words": _written(places[True])}


def _written(places: dict[str, list[str]]) -> str:
    return " ".join(f"'{lexeme}':{','.join(here[:MOST_PLACES])}" for lexeme, here in places.items())


def _tsquery(phrases: Sequence[Phrase], *, in_title: bool) -> str:
    """Any of the phrases, in the written form of a tsquery."""
    end = ":A" if in_title else ""
    return " | ".join("(" + " <-> ".join(f"'{lexeme}'{end}" for lexeme in p.lexemes) + ")" for p in phrases)


def _own(phrases: Sequence[Phrase], *, in_title: bool = False) -> sa.ColumnElement[bool]:
    """The post itself holds one of the phrases."""
    return _matches(_POST.words, _tsquery(phrases, in_title=in_title))


def _anywhere(phrases: Sequence[Phrase]) -> sa.ColumnElement[bool]:
    """The post, or its thread's title, holds one of the phrases."""
    return sa.or_(_own(phrases), _matches(_POST.thread_words, _tsquery(phrases, in_title=False)))


def _matches(vector: sa.ColumnElement[Any], tsquery: str) -> sa.ColumnElement[bool]:
    return vector.op("@@", is_comparison=True)(sa.cast(tsquery, TSQUERY))


def _has_label(any_of: Sequence[str]) -> sa.ColumnElement[bool]:
    return _POST.labels.op("&&", is_comparison=True)(sa.cast(list(any_of), ARRAY(sa.Text)))


def _rank(words: sa.ColumnElement[Any], tsquery: str) -> sa.ColumnElement[float]:
    """How well a post answers; 1 divides by the logarithm of its length."""
    weights = sa.cast([0.1, 0.2, 0.4, 1.0], ARRAY(REAL))  # of D, C, B and A
    return sa.func.ts_rank(weights, words, sa.cast(tsquery, TSQUERY), 1)


def _conditions(query: Query) -> Iterator[sa.ColumnElement[bool]]:
    """What a post must fulfil."""
    for group in query.groups:
        yield _anywhere(group) if query.asks_threads else _own(group, in_title=query.in_title)
    if query.terms and query.asks_threads and not query.tells_posts_apart:
        yield _own(query.terms)
    for wanted in labels_wanted(query):
        yield _has_label(wanted)
    if unwanted := labels_unwanted(query):
        yield ~_has_label(unwanted)
    if query.excluded:
        yield ~(_own(query.excluded, in_title=True) if query.in_title else _anywhere(query.excluded))
    if query.since:
        yield _POST.created_at >= _midnight(query.since)
    if query.until:
        yield _POST.created_at < _midnight(query.until)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _finding(query: Query, clearance: int, limit: int) -> sa.Select[Any]:
    """The newest matches, at most MOST_RANKED of them, in the order of their rank."""
    statement = sa.select(_TABLE).where(_POST.access <= clearance, *_conditions(query))
    newest = (_POST.created_at.desc(), _POST.id.desc())
    if not query.groups:
        return (
            statement.with_only_columns(_POST.id, _POST.thread_id, sa.literal(0.0).label("score"))
            .order_by(*newest)
            .limit(limit)
        )
    tsquery = " & ".join(f"({_tsquery(group, in_title=query.in_title)})" for group in query.groups)
    found = statement.order_by(*newest).limit(MOST_RANKED).cte("found").prefix_with("MATERIALIZED")
    words = found.c.words.op("||")(found.c.thread_words) if query.asks_threads else found.c.words
    score = _rank(words, tsquery).label("score")
    order = (score.desc(), found.c.created_at.desc(), found.c.id.desc())
    return sa.select(found.c.id, found.c.thread_id, score).order_by(*order).limit(limit)


class _Frequencies(NamedTuple):
    """How many posts there are, and in what share of them the most frequent words stand, as the server has counted."""

    posts: float
    shares: dict[str, float]


_FREQUENCIES = sa.text(
    """
    SELECT reltuples AS posts, most_common_elems::text::text[] AS words, most_common_elem_freqs AS shares
    FROM pg_stats JOIN pg_class ON pg_class.oid = to_regclass('search_document')
    WHERE schemaname = current_schema() AND tablename = 'search_document' AND attname = 'words'
    AND most_common_elems IS NOT NULL
    """
)
# The best post of each thread among posts that are `held` with a score for the words in them: words of its own title
# count twice, and the spelling of the whole title counts too where it can be compared.
_ALIKE = """
    WITH word AS (
        SELECT * FROM unnest(CAST(:words AS tsquery[]), CAST(:in_title AS tsquery[]), CAST(:worth AS float[]))
            AS one (query, in_title, worth)
    ), held AS MATERIALIZED (
        {held}
    ), ranked AS (
        SELECT post.id, post.thread_id, post.created_at, held.score {likeness}
            + coalesce((SELECT sum(worth) FROM word WHERE post.words @@ word.in_title), 0) AS score
        FROM held JOIN search_document AS post ON post.id = held.id
    ), best AS (
        SELECT DISTINCT ON (thread_id) * FROM ranked ORDER BY thread_id, score DESC, created_at DESC, id DESC
    )
    SELECT * FROM best ORDER BY score DESC, created_at DESC, id DESC LIMIT :limit
"""
_VISIBLE = "access <= :access AND (CAST(:labels AS text[]) IS NULL OR labels && CAST(:labels AS text[]))"
# OFFSET 0 keeps the planner from reading the whole table once and comparing it with every word.
_HELD = f"""
    SELECT post.id, sum(word.worth) AS score FROM word CROSS JOIN LATERAL (
        SELECT id FROM search_document WHERE words @@ word.query AND {_VISIBLE} OFFSET 0
    ) AS post GROUP BY post.id HAVING count(*) >= :needed ORDER BY score DESC, post.id DESC LIMIT :most
"""  # noqa: S608 - put together from constants
_SPELT = f"""
    SELECT id, 0.0 AS score FROM search_document WHERE title % :title AND {_VISIBLE}
    ORDER BY similarity(title, :title) DESC, id DESC LIMIT :most
"""  # noqa: S608
_HOLDING = sa.text(_ALIKE.format(held=_HELD, likeness=""))
_SPELT_LIKE = sa.text(_ALIKE.format(held=_SPELT, likeness="+ similarity(post.title, :title) * 3"))
