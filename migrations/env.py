"""Runs migrations on the app's database. On SQLite foreign keys are off while tables are rebuilt, then checked."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from flask import current_app

from core.db import Instant

database = current_app.extensions["migrate"].db


def is_ours(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Search tables belong to their adapter, search indexes to `core/trigrams.py`."""
    return not (kind in {"table", "index"} and (name or "").startswith("search_"))


def render(kind: str, thing: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our own types as the plain ones they are made of."""
    if kind == "type" and isinstance(thing, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, sa.JSON):
        return 'sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")'
    return False


def configure(connection: sa.Connection) -> None:
    """Tell Alembic what to compare and how."""
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_as_batch=True,
        compare_type=True,
        include_object=is_ours,
        render_item=render,
        user_module_prefix="sa.",
    )


def run() -> None:
    """Run inside one transaction."""
    engine = database.engine
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                configure(connection)
                context.run_migrations()
            return
        raw = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                configure(connection)
                context.run_migrations()
                broken = raw.execute("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RuntimeError(f"the migration broke foreign keys: {broken[:5]}")
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


run()
