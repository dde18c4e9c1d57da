"""HTML as text only, for search, previews and mails."""

import re
from html import unescape

_SILENT = re.compile(r"<(script|style|template)\b", re.I)
_INLINE = re.compile(
    r"</?(?:a|abbr|b|cite|code|del|dfn|em|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|u|var)"
    r"(?:\s[^<>]*+)?>",
    re.I,
)
_TAG = re.compile(r'</?[A-Za-z](?:[^<>"]++|"[^"]*+")*+>|</?[A-Za-z!?][^<>]*+>')


def plain(html: str) -> str:
    """The text of HTML, entities decoded, white space folded. Still to be escaped when shown."""
    if "<" in html:
        html = _TAG.sub(" ", _INLINE.sub("", _without_silent(html)))
    return " ".join(unescape(html).split())


def _without_silent(html: str) -> str:
    """Without comments and without what scripts and styles hold. Linear: a missing end is looked for once."""
    parts = []
    at = 0
    while begin := _SILENT_OR_COMMENT.search(html, at):
        parts.append(html[at : begin.start()])
        end = _end_of(begin, html)
        if end is None:
            return "".join(parts)
        at = end
    return "".join((*parts, html[at:]))


_SILENT_OR_COMMENT = re.compile(rf"<!--|{_SILENT.pattern}", re.I)


def _end_of(begin: re.Match[str], html: str) -> int | None:
    """Where a comment or silent element is over; None if it never is, for then it takes in all the rest."""
    ends = r"-->" if begin[1] is None else rf"</{begin[1]}[^>]*>"
    found = re.compile(ends, re.I).search(html, begin.end())
    return found.end() if found else None


def excerpt(html: str, length: int = 200) -> str:
    """The first words of the text, `length` characters at most; an ellipsis tells that more follows."""
    text = plain(html)
    if len(text) <= length:
        return text
    cut = text[: max(length - 1, 0)]
    if not text[len(cut)].isspace():
        cut = cut.rpartition(" ")[0] or cut
    return cut.rstrip(" ,;:.") + "…"
