"""The files seam: content under its own hash, in a folder at home or in an S3-compatible store at scale.

A key is made from the content, never from a name that somebody gave, so no key can point elsewhere. Equal
content has one key, also across features: each says by `@holder` which keys its rows hold, and what is held
anywhere is not deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from flask import Flask, Response, current_app, request

from core.config import SettingError, Settings
from core.errors import NotFound
from core.files.keys import is_key, key_for, type_of
from core.files.local import LocalFiles
from core.files.serving import disposition, headers_for, safe_name

__all__ = [
    "Files",
    "Picture",
    "Stored",
    "accept_picture",
    "answer",
    "delete",
    "disposition",
    "exists",
    "get",
    "headers_for",
    "holder",
    "init",
    "put",
    "safe_name",
]

_KEY: Final = "fullcircle.files"

Holds = Callable[[str], bool]
_holders: list[Holds] = []


class Stored(NamedTuple):
    """A file as it was kept."""

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture fit to be kept and shown; sizes in pixels."""

    data: bytes
    content_type: str
    width: int
    height: int


class Backend(Protocol):
    """Where contents go. It is only ever given keys made by `key_for`."""

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Keep for good before returning."""

    def get(self, key: str) -> bytes | None:
        """The content, or None."""

    def delete(self, key: str) -> None:
        """Forget; a missing key is no error."""

    def exists(self, key: str) -> bool:
        """Whether it is there."""


class Files:
    """The seam's object: makes and judges keys, and leaves the keeping to its backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def put(self, data: bytes, content_type: str) -> str:
        """Keep content and return its key; the same content again is the same key."""
        key = key_for(data, content_type)
        self.backend.put(key, data, type_of(key))
        return key

    def get(self, key: str) -> Stored:
        """The content and its type. Raises NotFound."""
        data = self.backend.get(key) if is_key(key) else None
        if data is None:
            raise NotFound
        return Stored(data, type_of(key))

    def delete(self, key: str) -> None:
        """Forget content; a key that is not there is no error."""
        if is_key(key):
            self.backend.delete(key)

    def exists(self, key: str) -> bool:
        """Whether there is such content."""
        return is_key(key) and self.backend.exists(key)


def init(app: Flask, settings: Settings) -> None:
    """Choose the backend by FILES_URL: `file:PATH`, `s3://...`, or VAR_DIR/files. Raises SettingError."""
    app.extensions[_KEY] = Files(_backend(settings))


def _backend(settings: Settings) -> Backend:
    url = settings.files_url
    if url.startswith("s3://"):
        from core.files.s3 import S3Files

        return S3Files.from_url(url)
    if url and not url.startswith("file:"):
        raise SettingError("FILES_URL must begin with file: or s3://.")
    return LocalFiles(
        Path(url.removeprefix("file:").removeprefix("//")) if url else settings.var_dir / "files"
    )


def _files() -> Files:
    found: Files = current_app.extensions[_KEY]
    return found


def put(data: bytes, content_type: str) -> str:
    """Keep content for good and return its key. May raise Unavailable."""
    return _files().put(data, content_type)


def get(key: str) -> Stored:
    """The content and its type. Raises NotFound or Unavailable."""
    return _files().get(key)


def accept_picture(data: bytes) -> Picture:
    """Draw an uploaded picture anew. Raises Refused with words for the person who sent it."""
    from core.files import pictures  # what draws is loaded with the first picture

    return pictures.accept_picture(data)


def holder(holds: Holds) -> Holds:
    """Register a feature's answer to whether one of its rows holds a key: `@holder def holds(key) -> bool`."""
    _holders.append(holds)
    return holds


def delete(key: str) -> None:
    """Forget content unless somebody holds it still; a missing key is no error. May raise Unavailable."""
    if not any(holds(key) for holds in _holders):
        _files().delete(key)


def exists(key: str) -> bool:
    """Whether there is such content. May raise Unavailable."""
    return _files().exists(key)


def answer(key: str, *, filename: str = "", cache: str = "private, max-age=300") -> Response:
    """The response that hands a file out, for a view that has asked its policy.

    Raises NotFound or Unavailable. A key's content never changes: a browser that has it is told so.
    """
    if not is_key(key):
        raise NotFound
    response = Response(headers=headers_for(key, filename) | {"Cache-Control": cache})
    response.set_etag(key[:64])
    if request.if_none_match.contains(key[:64]):
        response.status_code = 304
        return response
    response.set_data(get(key).data)
    return response
