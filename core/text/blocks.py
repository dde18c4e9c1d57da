"""The block structure of a post: quotes, lists, headings, code, read line by line as CommonMark defines it.

Each line first walks down the open blocks it continues, then opens new ones, then gives its rest to the
innermost. The depth of open blocks is bounded, so the whole is linear in the length of the text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from core.text import guard
from core.text.lines import Line
from core.text.references import Target, definition_at
from core.text.rules import Rules
from core.text.spans import CLOSE_TAG, OPEN_TAG

_ATX = re.compile(r"(#{1,6})(?=[ \t]|\Z)")
_FENCE = re.compile(r"(`{3,}+)(?=[^`]*\Z)|(~{3,}+)")
_RULE = re.compile(r"(?:\*[ \t]*+){3,}+\Z|(?:_[ \t]*+){3,}+\Z|(?:-[ \t]*+){3,}+\Z")
_SETEXT = re.compile(r"(?:=++|-++)[ \t]*+\Z")
_BULLET = re.compile(r"([*+-])(?=[ \t]|\Z)")
_NUMBER = re.compile(r"([0-9]{1,9})([.)])(?=[ \t]|\Z)")

_BLOCK_TAGS = """
    address article aside base basefont blockquote body caption center col colgroup dd details dialog
    dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr
    html iframe legend li link main menu menuitem nav noframes ol optgroup option p param search section
    summary table tbody td tfoot th thead title tr track ul
