"""The allow-list, held twice: nh3 parses what comes in, bleach parses what nh3 let through.

Both know the same tags, attributes and addresses; nothing else reaches a page. Between them `_tidy` bounds
depth and size, so that bleach is quick, and turns far pictures into links.
"""

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from html import escape, unescape
from typing import Any

import nh3
from bleach.html5lib_shim import Filter  # type: ignore[attr-defined]
from bleach.sanitizer import Cleaner

from core.text import guard

log = logging.getLogger(__name__)

MAX_NESTING = 40
"""Elements inside one another; the tags of deeper ones are dropped, their text stays."""

MAX_ELEMENTS = 2_000
"""Elements of one text; the tags of later ones are dropped, their text stays."""

MAX_TAGS = 6_000
"""Start and end tags that are parsed; later ones are dropped. Parsers take square time over open `<ul>`."""

HEADINGS_DOWN = 2
"""A post's own `h1` stands below the page's and the thread's: it becomes `h3`."""

REL = "nofollow ugc noopener"

_KEPT = """
    a abbr b blockquote br caption cite code dd del details dfn dl dt em h3 h4 h5 h6 hr i img input ins
    kbd li mark ol p pre q s samp small strike strong sub summary sup table tbody td tfoot th thead tr u
    ul var
"""
TAGS = frozenset(_KEPT.split())
"""Every tag that may reach a page."""

_VOID = frozenset(("br", "hr", "img", "input"))
_DROPPED_WHOLE = """
    script style template noscript noembed noframes iframe object embed applet svg math textarea select
    title xmp plaintext head audio video canvas frameset
"""
_HREF = re.compile(r"https?://[^\s/]|mailto:[^\s]|/(?![/\\])", re.I)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OWN_FILE = re.compile(r"/files/[^\\]*\Z")
_FAR_FILE = re.compile(r"https?://[^\s/]", re.I)
_NUMBER = re.compile(r"[0-9]{1,4}\Z")
_VALUES: Mapping[tuple[str, str], re.Pattern[str]] = {
    ("a", "class"): re.compile(r"mention\Z"),
    ("code", "class"): re.compile(r"language-[^\s<>\"'&]{1,40}\Z"),
    ("details", "open"): re.compile(r"(?:open)?\Z"),
    ("img", "height"): _NUMBER,
    ("img", "loading"): re.compile(r"lazy\Z"),
    ("img", "width"): _NUMBER,
    ("input", "checked"): re.compile(r"(?:checked)?\Z"),
    ("input", "disabled"): re.compile(r"(?:disabled)?\Z"),
    ("input", "type"): re.compile(r"checkbox\Z"),
    ("li", "class"): re.compile(r"task-list-item\Z"),
    ("ol", "start"): re.compile(r"[0-9]{1,9}\Z"),
    ("td", "align"): re.compile(r"(?:left|center|right)\Z"),
    ("td", "colspan"): re.compile(r"[0-9]{1,2}\Z"),
    ("td", "rowspan"): re.compile(r"[0-9]{1,2}\Z"),
    ("th", "align"): re.compile(r"(?:left|center|right)\Z"),
    ("th", "colspan"): re.compile(r"[0-9]{1,2}\Z"),
    ("th", "rowspan"): re.compile(r"[0-9]{1,2}\Z"),
    ("ul", "class"): re.compile(r"task-list\Z"),
}
_FREE = frozenset((("a", "title"), ("abbr", "title"), ("img", "alt"), ("img", "title")))


def safe_address(value: str) -> bool:
    """Whether a link may lead there: http, https, mailto, or a path of this site."""
    return bool(_HREF.match(value)) and not _CONTROL.search(value)


def own_file(value: str) -> bool:
    """Whether a picture is one of our own, so that showing it tells nobody who reads."""
    return bool(_OWN_FILE.match(value)) and ".." not in value and not _CONTROL.search(value)


def allows(tag: str, attribute: str, value: str) -> bool:
    """The allow-list: may this tag of a page have this attribute with this value?"""
    if (tag, attribute) == ("a", "href"):
        return safe_address(value)
    if (tag, attribute) == ("a", "rel"):
        return value == REL
    if (tag, attribute) == ("img", "src"):
        return own_file(value)
    pattern = _VALUES.get((tag, attribute))
    return bool(pattern.match(value)) if pattern else (tag, attribute) in _FREE


# The first parser

_FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_AS = "x-plain-"
_AS_FORMATTING = re.compile(rf"<(/?)({_FORMATTING})(?=[\s/>])", re.I)
_BACK = re.compile(rf"(<|&lt;)(/?){_AS}({_FORMATTING})(?=[\s/>]|&gt;)", re.I)
_ANY_TAG = re.compile(r"<[^<>]*+>")
_PLAIN = frozenset(_AS + name for name in _FORMATTING.split("|") if name in TAGS)


def _attributes() -> dict[str, set[str]]:
    named: dict[str, set[str]] = {"a": {"href"}, "img": {"src"}}
    for tag, attribute in (*_VALUES, *_FREE):
        named.setdefault(tag, set()).add(attribute)
    named[f"{_AS}code"] = named["code"]
    return named


def _first_filter(tag: str, attribute: str, value: str) -> str | None:
    value = value.strip()
    if (tag, attribute) == ("img", "src") and _FAR_FILE.match(value):
        return value
    return value if allows(tag.removeprefix(_AS), attribute, value) else None


def _nh3(tags: frozenset[str], **options: Any) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(tags),
        clean_content_tags=set(_DROPPED_WHOLE.split()),
        attributes=_attributes(),
        url_schemes={"http", "https", "mailto"},
        strip_comments=True,
        link_rel=REL,
        **options,
    )


_FIRST = _nh3(TAGS | _PLAIN | {"h1", "h2"}, attribute_filter=_first_filter)
_LAST = _nh3(TAGS, attribute_filter=lambda tag, name, value: value if allows(tag, name, value) else None)


def _first(html: str) -> str:
    """nh3's reading of any HTML.

    The formatting elements go through under plain names, for HTML's rule that re-opens them in every
    following block makes 16 KB into 14 MB (1,000 open `<b x>`, 2,000 `<p>`).
    """
    renamed = _AS_FORMATTING.sub(rf"<\1{_AS}\2", _fewer_tags(html))
    return guard.normalise(_BACK.sub(r"\1\2\3", _FIRST.clean(renamed)))


def _fewer_tags(html: str) -> str:
    if html.count("<") <= MAX_TAGS:
        return html
    *parsed, rest = html.split("<", MAX_TAGS)
    return "<".join(parsed) + _ANY_TAG.sub("", f"<{rest}").replace("<", "&lt;")


# Between the parsers

_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[a-z]+(?:="[^"]*")?)*)\s*/?>')
_ATTRIBUTE = re.compile(r'([a-z]+)(?:="([^"]*)")?')
_MENTION = ' class="mention"'
_EMPTY_PARAGRAPH = re.compile(r"<p>\s*</p>\n?")


