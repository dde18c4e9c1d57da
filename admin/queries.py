"""Every read of the desk: the circle's stages, and the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from admin.numbers import Spread, share, spread
from admin.words import DEEDS
from core import clock
from core.db import db
from core.outbox import Event
from core.viewer import STAFF_ROLES, Viewer
from forum.models import ANSWER, QUESTION, Category, Post, Thread
from forum.visibility import listed_threads, visible_categories, visible_threads
from ideation.models import IN_PROGRESS, OPEN, PLANNED, SHIPPED, Idea, IdeaEvidence, IdeaStatusChange
from ideation.releases import queries as releases
from ideation.releases.models import Release
from listening.models import DELIVERED, Mention, OutsideReply
from notices.kinds import RELEASE
from notices.models import Notice, NoticeMail
from people import queries as people
from people.models import MEMBER, Person, RoleGrant

SAMPLE = 5000


@dataclass(frozen=True, slots=True)
class Circle:
    """One turn of the circle in numbers, for a period: what came in, what it became, what shipped, who was told."""

    days: int
    mentions: int
    mentions_handled: int
    questions: int
    answered: int
    solved: int
    first_answer: Spread
    handled_in: Spread
    ideas: int
    ideas_with_evidence: int
    ideas_decided: int
    asked_to_idea: Spread
    planned: int
    in_progress: int
    idea_to_planned: Spread
    releases: int
    shipped: int
    idea_to_shipped: Spread
    askers: int
    told: int

    @property
    def answered_share(self) -> float | None:
        """Questions with at least one answer."""
        return share(self.answered, self.questions)

    @property
    def handled_share(self) -> float | None:
        """Outside posts that somebody dealt with."""
        return share(self.mentions_handled, self.mentions)

    @property
    def evidence_share(self) -> float | None:
        """Ideas that a customer's own words stand behind."""
        return share(self.ideas_with_evidence, self.ideas)

    @property
    def decided_share(self) -> float | None:
        """Ideas that got an answer: any status but the first."""
        return share(self.ideas_decided, self.ideas)

    @property
    def closure(self) -> float | None:
        """Loop-closure rate: of those who asked for what shipped, how many have a delivered notice."""
        return share(self.told, self.askers)


def circle(viewer: Viewer, days: int) -> Circle:
    """The circle over the last `days` days (0: from the beginning), over what the viewer may see."""
    since = clock.now() - timedelta(days=days) if days else datetime(1970, 1, 1, tzinfo=clock.now().tzinfo)
    asked, answered, solved = _questions(viewer, since)
    mentions, handled = _mentions(since)
    told, askers = _told(since)
    raised = _raised(viewer, since)
    return Circle(
        days=days,
        mentions=mentions,
        mentions_handled=handled,
        questions=asked,
        answered=answered,
        solved=solved,
        first_answer=spread(_first_answers(viewer, since)),
        handled_in=spread(_durations(Mention.published_at, Mention.handled_at, Mention.handled_at >= since)),
        ideas=_count(raised),
        ideas_with_evidence=_count(raised.where(sa.exists().where(IdeaEvidence.idea_id == Idea.id))),
        ideas_decided=_count(raised.where(Idea.status != OPEN)),
        asked_to_idea=spread(_asked_to_idea(since)),
        planned=_count(sa.select(Idea.id).where(Idea.status == PLANNED)),
        in_progress=_count(sa.select(Idea.id).where(Idea.status == IN_PROGRESS)),
        idea_to_planned=spread(_idea_until(PLANNED, since)),
        releases=_count(sa.select(Release.id).where(Release.published_at >= since)),
        shipped=_count(sa.select(Idea.id).where(Idea.status == SHIPPED, Idea.status_at >= since)),
        idea_to_shipped=spread(_idea_until(SHIPPED, since)),
        askers=askers,
        told=told,
    )


def _raised(viewer: Viewer, since: datetime) -> sa.Select[Any]:
    """Ideas of the period; one that was merged into another is counted there."""
    statement: sa.Select[Any] = (
        sa.select(Idea.id)
        .join(Thread, Thread.id == Idea.thread_id)
        .where(Idea.created_at >= since, Idea.merged_into_id.is_(None), listed_threads(viewer))
    )
    return statement


def _count(statement: sa.Select[Any]) -> int:
    return int(db.session.execute(sa.select(sa.func.count()).select_from(statement.subquery())).scalar_one())


def _durations(start: Any, end: Any, *conditions: Any) -> list[timedelta]:
    statement = sa.select(start, end).where(end.is_not(None), *conditions).order_by(end.desc()).limit(SAMPLE)
    return [b - a for a, b in db.session.execute(statement)]


