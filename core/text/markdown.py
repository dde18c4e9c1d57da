"""From Markdown to HTML: python-markdown with our block reader in front and pymdown-extensions behind.

What comes out is not yet safe to show: `sanitise` is always the next step.
"""

import re
import threading
from collections.abc import Callable, Iterator
from html import escape
from xml.etree.ElementTree import Element, ElementTree, SubElement

from markdown import Markdown
from markdown.blockparser import BlockParser
from markdown.extensions.tables import TableProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.postprocessors import RawHtmlPostprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString
from pymdownx.magiclink import RE_LINK, MagiclinkPattern

from core.text import guard
from core.text.blocks import Block, BlockReader
from core.text.references import unescape
from core.text.rules import HOUSE, MentionLink, Rules, profile_path
from core.text.spans import Page, Spans

HANDLE = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?"
"""What may follow an `@`."""

_MENTION = rf"(?<![\w@/.+-])@({HANDLE})(?!-?\w|@)"
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,30}(?=[^\w]|\Z)")
# pymdown's bare addresses; an ampersand stands in the text as a token by then, and does not end one.
_PATH = r"""[-\w.?,!'(){}\[\]/+&@%$#=:"|~;]*"""
BARE_ADDRESS = RE_LINK.replace(_PATH, f"(?:{_PATH[:-1]}|{guard.token('&')})*")
_SPAN_ENDS = re.compile(rf"{guard.STX}(?!amp{guard.ETX})")
_PLACEHOLDER = re.compile(rf"{guard.STX}wzxhzdk:(\d+){guard.ETX}")
_ANY_TAG = re.compile(r"<[^<>]*>|[<>]")
_OURS = ("backtick", "escape", "reference", "link", "image_link", "image_reference", "short_reference",
         "short_image_ref", "autolink", "automail", "linebreak", "html", "entity")  # fmt: skip
_EXTRAS = ["pymdownx.tilde", "pymdownx.tasklist", "pymdownx.magiclink"]


def _attribute(text: str) -> str:
    """The text in the form the serialiser writes out with every `&` escaped, once."""
    return text.replace("&", guard.token("&"))


class _Marked(InlineProcessor):
    """Turns the marks that `Spans` put around the text of a link or picture into an element."""

    def __init__(self, renderer: "Renderer", mark: str, tag: str, address: str) -> None:
        stx, etx = guard.STX, guard.ETX
        super().__init__(rf"{stx}{mark}(\d+){etx}(.*?){stx}/{mark}{etx}", renderer.markdown)
        self.renderer = renderer
        self.tag = tag
        self.address = address

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[Element, int, int]:
        target = self.renderer.page.targets[int(m[1])]
        element = Element(self.tag, {self.address: _attribute(target.href)})
        if target.title is not None:
            element.set("title", _attribute(target.title))
        element.text = m[2]
        return element, m.start(), m.end()


class _BareAddress(MagiclinkPattern):  # type: ignore[misc]
    """pymdown's bare addresses, ending where a tag, a code span or an escape begins."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[Element | None, int | None, int | None]:
        end = _SPAN_ENDS.search(data, m.end())
        found: tuple[Element | None, int | None, int | None]
        found = super().handleMatch(m, data[: end.start()] if end else data)
        return found


class _Mention(InlineProcessor):
    """`@handle` becomes a link where the hook gives an address for it."""

    ANCESTOR_EXCLUDES = ("a", "img")

    def __init__(self, renderer: "Renderer") -> None:
        super().__init__(_MENTION, renderer.markdown)
        self.renderer = renderer

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[Element | None, int, int]:
        href = self.renderer.address_of(m[1])
        if href is None:
            return None, m.start(), m.end()
        element = Element("a", {"class": "mention", "href": _attribute(href)})
        element.text = AtomicString(m[0])
        return element, m.start(), m.end()


class _PictureTexts(Treeprocessor):
    """Moves what stands in a picture into its `alt`, as plain text."""

    def run(self, root: Element) -> None:
        for picture in root.iter("img"):
            picture.set("alt", _PLACEHOLDER.sub(self._stashed, "".join(_texts(picture))))
            picture.text = None
            for child in list(picture):
                picture.remove(child)

    def _stashed(self, placeholder: re.Match[str]) -> str:
        """The text of code or of an address that was put aside as HTML."""
        return _ANY_TAG.sub("", str(self.md.htmlStash.rawHtmlBlocks[int(placeholder[1])]))


def _texts(element: Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield from _texts(child)
        yield child.tail or ""


class _LineEnds(Treeprocessor):
    """Ends every block with a line end, for people who read the HTML."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if self.md.is_block_level(element.tag):
                element.tail = f"{element.tail or ''}\n"


