"""The query language: what it understands, and that no text can make it fail or grow."""

import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.search import MOST_CHARS, Phrase, Query, highlight, parse
from core.search.grammar import MOST_TELLING_WORDS, MOST_TERMS, Filter, resembling
from core.search.words import MOST_LEXEME_CHARS, fold, label, lexemes

pieces = st.sampled_from(
    re.findall(
        r"\S+",
        """printer "paper jam" - -" OR " tag: tag:x -tag:#y category: category:12 category:x by:@ana is:solved is:
        in:title in: before:2024-01-31 after:2024-02-30 kind:question http://a.b * ? ~ [a TO z] (( a{99999}
        ' \\ :* <-> & | ! \0 ﷺ İ ß 東京 ภาษา हिन्दी e\u0301 \ud800""",
    )
)
texts = st.one_of(st.text(), st.lists(pieces, max_size=40).map(" ".join))


def words(*groups: str) -> tuple[tuple[Phrase, ...], ...]:
    """Groups as the grammar makes them: `a b` is a phrase, `a|b` any of both."""
    return tuple(tuple(Phrase(tuple(p.split())) for p in group.split("|")) for group in groups)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("printer jam", Query(words("printer", "jam"))),
        ("Printers JAMMED", Query(words("printer", "jam"))),
        ('"paper jam"', Query(words("paper jam"))),
        ("“paper jam”", Query(words("paper jam"))),
        ('"paper jam', Query(words("paper jam"))),
        ("wi-fi", Query(words("wi fi"))),
        ("printer OR scanner OR fax ink", Query(words("printer|scanner|fax", "ink"))),
        ('printer OR "paper jam"', Query(words("printer|paper jam"))),
        ("OR printer OR", Query(words("printer"))),
        ("printer or scanner", Query(words("printer", "scanner"))),
        ("scanner the OR printer", Query(words("scanner", "printer"))),
        ("printer -fax", Query(words("printer"), (Phrase(("fax",)),))),
        ('printer -"no ink left"', Query(words("printer"), (Phrase(("ink", "left")),))),
        ("printer OR -fax", Query(words("printer"), (Phrase(("fax",)),))),
        ("tag:WiFi", Query(filters=(Filter("tag", ("wifi",)),))),
        ("tag:a tag:b", Query(filters=(Filter("tag", ("a",)), Filter("tag", ("b",))))),
        ('tag:"two words"', Query(filters=(Filter("tag", ("two words",)),))),
        ("-tag:a -tag:b", Query(filters=(Filter("tag", ("a", "b"), wanted=False),))),
        ("category:012", Query(filters=(Filter("category", ("12",)),))),
        ("category:1 category:2", Query(filters=(Filter("category", ("1", "2")),))),
        ("by:@Ana", Query(filters=(Filter("by", ("ana",)),))),
        (
            "kind:Question -by:ben",
            Query(filters=(Filter("kind", ("question",)), Filter("by", ("ben",), wanted=False))),
        ),
        ("is:solved", Query(solved=True)),
        ("IS:Unsolved", Query(solved=False)),
        ("-is:solved", Query(solved=False)),
        ("in:title printer", Query(words("printer"), in_title=True)),
        ("before:2024-01-31", Query(until=date(2024, 1, 31))),
        ("after:2024-01-31", Query(since=date(2024, 1, 31))),
        ("-before:2024-01-31", Query(since=date(2024, 1, 31))),
        ("after:2024-01-31 after:2024-03-01", Query(since=date(2024, 3, 1))),
        ("before:2024-01-31 before:2024-03-01", Query(until=date(2024, 1, 31))),
        ("résumé straße Ünïcode", Query(words("resum", "strass", "unicod"))),
        ("東京 привет", Query(words("東 京", "привет"))),
        ("printer printers", Query(words("printer"))),
    ],
)
def test_text_is_understood_as(text, query):
    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("category:abc", "categori abc"),
        ("category:99999999999", "categori 99999999999"),
        ("before:yesterday", "befor yesterday"),
        ("before:2024-02-30", "befor 2024 02 30"),
        ("http://example.com/a", "http exampl com"),
        ("is:nice", "nice"),
        ("in:body", "bodi"),
        ("unknown:thing", "unknown thing"),
    ],
)
def test_what_is_not_understood_counts_as_words(text, found):
    assert parse(text) == Query(words(found))


@pytest.mark.parametrize(
    "text", ["", "   ", "-", "--", '""', '"', "OR", "OR OR", "the and of", "***", "[ ]", "(((((", "😀"]
)
def test_nothing_to_look_for_is_an_empty_query(text):
    assert parse(text).is_empty


@pytest.mark.parametrize("text", ["x", "-x", "tag:x", "is:unsolved", "before:2024-01-31", "after:2024-01-31"])
def test_one_wish_is_not_an_empty_query(text):
    assert not parse(text).is_empty


def test_characters_of_engine_syntax_never_reach_a_query():
    query = parse("pri* [a TO z] te?t fuzzy~2 ^boost title:{a TO b} foo:* a&b a|b !c 'x':*A <->")
    assert re.fullmatch(r"[a-z0-9 ]+", " ".join(word for phrase in query.terms for word in phrase.lexemes))


