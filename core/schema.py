"""Migrations: one line of history in migrations/, brought up by command and at start."""

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_migrate import Migrate, upgrade

from core.config import Settings
from core.db import db

DIRECTORY = Path(__file__).resolve().parent.parent / "migrations"
migrate = Migrate(directory=str(DIRECTORY), render_as_batch=True, compare_type=True)


def init(app: Flask, settings: Settings) -> None:
    """Give the app its `db` commands."""
    migrate.init_app(app, db)


def bring_up() -> None:
    """Upgrade the database to the newest revision."""
    upgrade(directory=str(DIRECTORY))


def heads() -> tuple[str, ...]:
    """The newest revisions in the code; there must be one."""
    return tuple(_history().get_heads())


def known() -> set[str]:
    """Every revision in the code."""
    return {step.revision for step in _history().walk_revisions()}


def _history() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY))
    return ScriptDirectory.from_config(config)


def is_current() -> bool:
    """Whether the database stands at the newest revision."""
    with db.engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        return MigrationContext.configure(connection).get_current_heads() == heads()


def create_directly() -> None:
    """Make every table from the models, without history: for throw-away databases (a test shows both ways agree)."""
    db.create_all()
    with current_app.app_context():
        db.session.remove()
