"""Static files under one content hash: cached for a year, and one stylesheet in place of twenty."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from flask import Flask, Response, has_request_context, request
from werkzeug.security import safe_join

from core.config import Settings
from core.context import here
from core.errors import NotFound

_KEY = "fullcircle.assets"
_ROOT = Path(__file__).resolve().parent.parent / "static"
_FOREVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, max-age=60"  # a page of the version before still asks for its own address
_TEXT = frozenset({".css", ".js", ".svg", ".json", ".webmanifest"})
SHEET = "app.css"


@dataclass(frozen=True)
class Assets:
    """The files under `root`. One hash names them all: modules may import each other by relative path."""

    root: Path
    _packed: dict[str, tuple[bytes, bytes | None]] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits over every file's path and bytes."""
        digest = hashlib.sha256()
        for path in sorted(p for p in self.root.rglob("*") if p.is_file()):
            digest.update(path.relative_to(self.root).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:12]

    def read(self, name: str) -> tuple[bytes, bytes | None]:
        """The bytes of `name`, plain and (for text) gzipped, kept in memory. Raises NotFound."""
        if name not in self._packed:
            data = self.sheet() if name == SHEET else self._file(name)
            packed = gzip.compress(data, 9, mtime=0) if Path(name).suffix in _TEXT else None
            self._packed[name] = (data, packed)
        return self._packed[name]

    def sheet(self) -> bytes:
        """The stylesheet: the files that css/order.txt lists, in that order."""
        order = (self.root / "css" / "order.txt").read_text(encoding="utf-8").split()
        return b"\n".join((self.root / "css" / name).read_bytes() for name in order)

    def _file(self, name: str) -> bytes:
        path = safe_join(str(self.root), name)
        if path is None or not Path(path).is_file():
            raise NotFound
        return Path(path).read_bytes()


def init(app: Flask, settings: Settings, root: Path = _ROOT) -> None:
    """Serve `root` at /assets/<version>/..., give templates `asset(path)`. Debug mode reads files anew."""
    app.extensions[_KEY] = Assets(root)
    app.jinja_env.globals["asset"] = asset
    app.add_url_rule("/assets/<version>/<path:name>", "assets", _serve)
    if app.debug:
        app.before_request(lambda: app.extensions.update({_KEY: Assets(root)}))


def asset(name: str) -> str:
    """The address of a file under static/ (or of "app.css"), which changes when any of them does."""
    kept = here().g
    place: str | None = kept.get("assets_place")
    if place is None:
        prefix = request.script_root if has_request_context() else ""
        place = kept.assets_place = f"{prefix}/assets/{_assets().version}"
    return f"{place}/{name}"  # by hand: a page asks a hundred times, once an icon


def _assets() -> Assets:
    found: Assets = here().app.extensions[_KEY]
    return found


def _serve(version: str, name: str) -> Response:
    assets = _assets()
    data, packed = assets.read(name)
    use_packed = packed is not None and request.accept_encodings["gzip"] > 0
    answer = Response(packed if use_packed else data, mimetype=mimetypes.guess_type(name)[0])
    answer.headers["Cache-Control"] = _FOREVER if version == assets.version else _BRIEFLY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if packed is not None:
        answer.headers["Vary"] = "Accept-Encoding"
    if use_packed:
        answer.headers["Content-Encoding"] = "gzip"
    return answer
