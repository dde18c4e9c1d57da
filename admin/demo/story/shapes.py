"""The shapes in which the story is told: rooms, threads with their replies, ideas, posts from outside."""

from dataclasses import dataclass, field

PUBLIC, MEMBERS, STAFF = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Room:
    """A category."""

    name: str
    description: str
    kind: str = "question"
    access: int = PUBLIC
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer or comment: who, how many hours after the thread, what; who voted for it."""

    who: str
    hours: float
    text: str
    accepted: bool = False
    comment: bool = False
    votes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """A thread: how many days ago it began, where, by whom."""

    days: float
    room: str
    who: str
    title: str
    text: str
    tags: tuple[str, ...] = ()
    votes: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """An idea with its votes and the statuses it went through: (days ago, status, public reason)."""

    days: float
    who: str
    title: str
    text: str
    votes: tuple[str, ...] = ()
    path: tuple[tuple[float, str, str], ...] = ()
    ships: bool = False
    evidence: str = ""
    replies: tuple[Reply, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Heard:
    """A post from outside: how many days ago, on which channel, by whom."""

    key: str
    days: float
    who: str
    text: str
    title: str = ""