"""
_HTML = (
    (re.compile(r"<(?:script|pre|style|textarea)(?=[\s>]|\Z)", re.I),
     re.compile(r"</(?:script|pre|style|textarea)>", re.I)),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?:{'|'.join(_BLOCK_TAGS.split())})(?=[ \t>]|/>|\Z)", re.I), None),
)  # fmt: skip
_WHOLE_TAG = re.compile(rf"(?:{OPEN_TAG}|{CLOSE_TAG})[ \t]*+\Z", re.A)


@dataclass(slots=True, eq=False)
class Block:
    """One block and what is in it; the fields below `lines` belong to the kinds named beside them."""

    kind: str  # document quote list item paragraph heading code html rule
    parent: "Block | None" = None
    children: list["Block"] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    level: int = 0  # heading
    info: str = ""  # code
    fence: str = ""  # code: the run that opened it; empty for indented code
    indent: int = 0  # item: columns its text is indented by; code: columns of the fence
    marker: str = ""  # list: one of * + - . )
    start: int = 1  # list
    loose: bool = False  # list: a blank line stands between its parts
    line: int = 0  # item: the line it began on
    ends: re.Pattern[str] | None = None  # html: None means a blank line


class BlockReader:
    """Reads lines into blocks; link definitions go to `define`."""

    def __init__(self, rules: Rules, define: Callable[[str, Target], None]) -> None:
        self.rules = rules
        self.define = define
        self.root = Block("document")
        self.open = [self.root]
        self.depth = 0
        self.number = 0
        self.after_blank = False
        self.count = 0

    def read(self, lines: list[str]) -> Block:
        """The document of all lines."""
        for text in lines:
            self.number += 1
            if self.count < guard.MAX_BLOCKS:
                self._take(Line(text))
            else:
                self._take_plainly(text)
        self._cut(0)
        return self.root

    def _take(self, line: Line) -> None:
        if self._continue(line):
            self._start_blocks(line)
            if not line.used:
                self._add(line)
        self.after_blank = line.blank and not line.used and not self._swallows_blank(self.open[-1])

    def _take_plainly(self, text: str) -> None:
        """After too many blocks: the line goes on with one last paragraph."""
        if self.open[-1].parent is not self.root or self.open[-1].kind != "paragraph":
            self._cut(0)
            self.depth = 0
            self._push(Block("paragraph"))
        if text.strip(" \t"):
            self.open[-1].lines.append(text.strip(" \t"))

    def _swallows_blank(self, block: Block) -> bool:
        """Whether a blank line inside this block says nothing about the looseness of the lists around it."""
        fresh_item = block.kind == "item" and not block.children and block.line == self.number
        return block.kind == "quote" or bool(block.fence) or fresh_item

    # Continuing

    def _continue(self, line: Line) -> bool:
        """Set `depth` to the innermost open block that goes on. False if the line is used up by that."""
        self.depth = 0
        for block in self.open[1:]:
            if block.fence and self._closes_fence(block, line):
                self._cut(self.depth)
                line.use_up()
                return False
            if not _GOES_ON[block.kind](block, line):
                break
            self.depth += 1
        return True

    @staticmethod
    def _closes_fence(block: Block, line: Line) -> bool:
        rest = line.trimmed().rstrip(" \t")
        closing = len(rest) >= len(block.fence) and rest == block.fence[0] * len(rest)
        return closing and line.indent < 4

    # Opening

    def _start_blocks(self, line: Line) -> None:
        while self.open[self.depth].kind not in ("code", "html"):
            if line.indent >= 4 or line.blank:
                self._start_indented(line)
                return
            if not self._start(line):
                return

    def _start_indented(self, line: Line) -> None:
        if not line.blank and self.open[-1].kind != "paragraph":
            line.skip(4)
            self._push(Block("code"))

    def _start(self, line: Line) -> bool:
        """Open the block that begins here. False if none does, or if it takes nothing else in."""
        for starter in _STARTERS.get(line.text[line.next], ()):
            block = starter(self, line)
            if block is not None:
                return block.kind in ("quote", "item")
        return False

    def _may_nest(self) -> bool:
        return self.depth < guard.MAX_DEPTH

    def _push(self, block: Block) -> Block:
        """Open a block inside the innermost matched one that can hold it."""
        self.count += 1
        self._cut(self.depth)
        while self.open[-1].kind in ("paragraph", "heading") or (
            self.open[-1].kind == "list" and block.kind != "item"
        ):
            self._close(self.open.pop())
        parent = self.open[-1]
        self._note_looseness(parent)
        block.parent = parent
        parent.children.append(block)
        self.open.append(block)
        self.depth = len(self.open) - 1
        return block

    def _note_looseness(self, parent: Block) -> None:
        if self.after_blank and parent.children:
            owner = parent.parent if parent.kind == "item" and parent.parent else parent
            owner.loose = True

    def _quote(self, line: Line) -> Block | None:
        if not self._may_nest():
            return None
        _take_quote_mark(line)
        return self._push(Block("quote"))

    def _atx(self, line: Line) -> Block | None:
        match = line.match(_ATX)
        if match is None:
            return None
        line.take(len(match[1]))
        text = line.use_up()
        bare = text.rstrip("#")
        text = bare.rstrip(" \t") if not bare or bare[-1] in " \t" else text
        return self._push(Block("heading", lines=[text], level=len(match[1])))

    def _fence(self, line: Line) -> Block | None:
        match = line.match(_FENCE)
        if match is None:
            return None
        block = Block("code", fence=match[0], indent=line.indent)
        line.take(len(match[0]))
        block.info = line.use_up()
        return self._push(block)

    def _html(self, line: Line) -> Block | None:
        for begins, ends in _HTML:
            if line.match(begins):
                return self._push(Block("html", ends=ends))
        interrupts = self.open[-1].kind == "paragraph"
        tag = None if interrupts else line.match(_WHOLE_TAG)
        if tag is None or not self.rules.reads_tag(tag[1] or tag[2]):
            return None
        return self._push(Block("html"))

    def _setext(self, line: Line) -> Block | None:
        paragraph = self.open[self.depth]
        if paragraph.kind != "paragraph" or not line.match(_SETEXT):
            return None
        self._take_definitions(paragraph)
        if not paragraph.lines:
            return None
        paragraph.kind = "heading"
        paragraph.level = 1 if line.text[line.next] == "=" else 2
        line.use_up()
        return paragraph

    def _rule(self, line: Line) -> Block | None:
        if not line.match(_RULE):
            return None
        line.use_up()
        return self._push(Block("rule"))

    def _item(self, line: Line) -> Block | None:
        match = line.match(_BULLET) or line.match(_NUMBER)
        if match is None or not self._may_nest():
            return None
        interrupts = self.open[self.depth].kind == "paragraph"
        if interrupts and not self._may_interrupt(line, match):
            return None
        before = line.indent
        line.take(len(match[0]))
        item = Block("item", indent=before + len(match[0]) + self._padding(line), line=self.number)
        self._list_for(match)
        return self._push(item)

    @staticmethod
    def _may_interrupt(line: Line, marker: re.Match[str]) -> bool:
        """A paragraph is only interrupted by an item with text, and by numbers only from 1."""
        has_text = bool(line.text[marker.end() :].strip(" \t"))
        return has_text and (marker.re is _BULLET or int(marker[1]) == 1)

    @staticmethod
    def _padding(line: Line) -> int:
        """Go over the white space after a marker; returns how many columns of it indent the item."""
        if line.blank:
            return 1
        padding = line.indent if 1 <= line.indent <= 4 else 1
        line.skip(padding)
        return padding

    def _list_for(self, marker: re.Match[str]) -> None:
        """Go on with the open list if the marker fits, or open another one."""
        kind = marker[1] if marker.re is _BULLET else marker[2]
        current = self.open[self.depth]
        if current.kind != "list" or current.marker != kind:
            start = 1 if marker.re is _BULLET else int(marker[1])
            self._push(Block("list", marker=kind, start=start))

    # Text and closing

    def _add(self, line: Line) -> None:
        """Give the rest of the line to the innermost block, or to a paragraph that goes on lazily."""
        tip = self.open[-1]
        if self.depth < len(self.open) - 1 and tip.kind == "paragraph" and not line.blank:
            tip.lines.append(line.trimmed())
            self.depth = len(self.open) - 1
            return
        self._cut(self.depth)
        tip = self.open[-1]
        if tip.kind == "paragraph":
            tip.lines.append(line.trimmed())
        elif tip.kind in ("code", "html"):
            self._add_raw(tip, line)
        elif not line.blank:
            self._push(Block("paragraph", lines=[line.trimmed()]))

    def _add_raw(self, block: Block, line: Line) -> None:
        block.lines.append(line.rest())
        if block.kind == "html" and block.ends and block.ends.search(line.text, line.at):
            self._cut(self.depth - 1)

    def _cut(self, depth: int) -> None:
        """Close every block deeper than `depth`."""
        while len(self.open) - 1 > depth:
            self._close(self.open.pop())

    def _close(self, block: Block) -> None:
        if block.kind == "paragraph":
            self._take_definitions(block)
            if not block.lines and block.parent:
                block.parent.children.pop()  # nothing but definitions: it leaves no trace
        elif block.kind == "code" and not block.fence:
            while block.lines and not block.lines[-1].strip(" \t"):
                block.lines.pop()

    def _take_definitions(self, paragraph: Block) -> None:
        """Take link definitions off the front of a paragraph."""
        if not paragraph.lines or not paragraph.lines[0].startswith("["):
            return
        text = "\n".join(paragraph.lines)
        at = 0
        while found := definition_at(text, at):
            self.define(found[0], found[1])
            at = found[2]
        rest = text[at:]
        paragraph.lines = [line.lstrip(" \t") for line in rest.split("\n")] if rest.strip() else []


def _take_quote_mark(line: Line) -> None:
    line.take(1)
    if line.indent:
        line.skip(1)


def _quote_goes_on(block: Block, line: Line) -> bool:
    if line.indent > 3 or line.text[line.next : line.next + 1] != ">":
        return False
    _take_quote_mark(line)
    return True


def _item_goes_on(block: Block, line: Line) -> bool:
    if line.blank:
        line.skip(line.indent)
        return bool(block.children)
    if line.indent < block.indent:
        return False
    line.skip(block.indent)
    return True


def _code_goes_on(block: Block, line: Line) -> bool:
    if block.fence:
        line.skip(min(block.indent, line.indent))
        return True
    if line.indent < 4 and not line.blank:
        return False
    line.skip(min(4, line.indent))
    return True


def _html_goes_on(block: Block, line: Line) -> bool:
    return not line.blank or block.ends is not None


_GOES_ON: dict[str, Callable[[Block, Line], bool]] = {
    "quote": _quote_goes_on,
    "list": lambda block, line: True,
    "item": _item_goes_on,
    "code": _code_goes_on,
    "html": _html_goes_on,
    "paragraph": lambda block, line: not line.blank,
    "heading": lambda block, line: False,
    "rule": lambda block, line: False,
}

_Starter = Callable[[BlockReader, Line], Block | None]
_STARTERS: dict[str, tuple[_Starter, ...]] = {
    ">": (BlockReader._quote,),
    "#": (BlockReader._atx,),
    "`": (BlockReader._fence,),
    "~": (BlockReader._fence,),
    "<": (BlockReader._html,),
    "=": (BlockReader._setext,),
    "_": (BlockReader._rule,),
    "*": (BlockReader._rule, BlockReader._item),
    "+": (BlockReader._item,),
    "-": (BlockReader._setext, BlockReader._rule, BlockReader._item),
    **dict.fromkeys("0123456789", (BlockReader._item,)),
}
