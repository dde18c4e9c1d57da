"""Posts to be: the staged texts of a stretch of threads, rendered and put into the order they are read in."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from core import text
from core.text import Rendered
from forum.importing import mapping
from forum.importing.origin import Origin
from forum.importing.staging import Staging
from forum.models import ANSWER, COMMENT, OPENING


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote as the dump has it: to the day, and without a voter."""

    key: str
    value: int
    at: datetime


@dataclass(slots=True)
class Draft:
    """A post that is not here yet. `author`, `editor` are keys of people, `key`, `reply_to` of posts."""

    key: str
    kind: str
    author: str
    at: datetime
    text: Rendered
    licence: str
    reply_to: str | None = None
    editor: str = ""
    edited_at: datetime | None = None
    closed_at: datetime | None = None
    accepted_at: datetime | None = None
    votes: tuple[Vote, ...] = ()

    @property
    def score(self) -> int:
        """Votes up less votes down: what counts here is votes, whatever the dump's own number is."""
        return sum(vote.value for vote in self.votes)


def drafts_of(
    store: Staging, origin: Origin, first: int, last: int, here: Collection[str]
) -> dict[int, list[Draft]]:
    """The posts of questions `first` to `last` whose keys are not `here`, by question.

    The question comes first, the others follow by date; a comment never stands before what it comments on.
    """
    votes = _votes(store, origin, first, last)
    accepted = _accepted(store, first, last)
    placed: dict[int, list[tuple[Any, Draft]]] = defaultdict(list)
    dates: dict[int, str] = {}
    for row in store.rows("SELECT * FROM post WHERE thread BETWEEN ? AND ? ORDER BY id", [first, last]):
        dates[row["id"]] = row["at"]
        key = origin.key("post", row["id"])
        if key not in here:
            draft = _post(origin, row, key, votes.get(row["id"], ()), accepted.get(row["id"]))
            placed[row["thread"]].append(((row["kind"] != mapping.QUESTION, row["at"], 0, row["id"]), draft))
    for row in store.rows("SELECT * FROM comment WHERE thread BETWEEN ? AND ? ORDER BY id", [first, last]):
        key = origin.key("comment", row["id"])
        if key not in here:
            at = max(row["at"], dates[row["post"]])
            placed[row["thread"]].append(((True, at, 1, row["id"]), _comment(origin, row, key)))
    return {thread: [draft for _place, draft in sorted(each, key=_place)] for thread, each in placed.items()}


def _place(placed: tuple[Any, Draft]) -> Any:
    return placed[0]


def _post(origin: Origin, row: Any, key: str, votes: tuple[Vote, ...], accepted: str | None) -> Draft:
    rendered = text.render_html(origin.at_home(row["body"]))
    return Draft(
        key=key,
        kind=OPENING if row["kind"] == mapping.QUESTION else ANSWER,
        author=row["author"],
        at=_moment(row["at"]),
        text=replace(rendered, source=row["body"]),
        licence=row["licence"],
        editor=row["editor"],
        edited_at=_maybe(row["edited_at"]),
        closed_at=_maybe(row["closed_at"]),
        accepted_at=_moment(max(accepted, row["at"])) if accepted is not None else None,
        votes=votes,
    )


def _comment(origin: Origin, row: Any, key: str) -> Draft:
    """A comment is written in a few marks of Markdown, so that is what its source is here too."""
    rendered = text.render_html(mapping.comment_html(row["body"]))
    return Draft(
        key=key,
        kind=COMMENT,
        author=row["author"],
        at=_moment(row["at"]),
        text=replace(rendered, source=row["body"], format="markdown"),
        licence=row["licence"],
        reply_to=origin.key("post", row["post"]),
    )


def _votes(store: Staging, origin: Origin, first: int, last: int) -> dict[int, tuple[Vote, ...]]:
    found: dict[int, list[Vote]] = defaultdict(list)
    statement = "SELECT id, post, value, at FROM vote WHERE thread BETWEEN ? AND ? AND value != 0 ORDER BY id"
    for row in store.rows(statement, [first, last]):
        found[row["post"]].append(Vote(origin.key("vote", row["id"]), row["value"], _moment(row["at"])))
    return {post: tuple(votes) for post, votes in found.items()}


def _accepted(store: Staging, first: int, last: int) -> dict[int, str]:
    """Accepted answers, with the date of the asker's vote where the dump has it, else an empty text."""
    rows: Iterator[Any] = iter(
        store.rows(
            "SELECT answer.id, (SELECT max(vote.at) FROM vote WHERE vote.post = answer.id AND vote.kind = ?) AS at "
            "FROM post AS question JOIN post AS answer ON answer.id = question.accepted AND "
            "answer.thread = question.id WHERE question.kind = 1 AND answer.kind = 2 AND question.id BETWEEN ? AND ?",
            [mapping.ACCEPTED, first, last],
        )
    )
    return {row["id"]: row["at"] or "" for row in rows}


@lru_cache(maxsize=5_000)  # votes are dated to the day
def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _maybe(value: str | None) -> datetime | None:
    return _moment(value) if value else None
