"""Turns text into the words that every engine stores: one analyser, so that both engines find the same posts.

Words are folded (case, accents, compatibility forms), short English function words are left out, and words of plain
Latin letters are reduced by the English Porter2 stemmer. Everything else matches exactly, in any language; writing
systems without spaces (Han, kana, Thai, Lao, Khmer, Burmese) give one word per character, and a query for several
characters is a phrase. Bump `VERSION` when any of this changes: an index made by another version counts as damaged.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

with warnings.catch_warnings():  # the package's sources hold escapes that newer Pythons warn about
    warnings.simplefilter("ignore")
    from whoosh.lang.porter2 import stem

VERSION = 2
MOST_LEXEME_CHARS = 64
MOST_RUN_CHARS = 250  # of letters without a gap; the rest of a longer run cannot be searched
MOST_LABEL_CHARS = 100
MOST_TEXT_CHARS = 100_000

# Too frequent in English to tell posts apart. Short on purpose: each one is also a word that cannot be searched.
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be but by do does for from had has have how i if in into is it its my no not of on or
        so that the their then there these they this to was we were when which will with you your""",
    )
)


def _ranges(characters: Iterable[str]) -> str:
    """Characters in order as they are written in a set of a pattern: neighbours as `a-c`."""
    found: list[list[str]] = []
    for character in characters:
        if found and ord(found[-1][-1]) + 1 == ord(character):
            found[-1][1:] = ["-", character]
        else:
            found.append([character])
    return "".join("".join(each) for each in found)


_MARKS = _ranges(chr(c) for c in range(0x300, 0x3100) if unicodedata.category(chr(c)).startswith("M"))
_UNSPACED = (
    "\u0e01-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_LETTER = rf"[^\W_{_UNSPACED}]"
_WORD = re.compile(
    rf"{_LETTER}+(?:[{_MARKS}]+{_LETTER}*)*(?:['\u2019](?i:s|t|d|m|ll|re|ve)(?![^\W_]))?|[^\W_][{_MARKS}]*"
)
_LATIN_MARKS = re.compile("([a-z\u0370-\u03ff])[\u0300-\u036f]+")
_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]+")
_PLAIN = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ı": "i",
        "ħ": "h",
        "ё": "е",
        "ς": "σ",
    }
)
_CLITIC = re.compile("['\u2019].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: how it is stored and where it stood."""

    lexeme: str
    start: int
    end: int


def fold(text: str) -> str:
    """Lower case without accents or compatibility forms: equal for what readers take as the same spelling."""
    if text.isascii():
        return text.lower().replace("\0", "")
    text = text.encode("utf-8", "ignore").decode().replace("\0", "")
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = _POINTS.sub("", _LATIN_MARKS.sub(r"\1", text))
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def label(text: str) -> str:
    """The compared form of a tag, handle or kind: folded, single spaces, at most MOST_LABEL_CHARS characters."""
    return " ".join(fold(text[: 4 * MOST_LABEL_CHARS]).split())[:MOST_LABEL_CHARS]


def words(text: str) -> Iterator[Word]:
    """The words of `text` in order. One stretch of text may give several words at the same place."""
    for match in _WORD.finditer(text):
        for lexeme in _lexemes(match.group()):
            yield Word(lexeme, match.start(), match.end())


def lexemes(text: str) -> list[str]:
    """The stored forms of the words of `text` in order, of its first MOST_TEXT_CHARS characters."""
    found: list[str] = []
    for raw in _WORD.findall(text[:MOST_TEXT_CHARS]):
        found += _lexemes(raw)
    return found


@lru_cache(maxsize=1 << 15)
def _lexemes(raw: str) -> tuple[str, ...]:
    """Stored forms of one matched stretch: usually one, none for a function word."""
    plain = _CLITIC.sub("", fold(raw[:MOST_RUN_CHARS]))
    return tuple(
        _stemmed(part[:MOST_LEXEME_CHARS]) for part in _WORD.findall(plain) if part not in _STOP_WORDS
    )


def _stemmed(word: str) -> str:
    """Porter2 for plain Latin words; numbers, codes and other alphabets stay as they are."""
    return str(stem(word)) if word.isascii() and word.isalpha() else word
