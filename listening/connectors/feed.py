"""RSS, Atom and JSON Feed, whichever comes: fetched by the guarded client alone, read into items."""

import hashlib
import io
import json
import re
from calendar import timegm
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

from flask_babel import gettext as _

from core import outgoing
from core.text import plain
from listening.connectors.decoding import decoded
from listening.connectors.item import Item, Unreadable
from listening.connectors.markup import checked_feed

LIMITS: Final = outgoing.Limits(deadline=10.0, max_bytes=4_000_000, redirects=5)
MAX_ENTRIES: Final = 200  # the newest posts of one fetch; the source's note says so when a feed holds more
ACCEPT: Final = (
    "application/rss+xml, application/atom+xml, application/feed+json;q=0.9, application/xml;q=0.8, */*;q=0.5"
)
_MAIL: Final = re.compile(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+")
_LONGEST_WAIT: Final = 86_400  # seconds that a Retry-After is honoured for


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one check brought. `cursor` is stored in the source with the rows; `note` is for its page."""

    items: tuple[Item, ...] = ()
    cursor: dict[str, str] = field(default_factory=dict)
    note: str = ""
    is_unchanged: bool = False


def fetch(url: str, cursor: Mapping[str, Any]) -> Fetched:
    """Ask for what is new since `cursor`. Raises Unreadable, OutgoingRefused or OutgoingFailed."""
    headers = {"Accept": ACCEPT}
    for name, key in (("If-None-Match", "etag"), ("If-Modified-Since", "modified")):
        if cursor.get(key):
            headers[name] = str(cursor[key])
    answer = outgoing.fetch(url, headers=headers, limits=LIMITS)
    if answer.status == 304:
        return Fetched(cursor=dict(cursor), is_unchanged=True)
    if answer.status != 200:
        raise _refusal(answer)
    items, note = read(answer.body, url=answer.url, content_type=answer.headers.get("content-type", ""))
    found = {"etag": answer.headers.get("etag", ""), "modified": answer.headers.get("last-modified", "")}
    return Fetched(items, {key: value[:500] for key, value in found.items() if value}, note)


def _refusal(answer: outgoing.Answer) -> Unreadable:
    words = {
        401: _("The feed asks for a sign-in (401). Only public feeds can be read."),
        403: _("The site refuses to give the feed to us (403)."),
        404: _("There is no feed at this address (404)."),
        410: _("The feed was taken away for good (410)."),
        429: _("The site says that we ask too often (429)."),
    }
    asked = answer.headers.get("retry-after", "").strip()
    wait = min(int(asked[:9]), _LONGEST_WAIT) if asked.isdecimal() else 0
    message = words.get(answer.status) or _("The site answered with status %(status)s.", status=answer.status)
    return Unreadable(message, retry_after=wait)


def read(body: bytes, *, url: str, content_type: str) -> tuple[tuple[Item, ...], str]:
    """The newest items of a feed document, and a note on what was left out. Raises Unreadable."""
    if not body.strip():
        raise Unreadable(_("The feed is empty: the site sent nothing."))
    text = decoded(body, content_type)
    is_json = text.lstrip()[:1] in ("{", "[")
    entries = _json_entries(text, url) if is_json else _xml_entries(checked_feed(text, url), url)
    return tuple(Item(**entry) for entry in entries[:MAX_ENTRIES]), _note(len(entries))


def _note(count: int) -> str:
    if count > MAX_ENTRIES:
        return _("The feed holds %(all)s posts; the newest %(few)s were read.", all=count, few=MAX_ENTRIES)
    return "" if count else _("The feed is in order, but holds no posts at the moment.")


def _told(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that say anything, newest first; those without a time stand at the end, in the feed's order."""
    kept = [entry for entry in entries if entry["html"].strip() or entry["text"].strip()]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(kept, key=lambda entry: entry["published_at"] or oldest, reverse=True)


# --- RSS and Atom ---


def _xml_entries(document: bytes, url: str) -> list[dict[str, Any]]:
    """Plain values of each entry. The document was checked; feedparser neither fetches nor cleans for us."""
    import feedparser

    told = {"content-type": "application/xml; charset=utf-8", "content-location": url}
    found = feedparser.parse(
        io.BytesIO(document), response_headers=told, sanitize_html=False, resolve_relative_uris=False
    )
    whole = _Channel.of(found.feed, url)
    return _told(_entry(entry, whole) for entry in found.entries)


@dataclass(frozen=True, slots=True)
class _Channel:
    """What holds for every entry that does not say otherwise."""

    author_name: str
    author_url: str
    language: str
    base: str

    @classmethod
    def of(cls, feed: Any, url: str) -> "_Channel":
        author = _author(feed)
        name = author["author_name"] or plain(_text(feed.get("title")))
        link = author["author_url"] or _text(feed.get("link"))
        return cls(name, link, _text(feed.get("language")), url)


def _entry(entry: Any, channel: _Channel) -> dict[str, Any]:
    author = _author(entry)
    if not author["author_name"]:
        author = {"author_name": channel.author_name, "author_url": channel.author_url}
    html, text = _content(entry)
    return author | {
        "external_id": _text(entry.get("id")),
        "url": urljoin(channel.base, _text(entry.get("link"))) if entry.get("link") else "",
        "title": plain(_text(entry.get("title"))),
        "html": html,
        "text": text,
        "published_at": _moment(entry.get("published_parsed") or entry.get("updated_parsed")),
        "language": _text(entry.get("language")) or channel.language,
    }


def _content(entry: Any) -> tuple[str, str]:
    """HTML and text of an entry: the longest of its contents, else its summary."""
    parts = [part for part in entry.get("content", ()) if _text(part.get("value")).strip()]
    if entry.get("summary"):
        parts.append(entry.get("summary_detail") or {"value": entry.get("summary"), "type": "text/html"})
    if not parts:
        return "", plain(_text(entry.get("title"))) or _text(entry.get("link"))
    best = max(parts, key=lambda part: len(_text(part.get("value"))))
    value = _text(best.get("value"))
    return ("", value) if best.get("type") == "text/plain" and "<" not in value else (value, "")


def _author(holder: Any) -> dict[str, str]:
    """Name, page and a lasting id. A mail address is private: its digest will know the person again."""
    detail = holder.get("author_detail") or {}
    name, mail = _parted(plain(_text(holder.get("author")) or _text(detail.get("name"))))
    digest = "mail:" + hashlib.sha256(mail.lower().encode()).hexdigest()[:32] if mail else ""
    return {"author_name": name, "author_url": _text(detail.get("href")), "author_external_id": digest}


def _parted(author: str) -> tuple[str, str]:
    """Name and mail address of `bo@mail.example (Bo)`, `Bo <bo@mail.example>` ...; @bo@social is a name."""
    found = None if author.startswith("@") else _MAIL.search(author)
    if found is None:
        return author, ""
    return author.replace(found[0], " ").strip(" <>()[],;\"'"), found[0]


def _moment(parsed: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError):
        return None


def _text(value: Any) -> str:
    """What a document gives where text belongs may be anything."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


# --- JSON Feed ---


def _json_entries(text: str, url: str) -> list[dict[str, Any]]:
    """JSON Feed 1.0 and 1.1 (https://jsonfeed.org)."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(_("The feed begins like JSON, but is broken.")) from None
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org/version/" not in _text(feed.get("version")):
        raise Unreadable(_("This is JSON, but not a JSON Feed (it lacks a version of jsonfeed.org)."))
    return _told(_json_entry(item, feed, url) for item in items if isinstance(item, dict))


def _json_entry(item: dict[str, Any], feed: dict[str, Any], url: str) -> dict[str, Any]:
    author = _json_author(item) or _json_author(feed) or {"author_name": _text(feed.get("title"))}
    link = _text(item.get("url")) or _text(item.get("external_url"))
    text = _text(item.get("content_text")) or _text(item.get("summary"))
    return author | {
        "external_id": _text(item.get("id")),
        "url": urljoin(url, link) if link else "",
        "title": plain(_text(item.get("title"))),
        "html": _text(item.get("content_html")),
        "text": text or plain(_text(item.get("title"))),
        "published_at": _iso(item.get("date_published")) or _iso(item.get("date_modified")),
        "language": _text(item.get("language")) or _text(feed.get("language")),
    }


def _json_author(holder: dict[str, Any]) -> dict[str, str]:
    authors = holder.get("authors")
    first = authors[0] if isinstance(authors, list) and authors else holder.get("author")
    if not isinstance(first, dict) or not _text(first.get("name")):
        return {}
    return {"author_name": _text(first.get("name")), "author_url": _text(first.get("url"))}


def _iso(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
