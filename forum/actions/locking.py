"""One lock for each thread: whatever changes a thread takes its row first; changes stand in a line."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm.util import identity_key

from core.db import db, rows
from core.errors import NotFound
from core.prepared import Prepared
from forum.models import Category, Post, Thread

_LOCKED: Final = {"synchronize_session": False, "populate_existing": True}
_LOCK: Final = (  # built once: every change of a thread begins with it
    sa.update(Thread)
    .where(Thread.id == sa.bindparam("thread_id"))
    .values(version=Thread.version + 1)
    .returning(Thread)
)


def lock(thread_id: int) -> Thread:
    """The thread as it stands now, held until the transaction ends, its version grown by one.

    On PostgreSQL others wait here for the row, on SQLite for the write transaction. Raises NotFound.
    """
    values = {"thread_id": thread_id}
    found: Thread | None = db.session.execute(_LOCK, values, execution_options=_LOCKED).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


_T: Final = Thread.__table__.c
_HOLD: Final = Prepared(sa.select(*_T).where(_T.id == sa.bindparam("thread_id")).with_for_update())


def hold(thread_id: int) -> Any:
    """As `lock`, giving a plain row, for what is done many times a minute: whoever changes it counts its version.

    The session's own copy of the thread, if there is one, is read anew when it is next looked at. Raises NotFound.
    """
    found = rows(_HOLD, {"thread_id": thread_id})
    if not found:
        raise NotFound
    copy = db.session.identity_map.get(identity_key(Thread, thread_id))
    if copy is not None:
        db.session.expire(copy)
    return found[0]


def thread_of(post: Post) -> Thread:
    """The thread a post stands in, without locking it: what a rule needs to look at."""
    return db.session.get_one(Thread, post.thread_id)


def lock_post(post: Post) -> tuple[Thread, Post]:
    """The post's thread, locked, and the post as it stands now."""
    thread = lock(post.thread_id)
    db.session.refresh(post)
    return thread, post


def count_in_category(category_id: int, difference: int) -> Category:
    """Change a category's number of threads and hold its row. Raises NotFound."""
    statement = (
        sa.update(Category)
        .where(Category.id == category_id)
        .values(thread_count=Category.thread_count + difference)
        .returning(Category)
    )
    found = db.session.execute(statement, execution_options=_LOCKED).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found
