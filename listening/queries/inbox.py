"""The inbox: lists of mentions, one mention, and its story so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from core.db import BigId, Instant, db, glance
from core.errors import NotFound
from core.outbox import Event
from core.text import RENDERER_VERSION, Rendered, render_html, second_pass
from core.viewer import Viewer
from forum.addresses import thread_path
from forum.models import IDEA, Thread
from forum.queries import similar
from forum.visibility import visible_threads
from ideation.models import Idea
from ideation.queries import IdeaRow, rows_by_thread_ids
from ideation.visibility import listed_ideas
from listening.connectors.item import paragraphs
from listening.models import DISMISSED, HANDLED, NEW, WORDS, Mention, OutsideReply, Source
from listening.visibility import visible_mentions
from people.queries import PersonCard, cards

PER_PAGE: Final = 30
EXCERPT: Final = 220
MOST: Final = 1000
STATES: Final = (NEW, HANDLED, DISMISSED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list shall hold; empty values mean any. `before` is the last mention of the page before."""

    state: str = NEW
    source_id: int | None = None
    text: str = ""
    before: int | None = None


@dataclass(frozen=True, slots=True)
class MentionRow:
    """A mention in the list."""

    id: int
    title: str
    excerpt: str
    author_name: str
    source_name: str
    channel: str
    published_at: datetime
    state: str
    has_thread: bool
    has_idea: bool
    handled_by: PersonCard | None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of the list, newest first; `older` is the `before` of the next page, or None."""

    rows: tuple[MentionRow, ...]
    older: int | None
    wanted: Wanted


def inbox(viewer: Viewer, wanted: Wanted) -> InboxPage:
    """A page of mentions in two statements."""
    statement = (
        sa.select(
            Mention.id,
            Mention.title,
            sa.func.substr(Mention.text, 1, EXCERPT).label("excerpt"),
            Mention.author_name,
            Mention.published_at,
            Mention.state,
            Mention.thread_id,
            Mention.idea_id,
            Mention.handled_by_id,
            Source.name.label("source_name"),
            Source.channel,
        )
        .join(Source, Source.id == Mention.source_id)
        .where(*_filters(viewer, wanted))
        .order_by(Mention.published_at.desc(), Mention.id.desc())
        .limit(PER_PAGE + 1)
    )
    rows = db.session.execute(statement).all()
    people = cards(row.handled_by_id for row in rows)
    older = rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None
    return InboxPage(tuple(_row(row, people) for row in rows[:PER_PAGE]), older, wanted)


def _filters(viewer: Viewer, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found = [visible_mentions(viewer)]
    if wanted.state in STATES:
        found.append(Mention.state == wanted.state)
    if wanted.source_id is not None:
        found.append(Mention.source_id == wanted.source_id)
    for word in wanted.text.split()[:8]:
        found.append(WORDS.holds(word))
    last = _moment_of(wanted.before)
    if last is not None:
        end = sa.tuple_(sa.literal(last, Instant), sa.literal(wanted.before, BigId))
        found.append(sa.tuple_(Mention.published_at, Mention.id) < end)
    return found


def _moment_of(mention_id: int | None) -> datetime | None:
    if mention_id is None:
        return None
    return db.session.execute(sa.select(Mention.published_at).where(Mention.id == mention_id)).scalar()


def _row(row: Any, people: Mapping[int, PersonCard]) -> MentionRow:
    return MentionRow(
        id=row.id,
        title=row.title,
        excerpt=" ".join(row.excerpt.split()),
        author_name=row.author_name,
        source_name=row.source_name,
        channel=row.channel,
        published_at=row.published_at,
        state=row.state,
        has_thread=row.thread_id is not None,
        has_idea=row.idea_id is not None,
        handled_by=people.get(row.handled_by_id),
    )


def counts(viewer: Viewer) -> dict[str, int]:
    """How many mentions are in each state."""
    statement = (
        sa.select(Mention.state, sa.func.count()).where(visible_mentions(viewer)).group_by(Mention.state)
    )
    found = {state: int(number) for state, number in db.session.execute(statement)}
    return {state: found.get(state, 0) for state in STATES}


def new_count(viewer: Viewer) -> int:
    """How many wait for somebody: the number beside the inbox, which every page of staff asks for.

    It counts to MOST and no further: beyond that nobody reads the number, and counting would take time.
    """
    waiting = sa.select(Mention.id).where(Mention.state == NEW, visible_mentions(viewer)).limit(MOST)
    return int(db.session.execute(sa.select(sa.func.count()).select_from(waiting.subquery())).scalar_one())


def mention(viewer: Viewer, mention_id: int) -> Mention:
    """One mention. Raises NotFound for whoever may not see the inbox."""
    statement = sa.select(Mention).where(Mention.id == mention_id, visible_mentions(viewer))
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def body_of(viewer: Viewer, mention_id: int) -> Rendered:
    """A mention's words as the body of a post, without opening the write transaction. Raises NotFound.

    The source is kept as HTML, plain text in paragraphs: nobody outside wrote Markdown.
    """
    statement = sa.select(Mention.html, Mention.html_version, Mention.text)
    rows = glance(statement.where(Mention.id == mention_id, visible_mentions(viewer)))
    if not rows:
        raise NotFound
    row = rows[0]
    source = row.html or render_html(paragraphs(row.text)).html
    is_checked = bool(row.html) and row.html_version == RENDERER_VERSION
    return Rendered(source, source if is_checked else second_pass(source), RENDERER_VERSION, "html")


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a mention, as far as the viewer may see it: title and path."""

    thread: tuple[str, str] | None
    idea: tuple[str, str] | None


