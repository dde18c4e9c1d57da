"""One app for all tests of a process: before each of them it forgets everything, as if it were made anew."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask

from core import cache, config, files, live, mail, outgoing, search, worker
from core.db import db, dispose
from core.shelf import Shelf
from tests.grounds import Ground

# What these give an app remembers things between requests, so it is made anew for each test. Besides it there are
# shelves, which are cleared, and what holds nothing that a test could change. tests/test_tooling.py keeps this whole.
REMEMBERING: Final = (cache, files, mail, live, outgoing, search, worker)
LIMITS: Final = "fullcircle.limits"  # starts a thread when it is made, so it is set back instead
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


class LastingApp:
    """An app that a test after another gets as if it were new, over a ground that was emptied.

    Making one takes as long as three tests, and each new one compiles its routes, templates and statements.
    """

    def __init__(self, app: Flask, ground: Ground) -> None:
        """Remember how the app is now, before anything happened to it."""
        self.app, self._ground = app, ground
        with app.app_context():
            if db.engine.dialect.name == "sqlite":
                sa.event.listen(db.engine, "connect", _trust_the_disk)
        app.test_client().get("/health")  # from now on Flask itself refuses new routes
        self._extensions = dict(app.extensions)
        self._config = dict(app.config)
        self._registers = {name: _copied(getattr(app, name)) for name in REGISTERS}
        self._laid = ground.laid

    def fresh(self) -> Flask:
        """The app as it was when it was made, over its ground that was emptied."""
        if self._laid != self._ground.laid:
            with self.app.app_context():
                dispose()
            self._laid = self._ground.laid
        _put_back(self.app.config, self._config)
        for name, entries in self._registers.items():
            _put_back(getattr(self.app, name), _copied(entries))
        settings: config.Settings = self._extensions["fullcircle.settings"]
        _put_back(self.app.extensions, self._extensions | memories(settings))
        self.app.extensions[LIMITS].storage.reset()
        self.app.extensions[COUNTING] = type(self.app.extensions[COUNTING])()
        for value in self.app.extensions.values():
            if isinstance(value, Shelf):
                value.clear()
        return self.app

    def rest(self) -> None:
        """After a test: connections stay for the next one, unless somebody still uses one of them."""
        with self.app.app_context():
            search.index().close()
            db.session.remove()
            pool: Any = db.engine.pool
        if pool.checkedout():
            self._laid = -1


def let_go(app: Flask) -> None:
    """Close what an app holds open, so that its database can be dropped."""
    with app.app_context():
        search.index().close()
        db.session.remove()
        dispose()


def _trust_the_disk(connection: Any, _: object) -> None:
    """No test of the shared app cuts the power: waiting for the disk would show nothing."""
    connection.execute("PRAGMA synchronous=OFF")


def memories(settings: config.Settings) -> dict[str, Any]:
    """What the product's seams give a new app to remember things in."""
    bare = Flask("bare", static_folder=None, root_path="/", instance_path="/")  # told, not looked for
    for seam in REMEMBERING:
        seam.init(bare, settings)
    return {name: value for name, value in bare.extensions.items() if name == "cache" or "fullcircle" in name}


def _copied(entries: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value.copy() if isinstance(value, list | dict) else value for key, value in entries.items()}


def _put_back(place: Any, entries: Mapping[Any, Any]) -> None:
    place.clear()
    place.update(entries)