class _Tidy:
    """One pass over the well-formed HTML of nh3."""

    def __init__(self, html: str, headings_down: int) -> None:
        self.html = html
        self.headings_down = headings_down
        self.out: list[str] = []
        self.open: list[str] = []  # what closes each open element: its end tag, or nothing if it was dropped
        self.links = 0
        self.elements = 0

    def run(self) -> str:
        at = 0
        for match in _TAG.finditer(self.html):
            self.out.append(self.html[at : match.start()])
            at = match.end()
            if match[1]:
                self._end()
            else:
                self._begin(match[2], match)
        self.out.append(self.html[at:])
        return _EMPTY_PARAGRAPH.sub("", "".join(self.out))

    def _end(self) -> None:
        closing = self.open.pop() if self.open else ""
        self.links -= closing == "</a>"
        self.out.append(closing)

    def _begin(self, name: str, match: re.Match[str]) -> None:
        name, tag = self._renamed(name, match[0])
        if name == "a" and ' href="/' not in tag:
            tag = tag.replace(_MENTION, "")
        self.elements += 1
        fits = len(self.open) < MAX_NESTING and self.elements <= MAX_ELEMENTS
        if name == "img":
            self._picture(match[3], fits)
        elif name in _VOID:
            self.out.append(tag if fits and self._wanted(name, match[3]) else "")
        else:
            wanted = fits and self._wanted(name, match[3])
            self.out.append(tag if wanted else "")
            self.open.append(f"</{name}>" if wanted else "")
            self.links += wanted and name == "a"

    def _renamed(self, name: str, tag: str) -> tuple[str, str]:
        """Headings move down, to `h6` at most and to `h3` at least."""
        if len(name) != 2 or name[0] != "h" or not name[1].isdigit():
            return name, tag
        renamed = f"h{min(6, max(3, int(name[1]) + self.headings_down))}"
        return renamed, tag.replace(name, renamed, 1)

    @staticmethod
    def _wanted(name: str, attributes: str) -> bool:
        """A link must lead somewhere; an input must be the box of a task that nobody can tick."""
        if name == "a":
            return " href=" in attributes
        return name != "input" or (' type="checkbox"' in attributes and " disabled" in attributes)

    def _picture(self, attributes: str, fits: bool) -> None:
        """Our own pictures stay; a far one becomes a link, so that reading a post calls no other server."""
        values = {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
        source, text = values.get("src", ""), values.get("alt", "")
        if fits and own_file(source):
            values = {"src": source, "alt": text, **values, "loading": "lazy"}
            self.out.append("<img" + "".join(f' {k}="{escape(v)}"' for k, v in values.items()) + ">")
        elif fits and source and not self.links:
            shown = escape(text or source, quote=False)
            self.out.append(f'<a href="{escape(source)}" rel="{REL}">{shown}</a>')
        else:
            self.out.append(escape(text, quote=False))


def _tidy(html: str, headings_down: int = 0) -> str:
    return _Tidy(html, headings_down).run()


# The second parser


class _LastWord(Filter):  # type: ignore[misc]
    """What bleach's own list cannot say: a link leads somewhere and has our `rel`, a mention stays on this
    site, a picture is there, an input is a dead check box."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.links: list[bool] = []
        for token in super().__iter__():
            if self._stays(token):
                yield token

    def _stays(self, token: dict[str, Any]) -> bool:
        name = token.get("name")
        if name == "a":
            return self._link(token)
        if name == "input":
            token["data"] |= {(None, "type"): "checkbox", (None, "disabled"): ""}
        return name != "img" or (None, "src") in token["data"]

    def _link(self, token: dict[str, Any]) -> bool:
        if token["type"] == "EndTag":
            return bool(self.links) and self.links.pop()
        values = token["data"]
        values[None, "rel"] = REL
        if not values.get((None, "href"), "").startswith("/"):
            values.pop((None, "class"), None)
        self.links.append((None, "href") in values)
        return self.links[-1]


_threads = threading.local()

# bleach takes 15 microseconds for one entity, so those in texts go through it folded into one character.
# These private characters are never text (`_fold` drops them), and what they become again is escaped:
# wherever it stands, it is text.
_FOLDED = {"&lt;": "\U0010fff0", "&gt;": "\U0010fff1", "&amp;": "\U0010fff2", "&quot;": "\U0010fff3"}
_NOT_TEXT = re.compile(r"[\U0010fff0-\U0010fff3]")
_TAG_OR_ENTITY = re.compile("<[^>]*>|&(?:lt|gt|amp|quot);")
_UNFOLDED = {character: entity for entity, character in _FOLDED.items()}


def _fold(html: str) -> str:
    return _TAG_OR_ENTITY.sub(lambda match: _FOLDED.get(match[0], match[0]), _NOT_TEXT.sub("", html))


def _unfold(html: str) -> str:
    return _NOT_TEXT.sub(lambda match: _UNFOLDED[match[0]], html)


def _bleach() -> Cleaner:
    """This thread's bleach: its parser keeps state."""
    if not hasattr(_threads, "cleaner"):
        _threads.cleaner = Cleaner(
            tags=TAGS,
            attributes=allows,
            protocols={"http", "https", "mailto"},
            strip=True,
            strip_comments=True,
            filters=[_LastWord],
        )
    cleaner: Cleaner = _threads.cleaner
    return cleaner


def _last(html: str) -> str:
    """bleach's reading of tidy HTML."""
    return _unfold(_bleach().clean(_fold(html)))


def _substance(html: str) -> list[object]:
    """The tags with their attributes, and the text between them, whatever the spelling."""
    parts: list[object] = []
    at = 0
    for tag in _TAG.finditer(html):
        values = sorted((name, unescape(value)) for name, value in _ATTRIBUTE.findall(tag[3]))
        parts += unescape(html[at : tag.start()]), tag[1], tag[2], values
        at = tag.end()
    return [*parts, unescape(html[at:])]


def make_safe(html: str, *, headings_down: int = 0) -> str:
    """Any HTML made safe, by both parsers. Where they read it differently, the last one's word stands."""
    once = _tidy(_first(html), headings_down)
    twice = _last(once)
    if once != twice and _substance(once) != _substance(twice):
        log.info("The sanitisers read a text differently; the second one's reading is kept.")
    return twice


def make_safe_fast(html: str, *, headings_down: int = 0) -> str:
    """Any HTML made safe by nh3 alone: for imports, until `make_safe` has seen them."""
    return _LAST.clean(_tidy(_first(html), headings_down))