def made_of(viewer: Viewer, found: Mention) -> Made:
    """The thread made of it and the idea it is linked to."""
    thread = sa.select(Thread).where(Thread.id == found.thread_id, visible_threads(viewer))
    idea = (
        sa.select(Thread)
        .join(Idea, Idea.thread_id == Thread.id)
        .where(Idea.id == found.idea_id, visible_threads(viewer))
    )
    return Made(
        _named(thread) if found.thread_id is not None else None,
        _named(idea) if found.idea_id is not None else None,
    )


def _named(statement: sa.Select[Thread]) -> tuple[str, str] | None:
    thread = db.session.execute(statement).scalar_one_or_none()
    return (thread.title, thread_path(thread)) if thread else None


def ideas_like(viewer: Viewer, words: str, limit: int = 6) -> list[IdeaRow]:
    """Ideas whose titles hold all the words, then those that are alike by the search engine's judgement."""
    statement = sa.select(Thread.id).where(Thread.kind == IDEA, listed_ideas(viewer)).limit(limit)
    for word in words.split()[:8]:
        statement = statement.where(Thread.title.icontains(word, autoescape=True))
    titled = list(db.session.execute(statement.order_by(Thread.last_post_at.desc())).scalars())
    alike = [row.id for row in similar(viewer, words, kinds=(IDEA,), limit=limit)]
    return rows_by_thread_ids(viewer, list(dict.fromkeys(titled + alike))[:limit])


# --- its story ---

_STEPS: Final = {
    "listening.thread_made": "messages-square",
    "listening.idea_raised": "lightbulb",
    "listening.linked_to_idea": "lightbulb",
    "listening.dismissed": "archive",
    "listening.reopened": "undo-2",
    "listening.reply_drafted": "pencil",
    "listening.reply_approved": "check",
    "listening.reply_delivered": "send",
    "listening.reply_failed": "circle-x",
    "listening.reply_uncertain": "circle-question-mark",
    "listening.reply_discarded": "trash-2",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a mention; `kind` is the event's name, `icon` its picture."""

    kind: str
    icon: str
    at: datetime
    by: PersonCard | None


def step_of(kind: str) -> str:
    """The icon of a step."""
    return _STEPS.get(kind, "circle")


def story(viewer: Viewer, found: Mention) -> Sequence[Step]:
    """What happened so far, oldest first, from the audit trail."""
    replies = db.session.execute(
        sa.select(OutsideReply.id).where(OutsideReply.mention_id == found.id, visible_mentions(viewer))
    )
    subjects = [f"mention:{found.id}", *(f"reply:{reply_id}" for (reply_id,) in replies)]
    statement = (
        sa.select(Event.kind, Event.at, Event.actor_id)
        .where(Event.subject.in_(subjects), Event.kind.in_(_STEPS), visible_mentions(viewer))
        .order_by(Event.id)
        .limit(100)
    )
    rows = db.session.execute(statement).all()
    people = cards(row.actor_id for row in rows)
    return [Step(row.kind, step_of(row.kind), row.at, people.get(row.actor_id)) for row in rows]