def _questions(viewer: Viewer, since: datetime) -> tuple[int, int, int]:
    statement = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(sa.case((Thread.answer_count > 0, 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((Thread.accepted_post_id.is_not(None), 1), else_=0)), 0),
    ).where(Thread.kind == QUESTION, Thread.created_at >= since, listed_threads(viewer))
    asked, answered, solved = db.session.execute(statement).one()
    return int(asked), int(answered), int(solved)


def _first_answers(viewer: Viewer, since: datetime) -> list[timedelta]:
    first = (
        sa.select(Post.thread_id, sa.func.min(Post.created_at).label("at"))
        .where(Post.kind == ANSWER, Post.deleted_at.is_(None), Post.created_at >= since)
        .group_by(Post.thread_id)
        .subquery()
    )
    statement = (
        sa.select(Thread.created_at, first.c.at)
        .join(first, first.c.thread_id == Thread.id)
        .where(Thread.kind == QUESTION, Thread.created_at >= since, listed_threads(viewer))
        .order_by(Thread.id.desc())
        .limit(SAMPLE)
    )
    return [b - a for a, b in db.session.execute(statement)]


def _mentions(since: datetime) -> tuple[int, int]:
    handled = sa.func.coalesce(sa.func.sum(sa.case((Mention.handled_at.is_not(None), 1), else_=0)), 0)
    row = db.session.execute(sa.select(sa.func.count(), handled).where(Mention.received_at >= since)).one()
    return int(row[0]), int(row[1])


def _asked_to_idea(since: datetime) -> list[timedelta]:
    """From the first words that asked for it to the idea."""
    first = (
        sa.select(IdeaEvidence.idea_id, sa.func.min(Post.created_at).label("at"))
        .join(Post, Post.id == IdeaEvidence.post_id)
        .group_by(IdeaEvidence.idea_id)
        .subquery()
    )
    statement = (
        sa.select(first.c.at, Idea.created_at)
        .join(Idea, Idea.id == first.c.idea_id)
        .where(Idea.created_at >= since)
    )
    return [b - a for a, b in db.session.execute(statement.limit(SAMPLE))]


def _idea_until(status: str, since: datetime) -> list[timedelta]:
    """From raising an idea to the first time it had this status."""
    reached = (
        sa.select(IdeaStatusChange.idea_id, sa.func.min(IdeaStatusChange.at).label("at"))
        .where(IdeaStatusChange.status == status)
        .group_by(IdeaStatusChange.idea_id)
        .subquery()
    )
    statement = (
        sa.select(Idea.created_at, reached.c.at)
        .join(reached, reached.c.idea_id == Idea.id)
        .where(reached.c.at >= since)
    )
    return [b - a for a, b in db.session.execute(statement.limit(SAMPLE))]


def _told(since: datetime) -> tuple[int, int]:
    """(people with a delivered notice, people who asked), summed over the releases of the period."""
    return _told_here(since) + _told_outside(since), releases.askers_since(since)


def _told_here(since: datetime) -> int:
    """A bell entry that was read or whose mail went out: delivered, not only sent. Once for each release and person."""
    release_id = Notice.values["release_id"].as_integer()
    went_out = sa.and_(NoticeMail.notice_id == Notice.id, NoticeMail.dropped_reason == "")
    reached = sa.or_(Notice.read_at.is_not(None), NoticeMail.sent_at.is_not(None))
    told = (
        sa.select(release_id.label("release_id"), Notice.person_id)
        .distinct()
        .join(Release, Release.id == release_id)
        .outerjoin(NoticeMail, went_out)
        .where(Notice.kind == RELEASE, Release.published_at >= since, reached)
    )
    return _count(told)


def _told_outside(since: datetime) -> int:
    """Replies to a release of the period that reached their channel: whose it is stands in the reply's key."""
    published = set(db.session.execute(sa.select(Release.id).where(Release.published_at >= since)).scalars())
    arrived = sa.and_(OutsideReply.state == DELIVERED, OutsideReply.delivered_at >= since)
    keys = sa.select(OutsideReply.key).where(arrived, OutsideReply.key.startswith("release:"))
    return sum(int(key.split(":")[1]) in published for key in db.session.execute(keys).scalars())


@dataclass(frozen=True, slots=True)
class LogLine:
    """Who did what to what, when. `title` and `path` name the thing where the reader may see it."""

    id: int
    kind: str
    payload: dict[str, Any]
    actor: people.PersonCard | None
    at: datetime
    title: str
    path: str


