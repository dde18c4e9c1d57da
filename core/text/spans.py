"""The first, linear pass over the text of one paragraph: code, escapes, entities, raw tags, links.

Each of these binds tighter than emphasis. They are put aside in python-markdown's own forms (stashed HTML,
character tokens) or marked by number, so that its inline patterns see only what is left. Every construct is
read once, from left to right, with possessive patterns: time grows with the length of the text.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from markdown.util import HtmlStash

from core.text import guard
from core.text.references import ENTITY, PUNCTUATION, Target, encode, entity, inline_target, key, label_at
from core.text.rules import Rules

_ATTRIBUTE = r"""[ \t\n]++[A-Za-z_:][\w.:-]*+(?:[ \t\n]*+=[ \t\n]*+(?:[^\s"'=<>`]++|'[^']*+'|"[^"]*+"))?+"""
OPEN_TAG = rf"<([A-Za-z][A-Za-z0-9-]*+)(?:{_ATTRIBUTE}){{0,60}}+[ \t\n]*+/?>"
CLOSE_TAG = r"</([A-Za-z][A-Za-z0-9-]*+)[ \t\n]*+>"

_SPECIAL = re.compile(r"[\\`<&\[\]!\n]")
_TICKS = re.compile(r"`+")
_ESCAPED = re.compile(rf"\\([{PUNCTUATION}])")
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*+)>")
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_AUTOMAIL = re.compile(rf"<([a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]++@{_HOST}(?:\.{_HOST})*)>")
_OPEN_TAG = re.compile(OPEN_TAG, re.A)
_CLOSE_TAG = re.compile(CLOSE_TAG)
_SHORT_COMMENT = re.compile(r"<!--(?:-?>)")
_OPAQUE = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"), ("<!", ">"))
_NAME_START = re.compile(r"[#a-zA-Z0-9]")
_LINK_LIKE = re.compile(r"@|:(?=//)|\.(?<=www\.)", re.I)
_MARKER = re.compile(rf"{guard.STX}/?[LI]\d*{guard.ETX}")


@dataclass(slots=True)
class Page:
    """What the texts of one post share: definitions, numbered targets, and the stash for finished HTML."""

    rules: Rules
    stash: HtmlStash
    definitions: dict[str, Target] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    expansion: int = 0
    emphasis: int = 0

    def define(self, label: str, target: Target) -> None:
        """Remember a definition; of two with one label the first holds."""
        self.definitions.setdefault(key(label), target)

    def refer(self, label: str) -> Target | None:
        """The definition of a label, as long as references have not repeated too much already."""
        target = self.definitions.get(key(label)) if label.strip() else None
        if target is None:
            return None
        self.expansion += len(target.href) + len(target.title or "")
        return target if self.expansion <= guard.MAX_EXPANSION else None

    def calm(self, text: str) -> str:
        """The text with as many emphasis marks as a paragraph, and the post, may still have."""
        allowed = min(guard.MAX_EMPHASIS, guard.MAX_EMPHASIS_IN_ALL - self.emphasis)
        text, marks = guard.calm_emphasis(text, allowed)
        self.emphasis += marks
        return text

    def number(self, target: Target) -> int:
        """The number under which the inline patterns find a target again."""
        self.targets.append(target)
        return len(self.targets) - 1


@dataclass(slots=True)
class _Bracket:
    """An open `[` or `![`: its piece in the output, where its text begins, and whether one follows it."""

    piece: int
    start: int
    image: bool
    holds_bracket: bool = False


class Spans:
    """One reading of one text. `read()` gives the text for the inline patterns."""

    def __init__(self, text: str, page: Page) -> None:
        self.text = text
        self.page = page
        self.at = 0
        self.pieces: list[str] = []
        self.brackets: list[_Bracket] = []
        self.inactive = 0
        self.absent: set[str] = set()
        self.ticks: dict[int, list[int]] | None = None
        self.link_since: int | None = None

    def read(self) -> str:
        """The text with everything but emphasis, bare addresses and mentions resolved."""
        while match := _SPECIAL.search(self.text, self.at):
            self.pieces.append(self.text[self.at : match.start()])
            self.at = match.start()
            _READERS[match[0]](self)
        self.pieces.append(self.text[self.at :])
        return self.page.calm("".join(self.pieces))

    def _literal(self, length: int = 1) -> None:
        self.pieces.append(self.text[self.at : self.at + length])
        self.at += length

    def _put(self, piece: str, end: int) -> None:
        self.pieces.append(piece)
        self.at = end

    def _html(self, html: str, end: int) -> None:
        self._put(self.page.stash.store(html), end)

    # Characters

    def _backslash(self) -> None:
        if match := _ESCAPED.match(self.text, self.at):
            self._put(guard.token(match[1]), match.end())
        elif self.text.startswith("\n", self.at + 1):
            self.at += 1
            self._break()
        else:
            self._literal()

    def _entity(self) -> None:
        if match := ENTITY.match(self.text, self.at):
            self._put("".join(map(guard.token, entity(match))), match.end())
        elif _NAME_START.match(self.text, self.at + 1):
            self._put(guard.token("&"), self.at + 1)
        else:
            self._literal()

    def _newline(self) -> None:
        before = self.pieces[-1]
        self.pieces[-1] = before.rstrip(" ")
        if self.page.rules.line_breaks or len(before) - len(self.pieces[-1]) > 1:
            self._break()
        else:
            self._literal()

    def _break(self) -> None:
        self._html("<br>", self.at)
        self._literal()

    # Code

    def _backticks(self) -> None:
        run = _TICKS.match(self.text, self.at)
        end = run.end() if run else self.at + 1
        closing = self._closing_ticks(end - self.at, end)
        if closing is None:
            self._literal(end - self.at)
            return
        code = self.text[end:closing].replace("\n", " ")
        if code.strip(" ") and code.startswith(" ") and code.endswith(" "):
            code = code[1:-1]
        self._html(f"<code>{escape(code, quote=False)}</code>", closing + end - self.at)

    def _closing_ticks(self, length: int, start: int) -> int | None:
        """Where the next run of exactly `length` backticks begins; all runs are listed once."""
        if self.ticks is None:
            self.ticks = {}
            for run in _TICKS.finditer(self.text):
                self.ticks.setdefault(len(run[0]), []).append(run.start())
        runs = self.ticks.get(length, [])
        index = bisect_left(runs, start)
        return runs[index] if index < len(runs) else None

    # Tags

    def _less_than(self) -> None:
        for read in (self._autolink, self._automail, self._tag, self._opaque):
            if read():
                return
        self._literal()

    def _autolink(self) -> bool:
        match = _AUTOLINK.match(self.text, self.at)
        if match:
            self._anchor(encode(match[1]), match[1], match.end())
        return match is not None

    def _automail(self) -> bool:
        match = _AUTOMAIL.match(self.text, self.at)
        if match:
            self._anchor(f"mailto:{match[1]}", match[1], match.end())
        return match is not None

    def _anchor(self, href: str, text: str, end: int) -> None:
        self._html(f'<a href="{escape(href)}">{escape(text, quote=False)}</a>', end)

    def _tag(self) -> bool:
        match = _OPEN_TAG.match(self.text, self.at) or _CLOSE_TAG.match(self.text, self.at)
        if match is None or not self.page.rules.reads_tag(match[1]):
            return False
        if match[1].lower() == "a":
            self._raw_link(match[0].startswith("</"))
        self._html(match[0], match.end())
        return True

    def _raw_link(self, closing: bool) -> None:
        """Between `<a>` and `</a>` an address or an `@` is only text: there are no links in links."""
        if closing and self.link_since is not None:
            inner = "".join(self.pieces[self.link_since :])
            self.pieces[self.link_since :] = [_LINK_LIKE.sub(lambda found: guard.token(found[0]), inner)]
        self.link_since = None if closing else len(self.pieces)

    def _opaque(self) -> bool:
        """Comments, instructions, declarations and CDATA: kept raw, for the sanitiser to drop."""
        if short := _SHORT_COMMENT.match(self.text, self.at):
            self._html(short[0], short.end())
            return True
        for opening, closing in _OPAQUE:
            if self.text.startswith(opening, self.at):
                return self._closed_by(opening, closing)
        return False

    def _closed_by(self, opening: str, closing: str) -> bool:
        if opening == "<!" and not self.text[self.at + 2 : self.at + 3].isalpha():
            return False
        start = self.at + len(opening)
        end = -1 if closing in self.absent else self.text.find(closing, start)
        if end < 0:
            self.absent.add(closing)
            return False
        self._html(self.text[self.at : end + len(closing)], end + len(closing))
        return True

    # Links and pictures

    def _exclamation(self) -> None:
        if self.text.startswith("[", self.at + 1):
            self._open(image=True)
        else:
            self._literal()

    def _open(self, image: bool = False) -> None:
        if self.brackets:
            self.brackets[-1].holds_bracket = True
        if len(self.brackets) == guard.MAX_BRACKETS:
            del self.brackets[0]
            self.inactive = max(0, self.inactive - 1)
        length = 2 if image else 1
        self.brackets.append(_Bracket(len(self.pieces), self.at + length, image))
        self._literal(length)

    def _close(self) -> None:
        if not self.brackets:
            self._literal()
            return
        bracket = self.brackets.pop()
        inactive = not bracket.image and len(self.brackets) < self.inactive
        self.inactive = min(self.inactive, len(self.brackets))
        found = None if inactive else self._target(bracket)
        if found is None:
            self._literal()
        else:
            self._link(bracket, *found)

    def _target(self, bracket: _Bracket) -> tuple[Target, int] | None:
        """What follows the `]`: a target, a label, or nothing but the text itself as a label."""
        if inline := inline_target(self.text, self.at + 1):
            return inline
        label = label_at(self.text, self.at + 1)
        if label and label[0]:
            target = self.page.refer(label[0])
            return (target, label[1]) if target else None
        text = self.text[bracket.start : self.at]
        if bracket.holds_bracket or len(text) > 999:
            return None
        target = self.page.refer(text)
        return (target, label[1] if label else self.at + 1) if target else None

    def _link(self, bracket: _Bracket, target: Target, end: int) -> None:
        """Put marks around the text. A picture's text becomes plain; a link has no link around it."""
        mark = "I" if bracket.image else "L"
        if bracket.image:
            inner = "".join(self.pieces[bracket.piece + 1 :])
            self.pieces[bracket.piece + 1 :] = [_MARKER.sub("", inner)]
        else:
            self.inactive = len(self.brackets)
        self.pieces[bracket.piece] = f"{guard.STX}{mark}{self.page.number(target)}{guard.ETX}"
        self._put(f"{guard.STX}/{mark}{guard.ETX}", end)


_READERS: dict[str, Callable[[Spans], None]] = {
    "\\": Spans._backslash,
    "`": Spans._backticks,
    "<": Spans._less_than,
    "&": Spans._entity,
    "[": Spans._open,
    "]": Spans._close,
    "!": Spans._exclamation,
    "\n": Spans._newline,
}
