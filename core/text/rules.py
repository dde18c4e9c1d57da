"""How the house reads Markdown where CommonMark leaves a choice, or where a community wants another one."""

from collections.abc import Callable
from dataclasses import dataclass

_NAMES = """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink
    blockquote body br button canvas caption center cite code col colgroup data datalist dd del details
    dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2
    h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins isindex kbd keygen label legend
    li link listing main map mark marquee math menu menuitem meta meter nav nobr noembed noframes
    noscript object ol optgroup option output p param picture plaintext portal pre progress q rb rp rt
    rtc ruby s samp script search section select slot small source spacer span strike strong style sub
    summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var
    video wbr xmp
"""
KNOWN_TAGS = frozenset(_NAMES.split())
"""Every name HTML has given a meaning. Other `<names>` in a post are words, and stay readable."""


def profile_path(handle: str) -> str | None:
    """Where a mention leads: the profile of that handle."""
    return f"/people/{handle.lower()}"


@dataclass(frozen=True, slots=True)
class Rules:
    """One way of reading. `HOUSE` is for posts, `COMMONMARK` only to measure against the specification."""

    line_breaks: bool
    known_tags_only: bool
    extras: bool

    def reads_tag(self, name: str) -> bool:
        """Whether `<name>` is a tag rather than text."""
        return not self.known_tags_only or name.lower() in KNOWN_TAGS


HOUSE = Rules(line_breaks=True, known_tags_only=True, extras=True)
"""A single newline is a line break, as in letters; `<your name>` is text; tables, task lists, strikethrough,
bare addresses and mentions are read."""

COMMONMARK = Rules(line_breaks=False, known_tags_only=False, extras=False)

MentionLink = Callable[[str], str | None]
"""The hook for `@handle`: gives the address a handle links to, or None if it is to stay plain text."""
