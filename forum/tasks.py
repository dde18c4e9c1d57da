"""What the forum does afterwards: search, live pages, second looks at imported text, leftovers."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core import clock, files, live
from core.db import db, reading, writing
from core.outbox import Delivery, Fact, on
from core.search import SearchBusy
from core.worker import every
from forum import indexer
from forum.events import (
    AnswerAccepted,
    AnswerUnaccepted,
    AuthorshipMoved,
    CategoryChanged,
    PostAdded,
    PostDeleted,
    PostEdited,
    PostRestored,
    ThreadDeleted,
    ThreadMoved,
    ThreadRestored,
    ThreadsImported,
    ThreadStarted,
)
from forum.models import Attachment, Draft, Post
from forum.queries.indexing import ALL, CATEGORY, THREADS, Scope
from forum.queries.searching import building

SLICE_SECONDS: Final = 4.0
KEEP_UNPLACED: Final = timedelta(days=90)
_POST_FACTS: Final = (PostAdded, PostDeleted, PostRestored, ThreadStarted)
_THREAD_FACTS: Final = (ThreadDeleted, ThreadRestored, ThreadMoved, AnswerAccepted, AnswerUnaccepted)
Deliveries = Sequence[tuple[Any, Delivery]]


@on(
    *_POST_FACTS,
    *_THREAD_FACTS,
    PostEdited,
    CategoryChanged,
    ThreadsImported,
    name="forum.index",
    batched=True,
)
def index_changes(deliveries: Deliveries) -> None:
    """Bring what changed up to date in the index, whatever happened to it in between."""
    facts = [fact for fact, _delivery in deliveries]
    post_ids = {fact.post_id for fact in facts if isinstance(fact, _POST_FACTS)}
    thread_ids = {fact.thread_id for fact in facts if isinstance(fact, _THREAD_FACTS)}
    edited = {fact.post_id for fact in facts if isinstance(fact, PostEdited)}
    thread_ids |= _threads_opened_by(edited)
    if post_ids or edited or thread_ids:
        indexer.update(post_ids | edited, thread_ids)
    for scope in _scopes(
        facts
    ):  # last, as a step of a run notes it last: neither waits for the other in a circle
        indexer.begin(scope)


@on(AuthorshipMoved, name="forum.index_authors")
def index_authors(fact: AuthorshipMoved, delivery: Delivery) -> None:
    """Posts are found under whoever they belong to now."""
    indexer.update((), fact.thread_ids)


def _threads_opened_by(post_ids: set[int]) -> set[int]:
    """An edited opening post may have changed the tags of the whole thread."""
    if not post_ids:
        return set()
    statement = sa.select(Post.thread_id).where(Post.id.in_(post_ids), Post.position == 1)
    return set(db.session.execute(statement).scalars())


def _scopes(facts: Sequence[Fact]) -> list[Scope]:
    opened = {fact.category_id for fact in facts if isinstance(fact, CategoryChanged) and fact.is_access_new}
    imported = [fact for fact in facts if isinstance(fact, ThreadsImported)]
    return [Scope(CATEGORY, category_id) for category_id in sorted(opened)] + _stretches(imported)


def _stretches(imported: Sequence[ThreadsImported]) -> list[Scope]:
    """One run for batches that lie side by side: large ones are quicker."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted((fact.first_thread_id, fact.last_thread_id) for fact in imported):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return [Scope(THREADS, first, last) for first, last in joined]


@on(PostAdded, name="forum.live", batched=True)
def tell_open_pages(deliveries: Deliveries) -> None:
    """Tell pages that show a thread of its new posts: where they stand, nothing of what they say."""
    ids = [fact.post_id for fact, _delivery in deliveries]
    statement = (
        sa.select(Post.thread_id, Post.position, Post.author_id).where(Post.id.in_(ids)).order_by(Post.id)
    )
    for row in db.session.execute(statement):
        message = {
            "type": "thread.replied",
            "kind": "post",
            "thread": row.thread_id,
            "position": row.position,
        }
        live.publish([f"thread:{row.thread_id}"], message | {"author": row.author_id})


@every(timedelta(seconds=SLICE_SECONDS), name="forum.search")
def tend_search() -> None:
    """Mend the index if it is damaged, go on with runs, polish imported texts: a few seconds at a time."""
    until = time.monotonic() + SLICE_SECONDS
    try:
        indexer.mend()
        indexer.advance(SLICE_SECONDS / 2)
    except SearchBusy:
        return  # `fullcircle reindex` is at it; the runs wait
    while indexer.polish() and time.monotonic() < until:
        continue


@files.holder
def holds_picture(key: str) -> bool:
    """Whether a stored file stands in somebody's post or draft."""
    return (
        db.session.execute(sa.select(Attachment.id).where(Attachment.key == key).limit(1)).first() is not None
    )


@every(timedelta(hours=24), name="forum.leftovers")
def sweep_leftovers() -> None:
    """Drop pictures that stood in no post for three months and are in none of their owner's drafts."""
    with reading():
        text = sa.cast(Draft.fields, sa.Text)
        drafted = sa.exists().where(
            Draft.person_id == Attachment.owner_id, text.contains(Attachment.public_id)
        )
        old = sa.and_(Attachment.post_id.is_(None), Attachment.created_at < clock.now() - KEEP_UNPLACED)
        ids = list(db.session.execute(sa.select(Attachment.id).where(old, ~drafted).limit(500)).scalars())
    with writing():
        unplaced = sa.and_(Attachment.id.in_(ids), Attachment.post_id.is_(None))
        gone = sa.delete(Attachment).where(unplaced).returning(Attachment.key)
        keys = set(db.session.execute(gone).scalars())
        keys -= set(db.session.execute(sa.select(Attachment.key).where(Attachment.key.in_(keys))).scalars())
    for key in keys:
        files.delete(key)


def schedule_reindex_if_needed() -> bool:
    """Start over in the background if the index is missing or damaged; True when there are posts to index."""
    try:
        return indexer.mend()
    except SearchBusy:
        return False


def reindex(progress: Callable[[int, int], None] | None = None) -> int:
    """Rebuild the whole index here and now; `progress(done, total)`. Returns how many posts were read."""
    last = [0]

    def report(done: int, total: int) -> None:
        last[0] = done
        if progress:
            progress(done, total)

    indexer.rebuild()
    while indexer.advance(60.0, report):
        continue
    return last[0]


def reindex_command(say: Callable[[str], None]) -> str:
    """What `fullcircle reindex` does. Where the running site holds the index, that does the work."""
    began = time.monotonic()

    def report(done: int, total: int) -> None:
        say(f"  {done:,} of {total:,} posts ({100 * done // max(1, total)} %)")

    try:
        number = reindex(report)
    except SearchBusy:
        _watch(say)
        return "The running site has rebuilt the search index."
    took = time.monotonic() - began
    return f"The search index was rebuilt: {number:,} posts in {took:.1f} s."


def _watch(say: Callable[[str], None]) -> None:
    with writing():
        indexer.begin(Scope(ALL))
    say("The running site keeps the index; it rebuilds it now.")
    while True:
        with reading():
            share = building()
        if share is None:
            return
        say(f"  {100 * share:.0f} %")
        time.sleep(2)
