"""The limits in front of every parser: what is cut, and where, so that no text takes long."""

import re

MAX_SOURCE = 32_000
"""Characters of Markdown a post may have; more is refused with a message."""

MAX_IMPORT = 200_000
"""Characters of imported HTML; more is refused with a message."""

MAX_DEPTH = 24
"""Quotes and lists inside one another; deeper markers stay as text."""

MAX_BRACKETS = 32
"""Open `[` that are remembered; of a longer row the oldest are plain text."""

MAX_BLOCKS = 2_000
"""Paragraphs, items, headings and the like in one post; what follows becomes one last paragraph."""

MAX_RUN = 12
"""Emphasis marks in a row; a longer row is plain text, or half a drawing."""

MAX_EMPHASIS = 600
"""`*`, `_` and `~` in one paragraph that may mean emphasis; the rest is plain text."""

MAX_EMPHASIS_IN_ALL = 4_000
"""The same for a whole post."""

MAX_MENTIONS = 100
"""Mentions in one post; later ones are plain text."""

MAX_COLUMNS = 50
"""Columns of a table; a wider one stays text."""

MAX_CELLS = 1_000
"""Cells of a table, counting those that short rows leave empty; a larger one stays text."""

MAX_EXPANSION = 64_000
"""Characters that reference links may repeat from their definitions in one text."""

STX, ETX = "\x02", "\x03"

_DROPPED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MARK = re.compile(r"[*_~]")
_LONG_RUN = re.compile(rf"([*_~])\1{{{MAX_RUN},}}+")


def normalise(source: str) -> str:
    """The text with `\\n` line ends and without control characters, which parsers use as their own marks."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\ufffd", _DROPPED.sub("", source))


def token(character: str) -> str:
    """A character in the form python-markdown restores at the very end: nothing reads it as markup."""
    if character == "&":
        return f"{STX}amp{ETX}amp;"
    return f"{STX}{ord(character)}{ETX}"


def _plain(marks: re.Match[str]) -> str:
    return "".join(map(token, marks[0]))


def calm_emphasis(text: str, allowed: int) -> tuple[str, int]:
    """The same text with long rows of emphasis marks made plain, and every mark after the first `allowed`;
    with it, how many are left."""
    text = _LONG_RUN.sub(_plain, text)
    marks = text.count("*") + text.count("_") + text.count("~")
    if marks <= allowed:
        return text, marks
    end = 0
    for mark, _ in zip(_MARK.finditer(text), range(allowed), strict=False):
        end = mark.end()
    return text[:end] + _MARK.sub(_plain, text[end:]), allowed
