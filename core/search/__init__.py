"""Search: Whoosh at home, PostgreSQL full text at scale, the same queries and the same found posts on both.

Chosen by SEARCH_URL: `whoosh:PATH`, or `postgresql:` for the product's own database; by default PostgreSQL where
that is the database, else Whoosh in VAR_DIR/search. Engines name candidates; the caller rechecks them in SQL.
"""

from pathlib import Path

from flask import Flask, current_app

from core.config import SettingError, Settings
from core.search.documents import MOST_HITS, Document, Hit, Index, SearchBusy, SearchDamaged
from core.search.grammar import MOST_CHARS, Phrase, Query, highlight, parse

__all__ = [
    "MOST_CHARS",
    "MOST_HITS",
    "Document",
    "Hit",
    "Index",
    "Phrase",
    "Query",
    "SearchBusy",
    "SearchDamaged",
    "highlight",
    "index",
    "init",
    "parse",
]

_KEY = "fullcircle.search"


def init(app: Flask, settings: Settings) -> None:
    """Choose the engine. Nothing is opened or made yet. Raises SettingError."""
    app.extensions[_KEY] = _chosen(settings)


def index() -> Index:
    """The current app's index."""
    found: Index = current_app.extensions[_KEY]
    return found


def _chosen(settings: Settings) -> Index:
    on_postgres = settings.database_url.startswith("postgresql")
    kind, colon, rest = (settings.search_url or ("postgresql:" if on_postgres else "whoosh:")).partition(":")
    if kind == "whoosh" and colon:
        return _whoosh(Path(rest) if rest else settings.var_dir / "search")
    if kind == "postgresql" and not rest.strip("/"):
        if not on_postgres:
            raise SettingError("SEARCH_URL=postgresql: needs DATABASE_URL to be a PostgreSQL address.")
        return _postgres()
    raise SettingError("SEARCH_URL must be whoosh:PATH or postgresql: (the product's own database).")


def _whoosh(path: Path) -> Index:
    from core.search.whoosh_index import WhooshIndex

    return WhooshIndex(path)


def _postgres() -> Index:
    from core.db import db
    from core.search.postgres_index import PostgresIndex

    return PostgresIndex(db.session)
