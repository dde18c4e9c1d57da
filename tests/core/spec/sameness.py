"""Whether two pieces of HTML say the same, whatever the spelling."""

import re
from html.parser import HTMLParser

_NAMES = """
    p div blockquote ul ol li pre hr br table thead tbody tr td th details summary h1 h2 h3 h4 h5 h6
"""
_BLOCKS = frozenset(_NAMES.split())


class _Parts(HTMLParser):
    """Tags with sorted attributes, and texts; white space counts inside `pre` only."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, object]] = []
        self.pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((f"<{tag}", sorted((name, value or "") for name, value in attrs)))
        self.pre += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.parts.append((f"</{tag}", None))
        self.pre -= tag == "pre"

    def handle_data(self, data: str) -> None:
        kind = "pre" if self.pre else "text"
        before = self.parts.pop()[1] if self.parts and self.parts[-1][0] == kind else ""
        self.parts.append((kind, f"{before}{data}" if self.pre else re.sub(r"\s+", " ", f"{before}{data}")))

    def handle_comment(self, data: str) -> None:
        self.parts.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.parts.append(("declaration", decl))

    def handle_pi(self, data: str) -> None:
        self.parts.append(("instruction", data))

    def unknown_decl(self, data: str) -> None:
        self.parts.append(("unknown", data))


def _is_block(part: tuple[str, object]) -> bool:
    return part[0].strip("</") in _BLOCKS


def parts(html: str) -> list[tuple[str, object]]:
    """The HTML as a list that is equal for equal meaning."""
    parser = _Parts()
    parser.feed(html)
    parser.close()
    edge = ("<div", None)
    found = [edge, *parser.parts, edge]
    kept = []
    for before, part, after in zip(found, found[1:], found[2:], strict=False):
        trimmed = _trimmed(before, part, after) if part[0] == "text" else part
        if trimmed != ("text", ""):
            kept.append(trimmed)
    return kept


def _trimmed(
    before: tuple[str, object], part: tuple[str, object], after: tuple[str, object]
) -> tuple[str, object]:
    text = str(part[1])
    text = text.lstrip() if _is_block(before) else text
    return "text", text.rstrip() if _is_block(after) else text


def same(one: str, other: str) -> bool:
    """Whether both mean the same tree."""
    return parts(one) == parts(other)
