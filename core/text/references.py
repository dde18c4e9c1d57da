"""Link targets and titles: how CommonMark spells them in `[text](target "title")` and `[label]: target`."""

import re
from html.entities import html5
from typing import NamedTuple
from urllib.parse import quote

MAX_LABEL = 999
MAX_PARENTHESES = 4

ENTITY = re.compile(r"&(?:#[xX]([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-zA-Z][a-zA-Z0-9]{1,31}));")
PUNCTUATION = r"!-/:-@\[-`{-~"

_LABEL = re.compile(r"\[((?:[^\\\[\]]++|\\.|\\)*+)\]", re.S)
_ESCAPES = re.compile(rf"\\([{PUNCTUATION}])|{ENTITY.pattern}")
_SPACE = re.compile(r"[ \t]*\n?[ \t]*")
_ANGLE = re.compile(r"<((?:[^<>\\\n]++|\\.)*+)>")
_BARE = re.compile(rf"[^\\()\x00-\x20\x7f]++|\\[{PUNCTUATION}]|[\\()]")
_TITLE = re.compile(r'"((?:[^"\\]++|\\.)*+)"' r"|'((?:[^'\\]++|\\.)*+)'" r"|\(((?:[^()\\]++|\\.)*+)\)", re.S)
_LINE_END = re.compile(r"[ \t]*(?:\n|\Z)")
_LONE_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")


class Target(NamedTuple):
    """Where a link leads, and its title if it has one; both as plain text."""

    href: str
    title: str | None


def entity(match: re.Match[str]) -> str:
    """The text an entity stands for; itself if there is no such name. Control characters become U+FFFD."""
    hexadecimal, decimal, name = match.groups()[-3:]
    if name:
        return html5.get(f"{name};", match[0])
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    printable = code in (9, 10, 13) or (32 <= code < 0x110000 and not 0xD800 <= code < 0xE000)
    return chr(code) if printable and not 0xFDD0 <= code < 0xFDF0 else "\ufffd"


def unescape(text: str) -> str:
    """The text without backslash escapes and entities, each decoded once."""
    return _ESCAPES.sub(lambda match: match[1] or entity(match), text)


def encode(url: str) -> str:
    """The URL with everything percent-encoded that may not stand in one; what is encoded already stays."""
    return quote(_LONE_PERCENT.sub("%25", url), safe=";/?:@&=+$,-_.!~*'()#%", errors="replace")


def key(label: str) -> str:
    """The form in which two labels are compared."""
    return " ".join(label.split()).casefold()


def label_at(text: str, start: int) -> tuple[str, int] | None:
    """A `[label]` at `start`: its text and where it ends."""
    match = _LABEL.match(text, start)
    if match is None or len(match[1]) > MAX_LABEL:
        return None
    return match[1], match.end()


def _space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _bare(text: str, start: int) -> tuple[str, int] | None:
    """A target without angle brackets: parentheses must balance, and nest a little only."""
    depth = 0
    at = start
    while match := _BARE.match(text, at):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth < 0:
            break
        if depth > MAX_PARENTHESES:
            return None
        at = match.end()
    return None if depth > 0 else (text[start:at], at)


def _destination(text: str, start: int) -> tuple[str, int] | None:
    if text.startswith("<", start):
        match = _ANGLE.match(text, start)
        return (match[1], match.end()) if match else None
    return _bare(text, start)


def _title(text: str, start: int) -> tuple[str | None, int]:
    """The title after white space at `start`, or None and `start` unchanged."""
    at = _space(text, start)
    match = _TITLE.match(text, at) if at > start else None
    if match is None:
        return None, start
    return next(group for group in match.groups() if group is not None), match.end()


def _target(href: str, title: str | None) -> Target:
    return Target(encode(unescape(href)), None if title is None else unescape(title))


def inline_target(text: str, start: int) -> tuple[Target, int] | None:
    """The `(target "title")` that begins at `start`, and where it ends."""
    if not text.startswith("(", start):
        return None
    found = _destination(text, _space(text, start + 1))
    if found is None:
        return None
    href, at = found
    title, at = _title(text, at)
    at = _space(text, at)
    return (_target(href, title), at + 1) if text.startswith(")", at) else None


def definition_at(text: str, start: int) -> tuple[str, Target, int] | None:
    """A `[label]: target "title"` that fills whole lines from `start`: label, target, and where it ends."""
    found = label_at(text, start)
    if found is None or not found[0].strip() or not text.startswith(":", found[1]):
        return None
    at = _space(text, found[1] + 1)
    destination = _destination(text, at)
    if destination is None or destination[1] == at:
        return None
    title, end = _title(text, destination[1])
    line_end = _LINE_END.match(text, end)
    if line_end is None and title is not None:
        title = None
        line_end = _LINE_END.match(text, destination[1])
    if line_end is None:
        return None
    return found[0], _target(destination[0], title), line_end.end()
