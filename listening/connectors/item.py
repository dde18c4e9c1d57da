"""The one shape of a post from outside. Whatever a channel sent, an `Item` that exists is clean."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape, unescape
from typing import Final
from urllib.parse import urljoin, urlsplit

from core.errors import Refused
from core.text import plain, render_html

MAX_TEXT: Final = 20_000  # characters of a post's text that are kept
MAX_HTML: Final = 100_000  # longer HTML is kept as text only
MAX_ID: Final = 300
MAX_LINK: Final = 500
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,6})?")
_UNSAFE_IN_LINK: Final = re.compile(r"[\s\"'<>\\^`{|}\x00-\x20\x7f]")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROLS_IN_PROSE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Marks that turn the direction of what follows, or cannot be seen: names and titles may not carry them.
_HIDDEN: Final = re.compile("[\u00ad\u200b\u2028-\u202e\u2060-\u2069\ufeff]")
# Cleaned HTML has one form: lower case, double quotes. A path of the other site is no path of ours.
_OWN_LINK: Final = re.compile(r'<a href="(/[^"]*)"')
_OWN_PICTURE: Final = re.compile(r'<img(?:\s+[a-z]+(?:="[^"]*")?)*\s*/?>')


class Unreadable(Refused):
    """What came cannot be read: the message says what is wrong with it and what to do. Nothing was stored."""

    def __init__(self, message: str, *, retry_after: int = 0, fields: dict[str, str] | None = None) -> None:
        super().__init__(message, fields=fields)
        self.retry_after = retry_after  # seconds that the other side asked us to stay away


@dataclass(frozen=True, slots=True)
class Item:
    """One post: links are http(s) or empty, text and names plain, HTML made safe, lengths bounded.

    Without an `external_id` it gets a lasting one made of link, title and text.
    """

    external_id: str = ""
    url: str = ""
    title: str = ""
    text: str = ""
    html: str = ""
    author_name: str = ""
    author_external_id: str = ""
    author_url: str = ""
    published_at: datetime | None = None
    language: str = ""

    def __post_init__(self) -> None:
        """Clean every value."""
        _set(self, url=safe_link(self.url), author_url=safe_link(self.author_url))
        _set(self, title=line(self.title, 300), author_name=line(self.author_name, 120))
        html, text = _bodies(self.html, self.text, self.url)
        _set(self, html=html, text=text)
        _set(self, author_external_id=_bounded_id(line(self.author_external_id, 2000)))
        _set(self, external_id=_bounded_id(line(self.external_id, 2000)) or _made_id(self))
        _set(self, language=self.language[:10] if _LANGUAGE.fullmatch(self.language[:10]) else "")
        if self.published_at is not None and self.published_at.tzinfo is None:
            _set(self, published_at=self.published_at.replace(tzinfo=UTC))


def _set(item: Item, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(item, name, value)


def line(text: str, limit: int) -> str:
    """One line of plain text: no controls, blanks folded, at most `limit` characters."""
    text = _HIDDEN.sub("", unicodedata.normalize("NFC", text[: limit * 4]))
    return " ".join(_CONTROLS.sub(" ", text).split())[:limit].rstrip()


def prose(text: str, limit: int = MAX_TEXT) -> str:
    """Plain text of many lines, without controls; cut with an ellipsis beyond `limit` characters."""
    text = text[: limit * 2].replace("\r\n", "\n").replace("\r", "\n")
    kept = _CONTROLS_IN_PROSE.sub("", text)
    kept = re.sub(r"\n{3,}", "\n\n", unicodedata.normalize("NFC", kept)).strip()
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def safe_link(link: str) -> str:
    """The link if it is http(s) with a host and fits; empty otherwise."""
    link = link.strip()
    if not link or len(link) > MAX_LINK or _UNSAFE_IN_LINK.search(link):
        return ""
    try:
        parts = urlsplit(link)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return ""
    return link if is_good else ""


def paragraphs(text: str) -> str:
    """Plain text as HTML: a blank line begins a paragraph, every other line end is kept."""
    parts = (part.strip() for part in text.split("\n\n"))
    return "\n".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in parts if part)


def _bodies(html: str, text: str, base: str) -> tuple[str, str]:
    """Safe HTML (or none) and plain text. Very long HTML is not worth its tags."""
    if len(html) > MAX_HTML:
        return "", prose(text or plain(html[: MAX_HTML * 2]))
    safe = _from_elsewhere(render_html(html).html, base) if html.strip() else ""
    shown = plain(safe)
    if not shown:
        return "", prose(text)
    return safe, prose(text or shown)


def _from_elsewhere(html: str, base: str) -> str:
    """Paths in a foreign post lead to the foreign site, or nowhere; never to a page or file of ours."""

    def lead(match: re.Match[str]) -> str:
        link = safe_link(urljoin(base, unescape(match[1]))) if base else ""
        return f'<a href="{escape(link)}"' if link else "<a"

    return _OWN_LINK.sub(lead, _OWN_PICTURE.sub("", html))


def _bounded_id(text: str) -> str:
    if len(text) <= MAX_ID:
        return text
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _made_id(item: Item) -> str:
    told = "\n".join((item.url, item.title, item.text)).encode()
    return "made:" + hashlib.sha256(told).hexdigest()[:40]
