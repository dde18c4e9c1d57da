"""What the attributes of a dump's rows mean here. Each function gives one staged row or raises BadRow."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import Any, Final

from core import text
from core.forms import one_line, web_address
from forum.forms import MOST_TAGS, TAG_LENGTH

QUESTION, ANSWER, WIKI, EXCERPT = 1, 2, 5, 4
POST_TYPES: Final = {
    3: "orphaned tag wiki",
    6: "election nomination",
    7: "wiki placeholder",
    8: "privilege wiki",
}
ACCEPTED, UP, DOWN = 1, 2, 3
LINK_TYPES: Final = {1: "linked", 3: "duplicate"}
NOBODY: Final = "nobody"
"""Key of the person who stands for authors that a dump does not name at all."""

LARGEST: Final = 2**53
_NUMBER: Final = re.compile("-?[0-9]{1,16}")
Attributes = Mapping[str, str]
Values = dict[str, Any]


class BadRow(ValueError):
    """Why a row cannot be used, in words."""


def post(row: Attributes) -> Values:
    """A question, an answer, or a tag's wiki. Dates are ISO text in UTC."""
    kind = number(row, "PostTypeId")
    if kind not in (QUESTION, ANSWER, WIKI, EXCERPT):
        raise BadRow(f"posts of type {kind} ({POST_TYPES.get(kind, 'unknown')}) have no place here")
    title = one_line(row["Title"])[:200].strip() if row.get("Title") else ""
    if kind == QUESTION and not title:
        raise BadRow("the question has no title")
    return {
        "id": number(row, "Id"),
        "kind": kind,
        "parent": number(row, "ParentId") if kind == ANSWER else None,
        "author": author_key(row, "OwnerUserId", "OwnerDisplayName"),
        "author_name": _name(row, "OwnerDisplayName"),
        "at": moment(row, "CreationDate"),
        "title": title,
        "body": body(row, "Body"),
        "tags": tags(row.get("Tags", "")),
        "accepted": maybe(row, "AcceptedAnswerId"),
        "closed_at": row.get("ClosedDate") and moment(row, "ClosedDate"),
        "edited_at": row.get("LastEditDate") and moment(row, "LastEditDate"),
        "editor": author_key(row, "LastEditorUserId", ""),
        "views": min(maybe(row, "ViewCount", least=0) or 0, 2**31 - 1),
        "score": maybe(row, "Score", least=-LARGEST),
        "licence": _licence(row.get("ContentLicense", "")),
    }


def comment(row: Attributes) -> Values:
    """A remark on a question or an answer."""
    if not row.get("Text", "").strip():
        raise BadRow("the comment has no text")
    return {
        "id": number(row, "Id"),
        "post": number(row, "PostId"),
        "author": author_key(row, "UserId", "UserDisplayName"),
        "author_name": _name(row, "UserDisplayName"),
        "at": moment(row, "CreationDate"),
        "body": body(row, "Text"),
        "licence": _licence(row.get("ContentLicense", "")),
    }


def user(row: Attributes) -> Values:
    """Somebody who wrote there. The name is text, cut to what a person's may have; no e-mail is taken."""
    return {
        "key": f"user:{number(row, 'Id', least=-LARGEST)}",
        "name": _name(row, "DisplayName"),
        "about": body(row, "AboutMe"),
        "location": one_line(row.get("Location", ""))[:80].strip(),
        "website": web_address(row.get("WebsiteUrl", ""), 200),
        "at": moment(row, "CreationDate"),
    }


def vote(row: Attributes) -> Values:
    """A vote of any kind; `value` is 1, -1, or 0 where it says nothing about quality."""
    kind = number(row, "VoteTypeId")
    return {
        "id": number(row, "Id"),
        "post": number(row, "PostId"),
        "kind": kind,
        "value": {UP: 1, DOWN: -1}.get(kind, 0),
        "at": moment(row, "CreationDate"),
    }


def tag(row: Attributes) -> Values:
    """A topic, with the posts that describe it."""
    name = tag_name(row.get("TagName", ""))
    if not name:
        raise BadRow("the tag has no name")
    return {"name": name, "excerpt": maybe(row, "ExcerptPostId"), "wiki": maybe(row, "WikiPostId")}


def link(row: Attributes) -> Values:
    """One post points at another."""
    kind = number(row, "LinkTypeId")
    if kind not in LINK_TYPES:
        raise BadRow(f"links of type {kind} have no place here")
    return {
        "id": number(row, "Id"),
        "post": number(row, "PostId"),
        "target": number(row, "RelatedPostId"),
        "kind": LINK_TYPES[kind],
        "at": moment(row, "CreationDate"),
    }