class _RawBlock(str):
    """A block of raw HTML; unlike a raw tag inside a text it has no paragraph around it."""


class _RawHtml(RawHtmlPostprocessor):
    """Puts stashed HTML back."""

    def stash_to_string(self, text: str) -> str:
        return text

    def isblocklevel(self, html: str) -> bool:
        return isinstance(html, _RawBlock)


class _Tables(TableProcessor):
    """python-markdown's tables, within limits."""

    def fits(self, lines: list[str]) -> bool:
        """Whether the second line rules off a table of bearable size."""
        if len(lines) < 2 or "|" not in lines[1] or "-" not in lines[1] or set(lines[1]) - set("|:- \t"):
            return False
        columns = lines[1].count("|") + 1
        if columns > guard.MAX_COLUMNS or columns * len(lines) > guard.MAX_CELLS:
            return False
        return max(line.count("|") for line in lines) <= 4 * guard.MAX_COLUMNS

    def holds(self, lines: list[str]) -> bool:
        """Whether the lines are a table, all of them within limits."""
        return self.fits(lines) and self.test(Element("p"), "\n".join(lines))


class _Document(BlockParser):
    """Stands in for python-markdown's block parser: reads blocks our way, builds the tree it goes on with."""

    def __init__(self, renderer: "Renderer") -> None:
        super().__init__(renderer.markdown)
        self.renderer = renderer

    def parseDocument(self, lines: list[str]) -> ElementTree:  # type: ignore[override]
        page = self.renderer.page
        ends_well = bool(lines) and not lines[-1]  # the last line end begins no line of its own
        document = BlockReader(page.rules, page.define).read(lines[:-1] if ends_well else lines)
        root = Element(self.md.doc_tag)
        _Builder(page, self.renderer.tables).fill(root, document)
        return ElementTree(root)


class _Builder:
    """Writes blocks as elements, their texts read by `Spans`."""

    def __init__(self, page: Page, tables: _Tables | None) -> None:
        self.page = page
        self.tables = tables

    def fill(self, parent: Element, block: Block, tight: bool = False) -> None:
        """Add all that is in a block to an element; paragraphs of a tight list are bare text."""
        for child in block.children:
            if child.kind == "paragraph":
                self._paragraph(parent, child, tight)
            else:
                _BUILDERS[child.kind](self, parent, child)

    def _text(self, lines: list[str]) -> str:
        return Spans("\n".join(lines).rstrip(" \t"), self.page).read()

    def _append(self, parent: Element, text: str) -> None:
        """Add bare text after everything that is in an element."""
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def _paragraph(self, parent: Element, block: Block, tight: bool) -> None:
        at = self._table_starts(block.lines)
        if at != 0 and tight:
            self._append(parent, self._text(block.lines[:at]))
        elif at != 0:
            SubElement(parent, "p").text = self._text(block.lines[:at])
        if at is not None and self.tables:
            self._table(parent, block.lines[at:])

    def _table_starts(self, lines: list[str]) -> int | None:
        """The line of a paragraph that is the head of a table; None if there is no table in it."""
        if self.tables is None or not any("|" in line for line in lines):
            return None
        for at in range(len(lines) - 1):
            if "|" in lines[at] and self.tables.fits(lines[at : at + 2]):
                table = lines[at:]
                return at if self.tables.holds(table) else None
        return None

    def _table(self, parent: Element, lines: list[str]) -> None:
        if self.tables:
            self.tables.run(parent, ["\n".join(lines)])
            for cell in parent[-1].iter():
                if cell.text:
                    cell.text = Spans(cell.text, self.page).read()

    def _heading(self, parent: Element, block: Block) -> None:
        SubElement(parent, f"h{block.level}").text = self._text(block.lines)

    def _code(self, parent: Element, block: Block) -> None:
        code = SubElement(SubElement(parent, "pre"), "code")
        text = "".join(f"{line}\n" for line in block.lines)
        code.text = AtomicString(escape(text, quote=False))
        language = _LANGUAGE.match(unescape(block.info.split(" ")[0]))
        if language or (block.info and not self.page.rules.extras):
            word = language[0] if language and self.page.rules.extras else unescape(block.info.split()[0])
            code.set("class", _attribute(f"language-{word}"))

    def _html(self, parent: Element, block: Block) -> None:
        raw = self.page.stash.store(_RawBlock("\n".join(block.lines)))
        SubElement(parent, "p").text = AtomicString(raw)

    def _rule(self, parent: Element, block: Block) -> None:
        SubElement(parent, "hr")

    def _quote(self, parent: Element, block: Block) -> None:
        self.fill(SubElement(parent, "blockquote"), block)

    def _list(self, parent: Element, block: Block) -> None:
        ordered = block.marker in ".)"
        element = SubElement(parent, "ol" if ordered else "ul")
        if ordered and block.start != 1:
            element.set("start", str(block.start))
        for item in block.children:
            self.fill(SubElement(element, "li"), item, tight=not block.loose)


