"""What becomes of a mention: a thread, a link to an idea, a new idea, or nothing."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Conflict, Refused, require
from core.outbox import record
from core.text import Rendered
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Thread
from ideation import actions as ideation
from ideation.models import Idea
from listening import policy, queries
from listening.events import (
    MentionBecameIdea,
    MentionBecameThread,
    MentionDismissed,
    MentionLinkedToIdea,
    MentionReopened,
)
from listening.models import DISMISSED, HANDLED, NEW, Mention, Source
from people.actions import outside_person
from people.models import Person
from people.queries import cards

TITLE_LENGTH = 150
QUOTE_LENGTH = 2000


def make_thread(
    actor: Viewer,
    mention: Mention,
    *,
    category_id: int,
    title: str = "",
    tags: Sequence[str] = (),
    body: Rendered | None = None,
    seen: str = NEW,
) -> Thread:
    """A moderated thread in the words of whoever wrote outside; the actor is noted as who brought it in.

    `body` is `queries.body_of` where the caller rendered it before. `seen` is the state the actor looked at.
    Raises Conflict when somebody else was faster.
    """
    require(policy.may_handle(actor))
    if mention.thread_id is not None:
        raise _conflict(mention)
    _take(actor, mention, seen, thread_id=None)
    source = db.session.get_one(Source, mention.source_id)
    person = poster(actor, mention)
    thread = forum.start_thread(
        actor,
        category_id=category_id,
        title=title or title_of(mention),
        body=body or queries.body_of(actor, mention.id),
        tags=tuple(tags),
        author_id=person.id,
        origin_label=source.channel,
        origin_url=mention.url,
        origin_key=f"mention:{mention.id}",
    )
    mention.thread_id = thread.id
    db.session.flush()
    record(MentionBecameThread(mention.id, thread.id), actor=actor)
    return thread


def link_to_idea(actor: Viewer, mention: Mention, idea: Idea, *, seen: str = NEW) -> None:
    """Attach the post to an idea as evidence: its writer counts as a voter and is told when it ships."""
    require(policy.may_raise_ideas(actor))
    if mention.idea_id is not None:
        raise _conflict(mention)
    _take(actor, mention, seen, idea_id=None)
    _add_evidence(actor, mention, idea)
    record(MentionLinkedToIdea(mention.id, idea.id), actor=actor)


def raise_idea(
    actor: Viewer,
    mention: Mention,
    *,
    title: str,
    category_id: int | None = None,
    body: Rendered | None = None,
    seen: str = NEW,
) -> Idea:
    """A new idea by whoever wrote outside, with the post as its evidence."""
    require(policy.may_raise_ideas(actor))
    if mention.idea_id is not None:
        raise _conflict(mention)
    _take(actor, mention, seen, idea_id=None)
    source = db.session.get_one(Source, mention.source_id)
    idea = ideation.raise_idea(
        actor,
        title=title or title_of(mention),
        body=body or queries.body_of(actor, mention.id),
        category_id=category_id,
        author_id=poster(actor, mention).id,
        origin_label=source.channel,
        origin_url=mention.url,
    )
    _add_evidence(actor, mention, idea)
    record(MentionBecameIdea(mention.id, idea.id), actor=actor)
    return idea


def _add_evidence(actor: Viewer, mention: Mention, idea: Idea) -> None:
    source = db.session.get_one(Source, mention.source_id)
    ideation.add_evidence(
        actor,
        idea,
        quote=_shortened(mention.text, QUOTE_LENGTH),
        person_id=poster(actor, mention).id,
        origin_key=f"mention:{mention.id}",
        origin_label=source.channel,
        origin_url=mention.url,
    )
    mention.idea_id = idea.id
    db.session.flush()


def dismiss(actor: Viewer, mention: Mention, *, seen: str = NEW) -> None:
    """Put aside; nothing is made of it and nobody is told. Raises Conflict when somebody has handled it."""
    require(policy.may_handle(actor))
    if seen != NEW or mention.state == HANDLED:
        raise _conflict(mention)
    _move(actor, mention, seen, DISMISSED)
    record(MentionDismissed(mention.id), actor=actor)


def reopen(actor: Viewer, mention: Mention) -> None:
    """Bring a dismissed mention back as new. Raises Conflict when it is not dismissed any more."""
    require(policy.may_handle(actor))
    _move(actor, mention, DISMISSED, NEW)
    mention.handled_at = mention.handled_by_id = None
    db.session.flush()
    record(MentionReopened(mention.id), actor=actor)


def dismiss_several(actor: Viewer, mention_ids: Collection[int]) -> int:
    """Put aside those of these that are still new; returns how many. What somebody was faster with stays."""
    require(policy.may_handle(actor))
    by = {"handled_at": clock.now(), "handled_by_id": actor.id}
    moved = _move_several(mention_ids, NEW, DISMISSED, **by)
    record(*[MentionDismissed(mention_id) for mention_id in moved], actor=actor)
    return len(moved)


def reopen_several(actor: Viewer, mention_ids: Collection[int]) -> int:
    """Bring back as new those of these that are put aside; returns how many."""
    require(policy.may_handle(actor))
    moved = _move_several(mention_ids, DISMISSED, NEW, handled_at=None, handled_by_id=None)
    record(*[MentionReopened(mention_id) for mention_id in moved], actor=actor)
    return len(moved)


def _move_several(mention_ids: Collection[int], seen: str, state: str, **values: Any) -> list[int]:
    """Change the state of those that still stand as seen, in one statement; returns their ids in order."""
    chosen = sa.update(Mention).where(Mention.id.in_(list(mention_ids)), Mention.state == seen)
    changed = chosen.values(state=state, **values).returning(Mention.id)
    found = db.session.execute(changed.execution_options(synchronize_session=False)).scalars()
    ids = sorted(found)
    db.session.expire_all()
    return ids


def _take(actor: Viewer, mention: Mention, seen: str, **unset: None) -> None:
    """Claim it for handling: what was seen must still stand, and what is to be made must not exist."""
    if seen == DISMISSED:
        raise Refused(_("This post was put aside. Bring it back first."))
    _move(actor, mention, seen, HANDLED, **unset)


def _move(actor: Viewer, mention: Mention, seen: str, state: str, **unset: None) -> None:
    """Change the state if it is still as seen: one statement, so that of two people one is told."""
    unmade = [getattr(Mention, name).is_(None) for name in unset]
    first: dict[str, Any] = {}
    if seen != HANDLED:
        first = {"handled_at": clock.now(), "handled_by_id": actor.id}
    changed = db.session.execute(
        sa.update(Mention)
        .where(Mention.id == mention.id, Mention.state == seen, *unmade)
        .values(state=state, **first)
        .returning(Mention.id)
        .execution_options(synchronize_session=False)
    ).first()
    db.session.refresh(mention)
    if changed is None:
        raise _conflict(mention)


def _conflict(mention: Mention) -> Conflict:
    """What stands now, and by whom."""
    db.session.refresh(mention)
    card = cards([mention.handled_by_id]).get(mention.handled_by_id or 0)
    name = card.name if card else _("Somebody")
    if mention.idea_id is not None:
        return Conflict(_("%(name)s has linked this post to an idea.", name=name))
    if mention.thread_id is not None:
        return Conflict(_("%(name)s has made a thread of this post.", name=name))
    if mention.state == DISMISSED:
        return Conflict(_("%(name)s has put this post aside.", name=name))
    return Conflict(_("Somebody has brought this post back as new."))


def poster(actor: Viewer, mention: Mention) -> Person:
    """Whoever wrote it, known again by their id or page on the channel, else by name in this source."""
    source = db.session.get_one(Source, mention.source_id)
    name = mention.author_name or source.name
    person = outside_person(
        actor,
        channel=source.channel.casefold(),
        external_id=mention.author_external_id
        or mention.author_url
        or f"source:{source.id}:{name.casefold()}",
        name=name,
        url=mention.author_url,
    )
    if mention.person_id != person.id:
        mention.person_id = person.id
        db.session.flush()
    return person


def title_of(mention: Mention) -> str:
    """A title for what is made of it: its own, else its first words."""
    words = mention.title or " ".join(mention.text[: TITLE_LENGTH * 4].split())
    return _shortened(words, TITLE_LENGTH) or _("A post from outside")


def _shortened(text: str, length: int) -> str:
    """Plain text of at most `length` characters, cut between words where it can be."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip() + "…"
