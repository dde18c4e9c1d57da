"""Where ideas come from: raised by somebody, or made of a thread."""

from collections.abc import Sequence

from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.text import Rendered
from core.viewer import Viewer
from forum import actions as forum
from forum import queries as forum_queries
from forum.models import IDEA, Thread
from ideation import policy, queries
from ideation.actions.evidence import add_post, origin_of
from ideation.actions.locking import touch
from ideation.actions.votes import cast
from ideation.events import IdeaRaised
from ideation.models import OPEN, Idea


def raise_idea(
    actor: Viewer,
    *,
    title: str,
    body: Rendered,
    category_id: int | None = None,
    tags: Sequence[str] = (),
    author_id: int | None = None,
    origin_label: str = "",
    origin_url: str = "",
) -> Idea:
    """Write down a wish: a thread of kind idea, with its author's vote and follow in the same transaction.

    `author_id` other than the actor's own is for staff who write down what somebody asked for elsewhere.
    The same title sent twice within a minute is one idea. Raises Refused for a category that is not for ideas.
    """
    require(policy.may_raise(actor))
    author = author_id or actor.id
    if author != actor.id:
        require(policy.may_raise_for(actor))
    thread = forum.start_thread(
        actor,
        category_id=queries.room_for(actor, IDEA, category_id),
        title=title,
        body=body,
        kind=IDEA,
        tags=tags,
        author_id=author,
        origin_label=origin_label,
        origin_url=origin_url,
    )
    return queries.idea_of_thread(thread.id) or _new_idea(actor, thread)


def _new_idea(actor: Viewer, thread: Thread) -> Idea:
    moment = clock.now()
    idea = Idea(
        thread_id=thread.id, status=OPEN, status_reason="", status_at=moment, vote_count=0, created_at=moment
    )
    db.session.add(idea)
    db.session.flush()
    record(IdeaRaised(idea.id, thread.id, thread.author_id), actor=actor)
    cast(actor, idea, thread.author_id)
    return idea


def turn_into_idea(
    actor: Viewer, thread: Thread, *, title: str, body: Rendered, category_id: int | None = None
) -> Idea:
    """Make an idea out of a thread: its author becomes the idea's author, its opening post the first evidence.

    Raises Refused when it became one before.
    """
    require(policy.may_turn(actor, thread))
    touch(thread.id)  # and hold its row: of two who do this at once, the second sees what the first made
    opening = forum_queries.opening_post(thread.id)
    if queries.idea_from_post(opening.id) is not None:
        raise Refused(_("This thread already became an idea."))
    idea = raise_idea(
        actor,
        title=title,
        body=body,
        category_id=category_id,
        tags=tuple(thread.tags.split()),
        author_id=thread.author_id,
        **origin_of(thread),
    )
    add_post(actor, idea, opening, thread)
    return idea
