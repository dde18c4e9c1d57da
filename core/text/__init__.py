"""Text of people: Markdown and imported HTML in, safe HTML out.

`render` is for what people write here, `render_html` for what an import brings. What both give may be shown
as it is; templates mark it safe. Names and titles are not HTML and never come here.

The parsers are loaded with the first text: a start needs none of them for its pages.
"""

from dataclasses import dataclass

from flask_babel import gettext as _

from core.errors import Refused
from core.text import guard
from core.text.rules import MentionLink, profile_path
from core.text.words import excerpt, plain

__all__ = [
    "FAST_VERSION", "MAX_IMPORT", "MAX_SOURCE", "RENDERER_VERSION", "MentionLink", "Rendered",
    "excerpt", "mentions", "plain", "profile_path", "render", "render_html", "second_pass",
]  # fmt: skip

RENDERER_VERSION = 1
"""Grows when the same source gives other HTML; rows with a lower version may be rendered again."""

FAST_VERSION = -RENDERER_VERSION
"""The version of imported HTML that only nh3 has seen: a row below 0 waits for `second_pass`."""

MAX_SOURCE = guard.MAX_SOURCE
MAX_IMPORT = guard.MAX_IMPORT


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text as written and as shown, and which renderer made the one from the other."""

    source: str
    html: str
    version: int
    format: str  # "markdown" or "html"


def _within(source: str, limit: int) -> None:
    if len(source) > limit:
        raise Refused(
            _("This text has %(length)s characters; %(limit)s are allowed.", length=len(source), limit=limit)
        )


def render(source: str, *, mention: MentionLink = profile_path) -> Rendered:
    """Markdown as safe HTML. Refused over MAX_SOURCE characters.

    `mention` is the hook for `@handle`: it is asked for each one outside code and links, and gives the
    address to link to, or None to leave it as text. By default every handle leads to `/people/<handle>`.
    """
    from core.text.markdown import to_html
    from core.text.sanitise import HEADINGS_DOWN, make_safe

    _within(source, MAX_SOURCE)
    source = guard.normalise(source)
    html = make_safe(to_html(source, mention=mention), headings_down=HEADINGS_DOWN)
    return Rendered(source, html, RENDERER_VERSION, "markdown")


def render_html(source_html: str) -> Rendered:
    """Imported HTML made safe quickly, by one parser. Refused over MAX_IMPORT characters."""
    from core.text.sanitise import HEADINGS_DOWN, make_safe_fast

    _within(source_html, MAX_IMPORT)
    source = guard.normalise(source_html)
    return Rendered(source, make_safe_fast(source, headings_down=HEADINGS_DOWN), FAST_VERSION, "html")


def second_pass(html: str) -> str:
    """The HTML of `render_html` (or any other) made safe by both parsers; store it with RENDERER_VERSION."""
    from core.text.sanitise import make_safe

    return make_safe(guard.normalise(html))


def mentions(source: str) -> tuple[str, ...]:
    """The handles that `render` would ask its hook for: in lower case, each once, in order."""
    from core.text.markdown import find_mentions

    return find_mentions(guard.normalise(source[:MAX_SOURCE]))
