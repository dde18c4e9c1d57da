"""The threads of an import: a question with its answers and comments in the order of their dates, votes and tags.

A batch is rendered before its write transaction opens. What is here already stays as it is; a newer dump's new
posts are put behind the others of their thread.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db, reading, writing
from core.outbox import record
from forum.actions.locking import count_in_category, lock
from forum.addresses import slug_of
from forum.events import ThreadsImported
from forum.importing.labels import tag_threads
from forum.importing.posts import Draft, drafts_of
from forum.importing.writing import Job, by_key, insert, insert_keyed
from forum.models import ANSWER, COMMENT, QUESTION, Post, PostVote, Thread
from people.models import Person

Values = dict[str, Any]


@dataclass(slots=True)
class Batch:
    """A stretch of questions with all that is to be written for them, and what of it was here before."""

    questions: Mapping[int, Any]
    drafts: Mapping[int, Sequence[Draft]]  # new posts by question, in the order of their positions
    people: Mapping[str, int]
    threads: dict[int, int]  # ids of threads, by question
    posts: dict[str, int]  # ids of posts, by origin key
    new: list[int] = field(default_factory=list)  # questions that become threads now
    grown: list[int] = field(default_factory=list)  # questions whose threads get more posts
    askers: dict[int, int] = field(default_factory=dict)  # who asked, by question


def write_threads(job: Job) -> None:
    """Every question with what belongs to it, a batch at a time."""
    total = int(job.store.value("SELECT count(*) FROM post WHERE thread IS NOT NULL"))
    done = int(job.store.value("SELECT count(*) FROM post WHERE thread <= ?", [job.run.after]))
    while stretch := job.store.stretch(job.run.after):
        batch = _prepare(job, *stretch)
        _write(job, batch, stretch[1])
        done += int(job.store.value("SELECT count(*) FROM post WHERE thread BETWEEN ? AND ?", stretch))
        job.progress.show("Threads", done, total)


# Before the transaction: look up what is here, render what is not


def _prepare(job: Job, first: int, last: int) -> Batch:
    rows = job.store.rows("SELECT * FROM post WHERE kind = 1 AND id BETWEEN ? AND ?", [first, last])
    questions = {row["id"]: row for row in rows}
    with reading():
        threads = _threads_here(job, questions)
        posts = _posts_here(threads.values())
    drafts = drafts_of(job.store, job.origin, first, last, posts)
    keys = {key for each in drafts.values() for draft in each for key in (draft.author, draft.editor)}
    with reading():
        people = by_key(Person, sorted(job.origin.author(key) for key in keys))
    batch = Batch(questions, drafts, people, threads, posts)
    batch.new = [number for number in questions if number not in threads]
    batch.grown = [number for number in threads if drafts.get(number)]
    return batch


def _threads_here(job: Job, questions: Iterable[int]) -> dict[int, int]:
    keys = {job.origin.key("post", number): number for number in questions}
    return {keys[key]: thread_id for key, thread_id in by_key(Thread, keys).items()}


def _posts_here(thread_ids: Iterable[int]) -> dict[str, int]:
    """Posts of these threads that came by import, by key."""
    statement = sa.select(Post.origin_key, Post.id).where(Post.thread_id.in_(list(thread_ids)))
    rows = db.session.execute(statement.where(Post.origin_key.is_not(None)))
    return {key: post_id for key, post_id in rows if key is not None}


# In the transaction


def _write(job: Job, batch: Batch, last: int) -> None:
    with writing():
        _insert_threads(job, batch)
        positions = _grow(job, batch)
        _insert_posts(job, batch, positions)
        accepted = _accept(batch)
        tag_threads({batch.threads[number]: batch.questions[number]["tags"] for number in batch.new})
        votes = _insert_votes(batch)
        _announce(job, batch)
        kinds = Counter(draft.kind for each in batch.drafts.values() for draft in each)
        job.run.note(
            last,
            {
                "threads": len(batch.new),
                "answers": kinds[ANSWER],
                "comments": kinds[COMMENT],
                "accepted": accepted,
                **votes,
            },
        )


def _insert_threads(job: Job, batch: Batch) -> None:
    if not batch.new:
        return
    category = count_in_category(job.category_id, len(batch.new))
    batch.askers = {number: _person(job, batch, batch.drafts[number][0].author) for number in batch.new}
    rows = [_thread(job, batch, number, category.access) for number in batch.new]
    ids = insert_keyed(Thread, rows)
    batch.threads.update({number: ids[job.origin.key("post", number)] for number in batch.new})


def _thread(job: Job, batch: Batch, number: int, access: int) -> Values:
    question, drafts = batch.questions[number], batch.drafts[number]
    latest = max(drafts, key=_date)
    closed = drafts[0].closed_at
    return {
        "category_id": job.category_id,
        "kind": QUESTION,
        "title": question["title"],
        "slug": slug_of(question["title"]),
        "author_id": batch.askers[number],
        "access": access,
        "tags": question["tags"],
        "post_count": len(drafts),
        "reply_count": len(drafts) - 1,
        "answer_count": sum(draft.kind == ANSWER for draft in drafts),
        "score": drafts[0].score,
        "view_count": question["views"],
        "created_at": drafts[0].at,
        "last_post_at": latest.at,
        "last_post_by_id": _person(job, batch, latest.author),
        "closed_at": closed,
        "closed_reason": _("Closed on %(place)s.", place=job.origin.label) if closed else "",
        "origin_label": job.origin.words({draft.licence for draft in drafts}),
        "origin_url": job.origin.url(number),
        "origin_key": job.origin.key("post", number),
    }


def _person(job: Job, batch: Batch, key: str) -> int:
    return batch.people[job.origin.author(key)]


def _grow(job: Job, batch: Batch) -> dict[int, int]:
    """Count new posts into the threads that were here; positions of all threads so far, by question."""
    positions = dict.fromkeys(batch.new, 0)
    for number in batch.grown:
        thread = lock(batch.threads[number])
        drafts = _fitting(thread, batch.drafts[number])
        positions[number], batch.askers[number] = thread.post_count, thread.author_id
        latest = max(drafts, key=_date)
        thread.post_count += len(drafts)
        thread.reply_count += len(drafts)
        thread.answer_count += sum(draft.kind == ANSWER for draft in drafts)
        if latest.at > thread.last_post_at:
            thread.last_post_at, thread.last_post_by_id = latest.at, _person(job, batch, latest.author)
    db.session.flush()
    return positions


def _fitting(thread: Thread, drafts: Sequence[Draft]) -> Sequence[Draft]:
    """A thread that has an accepted answer keeps it; one that became something else (an idea) has no answers."""
    is_question = thread.kind == QUESTION
    for draft in drafts:
        draft.kind = draft.kind if is_question else COMMENT
        if thread.accepted_post_id is not None or not is_question:
            draft.accepted_at = None
    return drafts


def _date(draft: Draft) -> datetime:
    return draft.at


def _insert_posts(job: Job, batch: Batch, positions: Mapping[int, int]) -> None:
    """What is replied to goes in before the replies, for these name its id."""
    rows: list[tuple[Draft, Values]] = []
    for number, drafts in batch.drafts.items():
        start = positions.get(number, 0) + 1
        rows += [
            (draft, _post(job, batch, draft, number, position))
            for position, draft in enumerate(drafts, start)
        ]
    first = [values for draft, values in rows if draft.reply_to is None]
    batch.posts.update(insert_keyed(Post, first))
    later = [
        values | {"reply_to_id": batch.posts[draft.reply_to]} for draft, values in rows if draft.reply_to
    ]
    batch.posts.update(insert_keyed(Post, later))


def _post(job: Job, batch: Batch, draft: Draft, number: int, position: int) -> Values:
    return {
        "thread_id": batch.threads[number],
        "position": position,
        "kind": draft.kind,
        "author_id": _person(job, batch, draft.author),
        "source": draft.text.source,
        "format": draft.text.format,
        "html": draft.text.html,
        "text_version": draft.text.version,
        "score": draft.score,
        "created_at": draft.at,
        "edited_at": draft.edited_at,
        "edited_by_id": batch.people.get(job.origin.author(draft.editor)) if draft.edited_at else None,
        "accepted_at": draft.accepted_at,
        "accepted_by_id": batch.askers[number] if draft.accepted_at else None,
        "origin_key": draft.key,
    }


def _accept(batch: Batch) -> int:
    """Mark the accepted answers that came in now; returns how many."""
    rows = [
        {
            "thread": batch.threads[number],
            "post": batch.posts[draft.key],
            "moment": draft.accepted_at,
            "asker": batch.askers[number],
        }
        for number, drafts in batch.drafts.items()
        for draft in drafts
        if draft.accepted_at
    ]
    if rows:
        db.session.execute(_ACCEPT, rows)
    return len(rows)


_TABLE: Final = sa.inspect(Thread).local_table.c
_ACCEPT: Final = (
    sa.update(Thread.__table__)  # type: ignore[arg-type]
    .where(_TABLE.id == sa.bindparam("thread"))
    .values(
        accepted_post_id=sa.bindparam("post"),
        accepted_at=sa.bindparam("moment"),
        accepted_by_id=sa.bindparam("asker"),
    )
)


def _insert_votes(batch: Batch) -> dict[str, int]:
    """The votes of posts that are new; nobody is named as their voter."""
    rows = [
        {
            "post_id": batch.posts[draft.key],
            "person_id": None,
            "value": vote.value,
            "at": vote.at,
            "origin_key": vote.key,
        }
        for drafts in batch.drafts.values()
        for draft in drafts
        for vote in draft.votes
    ]
    insert(PostVote, rows)
    ups = sum(row["value"] == 1 for row in rows)
    return {"up": ups, "down": len(rows) - ups}


def _announce(job: Job, batch: Batch) -> None:
    """One event for the new threads, one for those that have grown."""
    for numbers in (batch.new, batch.grown):
        ids = [batch.threads[number] for number in numbers]
        if ids:
            record(ThreadsImported(min(ids), max(ids)), actor=job.actor)
