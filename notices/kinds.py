"""The kinds of notice, what they are called in the choices, and where they go unless somebody chose otherwise."""

from dataclasses import dataclass
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

RELEASE, ANSWER, REPLY, MENTION, ACCEPTED, STATUS, STAFF, LEVEL = (
    "release", "answer", "reply", "mention", "accepted", "status", "staff", "level",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of notice with its defaults."""

    key: str
    label: LazyString
    detail: LazyString
    icon: str
    bell: bool
    mail: bool
    for_staff: bool = False


KINDS: Final = (
    Kind(
        RELEASE,
        _l("Your wish shipped"),
        _l("An idea you raised, voted for or follow is in a release."),
        "rocket",
        True,
        True,
    ),
    Kind(ANSWER, _l("Answers"), _l("Somebody answers your question."), "message-circle", True, True),
    Kind(MENTION, _l("Mentions"), _l("Somebody writes your @handle."), "at-sign", True, True),
    Kind(STATUS, _l("Ideas move"), _l("An idea you follow gets a new status."), "lightbulb", True, True),
    Kind(REPLY, _l("Replies"), _l("Something new in a thread you follow."), "messages-square", True, False),
    Kind(
        ACCEPTED,
        _l("Accepted answers"),
        _l("Your answer is accepted, or one to your question."),
        "check",
        True,
        False,
    ),
    Kind(LEVEL, _l("Levels"), _l("You reach a new level."), "award", True, False),
    Kind(
        STAFF,
        _l("Escalations"),
        _l("A case needs the team, or yours is settled."),
        "siren",
        True,
        True,
        for_staff=True,
    ),
)
BY_KEY: Final = {kind.key: kind for kind in KINDS}
