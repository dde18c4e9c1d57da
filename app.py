"""Joins every feature into one Flask application."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response

from core import (
    assets,
    cache,
    compiled,
    config,
    cookies,
    db,
    files,
    limits,
    live,
    logs,
    mail,
    outgoing,
    pages,
    schema,
    search,
    sign_in,
    templates,
    web,
    worker,
)

ROOT = Path(__file__).resolve().parent
FEATURES: Final = (
    "people",
    "forum",
    "ideation",
    "ideation.backlog",
    "ideation.releases",
    "listening",
    "reputation",
    "notices",
    "admin",
)
SEAMS: Final = (
    web,
    cookies,
    sign_in,
    assets,
    limits,
    cache,
    files,
    mail,
    live,
    outgoing,
    search,
    worker,
    schema,
)
ROOMS: Final = ("models", "events", "tasks", "panels", "views", "api")


class Fullcircle(Flask):
    """Flask with spliced pages, and without async views, for which it would look two dozen times with every request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none of ours is async."""
        return func

    def make_response(self, rv: Any) -> Response:
        """As Flask does, of pages whose kept pieces were put in."""
        return super().make_response(templates.whole(rv))


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """The application, set up from `environ` (the process's own when None)."""
    settings = config.load(environ)
    app = Fullcircle("fullcircle", root_path=str(ROOT), template_folder="templates", static_folder=None)
    config.init(app, settings)
    logs.init(settings)
    compiled.init(app, settings)
    db.init(app, settings)
    pages.init(app, settings)
    for seam in SEAMS:
        seam.init(app, settings)
    for feature in FEATURES:
        _join(app, feature)
    web.trust_proxies(app, settings)
    return app


def _join(app: Flask, feature: str) -> None:
    """Import the rooms a feature has and register its routes."""
    for room in ROOMS:
        name = f"{feature}.{room}"
        if find_spec(name) is None:
            continue
        blueprint = getattr(import_module(name), "blueprint", None)
        if blueprint is not None:
            app.register_blueprint(blueprint)