def log(viewer: Viewer, limit: int = 50, before_id: int | None = None, kind: str = "") -> list[LogLine]:
    """What the team did, latest first; what customers did to their own is not among it."""
    wanted = (kind,) if kind in DEEDS else tuple(DEEDS)
    staff = sa.select(RoleGrant.person_id).where(RoleGrant.role.in_(STAFF_ROLES))
    statement = (
        sa.select(Event)
        .where(Event.kind.in_(wanted), Event.actor_id.in_(staff))
        .order_by(Event.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        statement = statement.where(Event.id < before_id)
    rows: Sequence[Event] = db.session.execute(statement).scalars().all()
    cards = _named(rows)
    places = _places(viewer, rows)
    return [_line(row, cards, places) for row in rows]


def _named(rows: Sequence[Event]) -> dict[int, people.PersonCard]:
    """Everybody who acts or is named in these events; an outside person who joined is the member by now."""
    named = [row.payload["person_id"] for row in rows if row.payload.get("person_id")]
    joined = people.members_behind(named)
    cards = people.cards([*(row.actor_id for row in rows), *named, *joined.values()])
    return cards | {former: cards[member] for former, member in joined.items() if member in cards}


Place = tuple[str, str]  # what it is called, and where it stands


def _places(viewer: Viewer, rows: Sequence[Event]) -> dict[tuple[str, int], Place]:
    """Threads, ideas and categories named in these events, as far as the viewer may see them."""

    def ids(name: str) -> list[int]:
        return [row.payload[name] for row in rows if row.payload.get(name)]

    threads = sa.select(Thread.id, Thread.title).where(
        Thread.id.in_(ids("thread_id")), visible_threads(viewer)
    )
    ideas = sa.select(Idea.id, Thread.title).join(Thread, Thread.id == Idea.thread_id)
    rooms = sa.select(Category.id, Category.name, Category.slug).where(
        Category.id.in_(ids("category_id")), visible_categories(viewer)
    )
    found = {("thread_id", r.id): (r.title, f"/t/{r.id}") for r in db.session.execute(threads)}
    seen = ideas.where(Idea.id.in_(ids("idea_id")), visible_threads(viewer))
    found |= {("idea_id", r.id): (r.title, f"/ideas/{r.id}") for r in db.session.execute(seen)}
    return found | {("category_id", r.id): (r.name, f"/c/{r.slug}") for r in db.session.execute(rooms)}


def _line(
    row: Event, cards: Mapping[int, people.PersonCard], places: Mapping[tuple[str, int], Place]
) -> LogLine:
    title, path = _place(row.payload, cards, places)
    return LogLine(row.id, row.kind, row.payload, cards.get(row.actor_id or 0), row.at, title, path)


def _place(
    payload: Mapping[str, Any],
    cards: Mapping[int, people.PersonCard],
    places: Mapping[tuple[str, int], Place],
) -> Place:
    """What it was done to: a thread, an idea, a category, a person, an outside post, a source."""
    for name in ("thread_id", "idea_id", "category_id"):
        if (name, payload.get(name, 0)) in places:
            return places[name, payload[name]]
    person = cards.get(payload.get("person_id") or 0)
    if person is not None:
        return person.name, person.url
    for name, place in (("mention_id", "/inbox"), ("source_id", "/sources")):
        if name in payload and "name" not in payload:
            return f"#{payload[name]}", f"{place}/{payload[name]}"
    return str(payload.get("name", "")), ""


def team() -> list[tuple[people.PersonCard, list[str]]]:
    """The company's own people by name, with their roles."""
    statement = (
        sa.select(RoleGrant.person_id, RoleGrant.role)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role.in_(STAFF_ROLES), Person.kind == MEMBER)
        .order_by(Person.name, Person.id, RoleGrant.role)
    )
    roles: dict[int, list[str]] = {}
    for person_id, role in db.session.execute(statement):
        roles.setdefault(person_id, []).append(role)
    cards = people.cards(roles)
    return [(cards[person_id], theirs) for person_id, theirs in roles.items()]


def public_numbers(viewer: Viewer) -> dict[str, int]:
    """How large the community is, of what the viewer may see."""
    threads = sa.select(Thread.id).where(listed_threads(viewer))
    shipped = (
        sa.select(Idea.id)
        .join(Thread, Thread.id == Idea.thread_id)
        .where(Idea.status == SHIPPED, listed_threads(viewer))
    )
    members = sa.select(Person.id).where(Person.kind == MEMBER, Person.email_confirmed_at.is_not(None))
    return {"members": _count(members), "threads": _count(threads), "shipped": _count(shipped)}
