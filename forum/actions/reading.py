"""What reading leaves behind: how far somebody came, and how often a thread was opened."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from core import clock
from core.db import change, db, upsert
from core.errors import require
from core.prepared import PreparedChange
from core.viewer import Viewer
from forum import policy
from forum.models import Reading, Thread


def mark_read(actor: Viewer, thread_id: int, position: int) -> None:
    """Note how far somebody has read; never goes back. The caller has shown them these posts."""
    require(policy.may_keep_place(actor))
    moment = clock.now()
    row = {"person_id": actor.id, "thread_id": thread_id, "position": position, "at": moment}
    furthest = sa.case((Reading.position < position, position), else_=Reading.position)
    further = {"position": furthest, "at": moment}
    upsert(Reading.__table__, row, key=["person_id", "thread_id"], change=further)


_R: Final = Reading.__table__.c
_STEP: Final = PreparedChange(
    sa.update(Reading.__table__)  # type: ignore[arg-type]
    .where(_R.person_id == sa.bindparam("me"), _R.thread_id == sa.bindparam("thread"))
    .where(_R.position == sa.bindparam("before"))
    .values(position=_R.position + 1, at=sa.bindparam("moment", type_=_R.at.type))
)


def remember_writing(author_id: int, thread_id: int, position: int) -> None:
    """Their own words are no news to whoever had read all before them. For actions that have asked their own rule."""
    change(_STEP, {"me": author_id, "thread": thread_id, "before": position - 1, "moment": clock.now()})


def count_views(actor: Viewer, views: Mapping[int, int]) -> None:
    """Add views by thread id. No version grows: a page does not change because it was read."""
    require(policy.may_count_views(actor))
    table = Thread.__table__
    statement = (
        sa.update(table)  # type: ignore[arg-type]
        .where(table.c.id == sa.bindparam("thread"))
        .values(view_count=table.c.view_count + sa.bindparam("views"))
    )
    rows = [{"thread": thread_id, "views": number} for thread_id, number in sorted(views.items())]
    db.session.execute(statement, rows)