# The parts of a row


def number(row: Attributes, name: str, *, least: int = 1) -> int:
    """A whole number of at least `least`. Raises BadRow."""
    value = row.get(name, "")
    if not value:
        raise BadRow(f"{name} is missing")
    if not _NUMBER.fullmatch(value) or not least <= (found := int(value)) <= LARGEST:
        raise BadRow(f"{name} is not a number that can be: {_shown(value)}")
    return found


def maybe(row: Attributes, name: str, *, least: int = 1) -> int | None:
    """The same where it may be missing."""
    return number(row, name, least=least) if row.get(name) else None


def moment(row: Attributes, name: str) -> str:
    """A date as ISO text in UTC, sortable. Raises BadRow."""
    value = row.get(name, "")
    if not value:
        raise BadRow(f"{name} is missing")
    try:
        return _in_utc(value)
    except (ValueError, OverflowError):
        raise BadRow(f"{name} is not a date: {_shown(value)}") from None


@lru_cache(maxsize=5_000)  # votes are dated to the day
def _in_utc(value: str) -> str:
    found = datetime.fromisoformat(value)
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return found.isoformat(timespec="milliseconds") + "+00:00"


def body(row: Attributes, name: str) -> str:
    """A text within the length that can be made safe. Raises BadRow."""
    value = row.get(name, "")
    if len(value) > text.MAX_IMPORT:
        raise BadRow(f"{name} has {len(value):,} characters; {text.MAX_IMPORT:,} are read")
    return value


def author_key(row: Attributes, id_name: str, text_name: str) -> str:
    """Who wrote it: `user:9`, `name:Ana` where an account was removed but its name kept, or NOBODY."""
    if row.get(id_name):
        return f"user:{number(row, id_name, least=-LARGEST)}"
    name = _name(row, text_name)
    return f"name:{_short(name)}" if name else NOBODY


def tags(value: str) -> str:
    """The names in `<a><b>` or `|a|b|`, joined by blanks as a thread holds them: sorted, five at most."""
    names = [tag_name(name) for name in re.split(r"[<>|\s]+", value)]
    return " ".join(sorted(list(dict.fromkeys(filter(None, names)))[:MOST_TAGS]))


@lru_cache(maxsize=10_000)
def tag_name(value: str) -> str:
    """A name in the letters that tags have here; empty when nothing of it is left."""
    lowered = unicodedata.normalize("NFC", one_line(value)).lower()
    name = re.sub(r"[^\w+#.-]|_", "-", lowered)[:TAG_LENGTH].strip("-")
    return name if re.search(r"\w", name) else ""


def _name(row: Attributes, column: str) -> str:
    value = row.get(column, "")
    return one_line(value)[:60].strip() if value else ""


@lru_cache(maxsize=100)
def _licence(value: str) -> str:
    return one_line(value)[:30]


def _short(name: str) -> str:
    return name if len(name) <= 40 else hashlib.sha256(name.encode()).hexdigest()[:32]


def _shown(value: str) -> str:
    return repr(value[:40])


# Comments are written in a few marks of Markdown

_COMMENT: Final = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|\[(?P<words>[^\[\]\n]{1,300})\]\((?P<target>https?://[^\s()<>\"]{1,2000})\)"
    r"|(?P<address>https?://[^\s<>\"`\[\]()*]{0,2000}[^\s<>\"`\[\]()*.,;:!?'])"
    r"|\*\*(?P<strong>[^\s*](?:[^*\n]*[^\s*])?)\*\*"
    r"|\*(?P<em>[^\s*](?:[^*\n]*[^\s*])?)\*"
    r"|(?<!\w)_(?P<line>[^\s_](?:[^_\n]*[^\s_])?)_(?!\w)"
)


def comment_html(source: str) -> str:
    """The HTML of a comment's text, still to be made safe: code, links, strong and emphasis, as it was shown there."""
    pieces: list[str] = []
    at = 0
    for found in _COMMENT.finditer(source):
        pieces += escape(source[at : found.start()]), _marked(found)
        at = found.end()
    pieces.append(escape(source[at:]))
    return "<p>" + "".join(pieces).strip().replace("\n", "<br>") + "</p>"


def _marked(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    inner = escape(found[kind])
    if kind in ("target", "address"):
        words = escape(found["words"]) if kind == "target" else inner
        return f'<a href="{inner}">{words}</a>'
    name = {"code": "code", "strong": "strong"}.get(kind, "em")
    return f"<{name}>{inner}</{name}>"
