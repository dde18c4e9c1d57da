"""What a notice says: one headline and one address, from its kind and values, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from forum import addresses
from ideation.words import status_label
from notices import kinds
from reputation.rules import LEVELS


def headline(kind: str, values: Mapping[str, Any], *, actor: str, title: str) -> str:
    """The sentence of a notice, as plain text; `actor` and `title` are names as they stand now."""
    if kind == kinds.LEVEL:
        level = LEVELS[min(int(values.get("level", 0)), len(LEVELS) - 1)]
        return _("You have reached the level %(level)s.", level=level.name)
    if kind == kinds.STATUS:
        return _(
            "“%(title)s” is now: %(status)s", title=title, status=status_label(str(values.get("status", "")))
        )
    return _sentences(values, actor, title).get(kind, title)


def _sentences(values: Mapping[str, Any], actor: str, title: str) -> dict[str, str]:
    words = {"actor": actor or _("Somebody"), "title": title}
    return {
        kinds.RELEASE: _shipped(values, title),
        kinds.ANSWER: _("%(actor)s answered “%(title)s”", **words),
        kinds.REPLY: _("%(actor)s wrote in “%(title)s”", **words),
        kinds.MENTION: _("%(actor)s mentioned you in “%(title)s”", **words),
        kinds.ACCEPTED: _("%(actor)s accepted an answer in “%(title)s”", **words),
        kinds.STAFF: _("A case was opened in “%(title)s”", **words)
        if values.get("is_new")
        else _("The case in “%(title)s” is settled", **words),
    }


def _shipped(values: Mapping[str, Any], title: str) -> str:
    if values.get("why") == "author":
        return _("Your idea shipped in %(title)s", title=title)
    if values.get("why") == "voter":
        return _("An idea you voted for shipped in %(title)s", title=title)
    if values.get("why") == "follower":
        return _("An idea you follow shipped in %(title)s", title=title)
    return _("What you asked for shipped in %(title)s", title=title)


def address(kind: str, *, thread_id: int | None, slug: str, post_id: int | None) -> str:
    """Where the notice leads, as a path of this site; the thread page sends readers on where they belong."""
    if thread_id is None:
        return "/points" if kind == kinds.LEVEL else "/notices"
    if post_id is not None:
        return f"/posts/{post_id}"
    return addresses.plain_path(thread_id, slug)
