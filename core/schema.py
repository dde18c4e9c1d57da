"""Migrations: one line of history in migrations/, brought up by command and at start.

Alembic is loaded only when there is something to migrate: it costs a quarter of a second at every start.
"""

import re
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask, current_app

from core.config import Settings
from core.db import db

DIRECTORY: Final = Path(__file__).resolve().parent.parent / "migrations"
_REVISION: Final = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_DOWN: Final = re.compile(r'^down_revision = (?:"(\w+)"|None)$', re.MULTILINE)


def init(app: Flask, settings: Settings) -> None:
    """Nothing is needed before a migration runs."""


def bring_up() -> None:
    """Upgrade the database to the newest revision."""
    _alembic().upgrade(directory=str(DIRECTORY))


def take_down(revision: str = "base") -> None:
    """Go back to a revision; `base` leaves no table. For tests and for undoing a failed upgrade by hand."""
    _alembic().downgrade(directory=str(DIRECTORY), revision=revision)


def stamp() -> None:
    """Note that the tables, made otherwise, are those of the newest revision."""
    _alembic().stamp(directory=str(DIRECTORY))


def revise(message: str, revision: str) -> None:
    """Write the next migration from what the models say: a developer reads it before it is committed."""
    _alembic().revision(directory=str(DIRECTORY), message=message, autogenerate=True, rev_id=revision)


def _alembic() -> Any:
    import flask_migrate

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if "migrate" not in app.extensions:
        flask_migrate.Migrate(app, db, directory=str(DIRECTORY), render_as_batch=True, compare_type=True)
    return flask_migrate


def known() -> set[str]:
    """Every revision in the code."""
    return {revision for revision, _ in _history()}


def heads() -> tuple[str, ...]:
    """The newest revisions in the code; there must be one."""
    steps = _history()
    followed = {down for _, down in steps}
    return tuple(revision for revision, _ in steps if revision not in followed)


def _history() -> list[tuple[str, str | None]]:
    """(revision, the one before it) of every migration, read from the files' own lines."""
    steps = []
    for path in sorted((DIRECTORY / "versions").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        revision, down = _REVISION.search(text), _DOWN.search(text)
        if revision:
            steps.append((revision.group(1), down.group(1) if down else None))
    return steps


def is_current() -> bool:
    """Whether the database stands at the newest revision."""
    with db.engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        stands = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()
        return tuple(stands) == heads()


def create_directly() -> None:
    """Make every table from the models, without history: for throw-away databases (a test shows both ways agree)."""
    db.create_all()
    db.session.remove()