_BUILDERS: dict[str, Callable[[_Builder, Element, Block], None]] = {
    "heading": _Builder._heading,
    "code": _Builder._code,
    "html": _Builder._html,
    "rule": _Builder._rule,
    "quote": _Builder._quote,
    "list": _Builder._list,
}


class Renderer:
    """One python-markdown instance under one set of rules. Not thread-safe: see `renderer()`."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.mention: MentionLink = profile_path
        self.mentions = 0
        self.markdown = Markdown(
            output_format="html",
            extensions=["pymdownx.betterem", *(_EXTRAS if rules.extras else ())],
            extension_configs={"pymdownx.tilde": {"subscript": False}},
        )
        self.page = Page(rules, self.markdown.htmlStash)
        self.tables = _Tables(self.markdown.parser, {"use_align_attribute": True}) if rules.extras else None
        self._rearrange()

    def _rearrange(self) -> None:
        """Leave to python-markdown what comes after blocks and spans, in this order."""
        md = self.markdown
        md.parser = _Document(self)
        md.preprocessors.deregister("normalize_whitespace")
        md.preprocessors.deregister("html_block")
        md.treeprocessors.deregister("prettify")
        md.treeprocessors.register(_PictureTexts(md), "picture_texts", 15)
        md.treeprocessors.register(_LineEnds(md), "line_ends", 10)
        md.postprocessors.register(_RawHtml(md), "raw_html", 30)
        for name in _OURS:
            md.inlinePatterns.deregister(name, strict=False)
        md.inlinePatterns.register(_Marked(self, "L", "a", "href"), "link", 160)
        md.inlinePatterns.register(_Marked(self, "I", "img", "src"), "picture", 150)
        if self.rules.extras:
            bare = _BareAddress(BARE_ADDRESS, md)
            bare.config = {"hide_protocol": False}
            md.inlinePatterns.register(bare, "magic-link", 85)
            md.inlinePatterns.register(_Mention(self), "mention", 70)

    def html(self, source: str, mention: MentionLink) -> str:
        """The HTML of a source that `guard.normalise` has cleaned. Not yet safe."""
        self.markdown.reset()
        self.page = Page(self.rules, self.markdown.htmlStash)
        self.mention = mention
        self.mentions = 0
        return self.markdown.convert(source) if source.strip() else ""

    def address_of(self, handle: str) -> str | None:
        """What the hook says about a handle, asked for the first MAX_MENTIONS of a post."""
        self.mentions += 1
        return self.mention(handle) if self.mentions <= guard.MAX_MENTIONS else None


_threads = threading.local()


def renderer(rules: Rules = HOUSE) -> Renderer:
    """This thread's own renderer for these rules, made once."""
    known: dict[Rules, Renderer] = _threads.__dict__.setdefault("renderers", {})
    if rules not in known:
        known[rules] = Renderer(rules)
    return known[rules]


def to_html(source: str, *, rules: Rules = HOUSE, mention: MentionLink = profile_path) -> str:
    """Markdown that `guard.normalise` has cleaned, as HTML not yet safe to show. `mention` is the hook for
    `@handle`."""
    return renderer(rules).html(source, mention)


def find_mentions(source: str) -> tuple[str, ...]:
    """The handles that `to_html` would ask the hook for, in lower case, each once, in order."""
    found: dict[str, None] = {}

    def note(handle: str) -> None:
        found[handle.lower()] = None

    if "@" in source:
        to_html(source, mention=note)
    return tuple(found)
