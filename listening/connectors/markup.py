"""What an XML document is, told by a parser without habits, before a feed parser reads it.

A document that declares entities is refused, so nothing is ever expanded or fetched.
"""

import re
from html import escape
from html.entities import html5
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urljoin
from xml.parsers import expat

from flask_babel import gettext as _

from listening.connectors.item import Unreadable, safe_link

MAX_DEPTH: Final = 100
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30};)")
_OF_XML: Final = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_NO_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PAGE: Final = re.compile(r"<!doctype\s+html|<html[\s>]", re.I)
_FEED_ROOTS: Final = frozenset({"rss", "feed", "rdf"})
_FEED_TYPES: Final = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})


def checked_feed(text: str, url: str) -> bytes:
    """The document as UTF-8 without declaration, fit for a feed parser. Raises Unreadable."""
    text = _ENTITY.sub(_character, _NO_XML.sub("", _DECLARATION.sub("", text, count=1))).lstrip()
    if _PAGE.search(text[:1000]):
        raise _is_page(text, url)
    if not text.startswith("<"):
        raise Unreadable(_("This is not a feed: it is neither XML nor JSON."))
    document = text.encode()
    root = _root(document)
    if root.rpartition(":")[2].lower() not in _FEED_ROOTS:
        raise Unreadable(_("This is XML, but not a feed: it begins with <%(root)s>.", root=root[:60]))
    return document


def _character(match: re.Match[str]) -> str:
    """Names of HTML stand in many feeds although XML does not know them."""
    name = match[1]
    return match[0] if name in _OF_XML or name not in html5 else escape(html5[name], quote=False)


class _Reader:
    """Follows the elements of a document; keeps the name of the first."""

    def __init__(self) -> None:
        self.root = ""
        self.depth = 0

    def begin(self, name: str, _attributes: Any) -> None:
        self.root = self.root or name
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(_("The feed's elements stand more than %(number)s deep.", number=MAX_DEPTH))

    def end(self, _name: str) -> None:
        self.depth -= 1

    def entity(self, *_values: Any) -> None:
        raise Unreadable(_("The feed declares entities of its own (<!ENTITY>). Such feeds are not read."))


def _root(document: bytes) -> str:
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(document, True)
    except expat.ExpatError as problem:
        raise Unreadable(
            _(
                "The feed is broken XML: %(reason)s in line %(line)s. Its publisher must mend it.",
                reason=expat.ErrorString(problem.code),
                line=problem.lineno,
            )
        ) from None
    return reader.root


class _Alternates(HTMLParser):
    """Finds the feeds that a web page names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep `<link rel="alternate" type="application/rss+xml" href="...">`."""
        values = {name: value or "" for name, value in attrs}
        is_feed = "alternate" in values.get("rel", "").lower().split() and values.get("type") in _FEED_TYPES
        if tag == "link" and is_feed:
            self.found.append(values.get("href", ""))


def _is_page(text: str, url: str) -> Unreadable:
    finder = _Alternates()
    finder.feed(text[:200_000])
    feeds = [link for link in (safe_link(urljoin(url, href)) for href in finder.found[:5]) if link]
    if feeds:
        return Unreadable(_("This is a web page, not a feed. It names this feed: %(link)s", link=feeds[0]))
    return Unreadable(_("This is a web page, not a feed. Look there for a link named RSS or Atom."))
