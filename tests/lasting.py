"""One app for all tests of a process: before each of them it forgets everything, as if it were made anew."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask

from core import cache, config, files, limits, live, mail, outgoing, search, worker
from core.db import db
from core.shelf import Shelf

# What these give an app remembers things between requests, so it is made anew for each test. Besides it there are
# shelves, which are cleared, and what holds nothing that a test could change. tests/test_tooling.py keeps this whole.
REMEMBERING: Final = (limits, cache, files, mail, live, outgoing, search, worker)
COUNTING: Final = "forum.views"
LASTING: Final = frozenset(
    {"babel", "csrf", "limiter", "sqlalchemy"}
    | {f"fullcircle.{name}" for name in ("assets", "commits", "engines", "settings", "words")}
)
REGISTERS: Final = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "template_context_processors",
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What an app stands on: settings that name a folder and a database, and a way to empty both."""

    environ: dict[str, str]
    empty: Callable[[], None]


class LastingApp:
    """An app that a test after another gets as if it were new, over a ground that was emptied.

    Making one takes as long as three tests, and each new one compiles its routes, templates and statements.
    """

    def __init__(self, app: Flask) -> None:
        """Remember how the app is now, before anything happened to it."""
        self.app = app
        with app.app_context():
            if db.engine.dialect.name == "sqlite":
                sa.event.listen(db.engine, "connect", _trust_the_disk)
        app.test_client().get("/health")  # from now on Flask itself refuses new routes
        self._extensions = dict(app.extensions)
        self._config = dict(app.config)
        self._registers = {name: _copied(getattr(app, name)) for name in REGISTERS}
        self.let_go()

    def fresh(self) -> Flask:
        """The app as it was when it was made."""
        _put_back(self.app.config, self._config)
        for name, entries in self._registers.items():
            _put_back(getattr(self.app, name), _copied(entries))
        settings: config.Settings = self._extensions["fullcircle.settings"]
        _put_back(self.app.extensions, self._extensions | memories(settings))
        self.app.extensions[COUNTING] = type(self.app.extensions[COUNTING])()
        for value in self.app.extensions.values():
            if isinstance(value, Shelf):
                value.clear()
        return self.app

    def let_go(self) -> None:
        """Close every connection."""
        let_go(self.app)


def let_go(app: Flask) -> None:
    """Close what an app holds open, so that its database can be dropped."""
    with app.app_context():
        search.index().close()
        db.session.remove()
        db.engine.dispose()


def _trust_the_disk(connection: Any, _: object) -> None:
    """No test of the shared app cuts the power: waiting for the disk would show nothing."""
    connection.execute("PRAGMA synchronous=OFF")


def memories(settings: config.Settings) -> dict[str, Any]:
    """What the product's seams give a new app to remember things in."""
    bare = Flask("bare", static_folder=None)
    for seam in REMEMBERING:
        seam.init(bare, settings)
    return {name: value for name, value in bare.extensions.items() if name == "cache" or "fullcircle" in name}


def _copied(entries: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value.copy() if isinstance(value, list | dict) else value for key, value in entries.items()}


def _put_back(place: Any, entries: Mapping[Any, Any]) -> None:
    place.clear()
    place.update(entries)


def clear(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
