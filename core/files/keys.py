"""Keys of stored files: the hash of the content and an ending that tells its type."""

import hashlib
import re
from typing import Final

_UNKNOWN: Final = "bin"
_ENDINGS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/json": "json",
    "text/csv": "csv",
    "text/plain": "txt",
    "application/octet-stream": _UNKNOWN,
}
_TYPES: Final = {ending: content_type for content_type, ending in _ENDINGS.items()}
_KEY: Final = re.compile(rf"[0-9a-f]{{64}}\.({'|'.join(_TYPES)})")

PICTURE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def key_for(data: bytes, content_type: str) -> str:
    """The key of this content. A type outside the list (HTML, SVG, scripts) is kept as plain bytes."""
    ending = _ENDINGS.get(content_type.partition(";")[0].strip().lower(), _UNKNOWN)
    return f"{hashlib.sha256(data).hexdigest()}.{ending}"


def is_key(text: str) -> bool:
    """Whether a text could be a key at all; everything else names no file."""
    return bool(_KEY.fullmatch(text))


def type_of(key: str) -> str:
    """The content type of a key."""
    return _TYPES[key.rpartition(".")[2]]