def test_a_long_query_is_cut_and_says_so():
    query = parse("word " * 1000)
    assert query.is_shortened
    assert parse("a" * (MOST_CHARS + 1)).is_shortened
    assert not parse("printer jam" + " " * 500).is_shortened


def test_words_past_the_limit_are_left_out_and_the_query_says_so():
    many = parse(" ".join(f"w{n}" for n in range(MOST_TERMS + 1)))
    assert len(many.groups) == MOST_TERMS
    assert many.is_shortened
    assert not parse(" ".join(f"w{n}" for n in range(MOST_TERMS))).is_shortened


def test_filters_past_the_limit_are_left_out_and_the_query_says_so():
    many = parse(" ".join(f"tag:{n}" for n in range(MOST_TERMS + 1)))
    assert len(many.filters) == MOST_TERMS
    assert many.is_shortened


@given(texts)
@example('"' * 5000)
@example("-" * 5000)
@example("a:" * 5000)
@example("ﷺ" * 5000)
def test_no_text_can_make_a_query_fail_or_grow(text):
    query = parse(text)
    found = [word for phrase in (*query.terms, *query.excluded) for word in phrase.lexemes]
    values = [value for filter_ in query.filters for value in filter_.values]
    assert len(found) + len(values) <= MOST_TERMS
    assert all(phrase.lexemes for phrase in (*query.terms, *query.excluded))
    assert all(0 < len(value) <= MOST_CHARS * 4 for value in values)


@given(texts)
def test_stored_words_hold_no_character_that_an_engine_could_read_as_syntax(text):
    for word in lexemes(text):
        assert 0 < len(word) <= MOST_LEXEME_CHARS
        assert not set(word) & set("\0'\"\\:*&|!<>() \t\r\n")
        word.encode()


@given(texts)
def test_labels_can_be_stored_everywhere(text):
    label(text).encode()
    assert "\0" not in label(text)


@given(texts, texts)
def test_highlighting_keeps_the_text(text, wanted):
    parts = highlight(text, parse(wanted))
    assert "".join(part for part, _ in parts) == text
    assert all(part for part, _ in parts)


@pytest.mark.slow
@given(texts)
def test_every_word_of_a_text_is_marked_when_it_is_asked_for(text):
    query = parse(text)
    if query.groups and not query.is_shortened and not query.excluded:
        assert any(is_asked for _, is_asked in highlight(text, query))


def test_highlighting_marks_other_forms_of_a_word_and_leaves_the_rest():
    parts = highlight("Résumés and <b>printers</b> don't jam", parse("resume printer fax"))
    assert parts == [
        ("Résumés", True),
        (" and <b>", False),
        ("printers", True),
        ("</b> don't jam", False),
    ]


def test_highlighting_marks_a_phrase_only_where_its_words_follow_each_other():
    parts = highlight("Paper tray jam. A paper jam! Paper of the jam.", parse('"paper jam"'))
    assert [part for part, is_asked in parts if is_asked] == ["paper jam", "Paper of the jam"]


def test_highlighting_does_not_mark_what_was_excluded():
    assert highlight("printer and fax", parse("printer -fax")) == [("printer", True), (" and fax", False)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "cafe"),
        ("CAFE\u0301", "café"),
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("ﬁne", "fine"),
        ("ｆｕｌｌ", "full"),
        ("smørrebrød", "smorrebrod"),
        ("Łódź", "lodz"),
        ("ёлка", "елка"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("مُحَمَّد", "محمد"),
    ],
)
def test_spellings_that_readers_take_as_the_same_are_folded_together(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("мой", "мои"), ("はは", "ばば"), ("हिन्दी", "हनद")])
def test_marks_that_make_another_letter_are_kept(one, other):
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user's users", ["user", "user"]),
        ("don’t", ["don"]),
        ("ERR_CONN_RESET 0x80070005", ["err", "conn", "reset", "0x80070005"]),
        ("v3.11", ["v3", "11"]),
        ("l'eau", ["l", "eau"]),
        ("हिन्दी ภาษา", ["हिन्दी", "ภ", "า", "ษ", "า"]),
        ("プリンター", ["プ", "リ", "ン", "タ", "ー"]),
    ],
)
def test_a_text_is_cut_into_words(text, found):
    assert lexemes(text) == found


def test_a_title_being_typed_asks_for_a_third_of_its_rarest_words():
    wanted = resembling("How do I reset the password of my printer when the wireless network is unreachable?")
    assert wanted.lexemes == ("password", "wireless", "printer", "network", "unreach", "reset")
    frequencies = {"printer": 0.9, "reset": 0.1}
    words, needed = wanted.telling(lambda lexeme: frequencies.get(lexeme, 0.0))
    assert (words, needed) == (["password", "wireless", "network", "unreach", "reset", "printer"], 2)
    long = resembling("one two three four five six seven eight nine ten")
    assert len(long.lexemes) == 10
    assert long.telling(len) == (["one", "two", "six", "ten", "four", "five"], 2)


@given(texts)
def test_no_title_can_make_a_resemblance_fail_or_grow(text):
    wanted = resembling(text)
    assert len(wanted.lexemes) <= MOST_TERMS
    telling, needed = wanted.telling(len)
    assert needed <= len(telling) <= MOST_TELLING_WORDS
