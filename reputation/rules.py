"""What a fact is worth, and which level points reach."""

from dataclasses import dataclass
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

ANSWER_UP: Final = 10
OPENING_UP: Final = 5
DOWN: Final = -2
ACCEPTED: Final = 15
ACCEPTING: Final = 2
IDEA_WANTED: Final = 2
IDEA_SHIPPED: Final = 25


@dataclass(frozen=True, slots=True)
class Level:
    """A level and the points it begins at."""

    number: int
    points: int
    name: LazyString


LEVELS: Final = (
    Level(0, 0, _l("Newcomer")),
    Level(1, 15, _l("Member")),
    Level(2, 100, _l("Regular")),
    Level(3, 500, _l("Trusted")),
    Level(4, 2000, _l("Expert")),
)

REASONS: Final = {
    "answer_voted": _l("Votes on an answer"),
    "opening_voted": _l("Votes on a question or post"),
    "accepted": _l("Answer accepted"),
    "accepting": _l("Accepted an answer"),
    "idea_wanted": _l("Somebody wants your idea"),
    "idea_shipped": _l("Your idea shipped"),
    "imported": _l("Brought along by an import"),
    "withdrawn": _l("The post was deleted"),
    "reinstated": _l("The post was restored"),
}


def level_of(points: int) -> int:
    """The highest level whose points are reached."""
    return max(level.number for level in LEVELS if points >= level.points or level.number == 0)


def next_level(points: int) -> Level | None:
    """The level to reach next, if any."""
    return next((level for level in LEVELS if level.points > points), None)


def vote_points(value: int, *, is_answer: bool) -> int:
    """What a standing vote is worth to the author of the post: value is 1, 0 or -1."""
    if value > 0:
        return ANSWER_UP if is_answer else OPENING_UP
    return DOWN if value < 0 else 0
