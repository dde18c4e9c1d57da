"""Files that were looked at and not taken in yet: they wait for a day, so that nobody chooses them twice."""

import logging
from functools import partial

import sqlalchemy as sa

from core import clock, files
from core.db import after_commit, db
from core.errors import Unavailable, require
from core.viewer import Viewer
from listening import policy
from listening.models import WaitingFile
from listening.queries import WAITS

log = logging.getLogger(__name__)


def keep_file(actor: Viewer, source_id: int, *, token: str, key: str, name: str) -> None:
    """Note that the file stored under `key` waits; whoever manages sources can take it in by its token."""
    require(policy.may_manage_sources(actor))
    waiting = WaitingFile(
        token=token, source_id=source_id, key=key, name=name[-200:], at=clock.now(), by_id=actor.id
    )
    db.session.add(waiting)
    db.session.flush()


def drop_file(actor: Viewer, token: str) -> None:
    """It was taken in: it waits no more."""
    require(policy.may_manage_sources(actor))
    drop_where(WaitingFile.token == token)


def sweep_files(actor: Viewer) -> None:
    """Nobody came for them."""
    require(policy.may_receive(actor))
    drop_where(WaitingFile.at < clock.now() - WAITS)


def drop_where(rule: sa.ColumnElement[bool]) -> None:
    """The rows, and after the commit what they held. For actions that have asked their own rule."""
    gone = sa.delete(WaitingFile).where(rule).returning(WaitingFile.key)
    for key in set(db.session.execute(gone).scalars()):
        after_commit(partial(_forget, key))


def _forget(key: str) -> None:
    try:
        files.delete(key)
    except Unavailable:
        log.warning("an uploaded file could not be deleted: %s", key)
