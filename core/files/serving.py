"""How stored files are handed out: pictures to look at, everything else to be saved, nothing to be run."""

import unicodedata
from typing import Final
from urllib.parse import quote

from core.files.keys import PICTURE_TYPES, type_of

MAX_NAME: Final = 100  # characters
_UNSAFE: Final = frozenset('/\\:*?"<>|;%')


def headers_for(key: str, filename: str = "") -> dict[str, str]:
    """The headers under which a browser neither guesses another type nor runs what is inside."""
    content_type = type_of(key)
    kind = "inline" if content_type in PICTURE_TYPES else "attachment"
    return {
        "Content-Type": f"{content_type}; charset=utf-8"
        if content_type.startswith("text/")
        else content_type,
        "Content-Disposition": disposition(kind, filename or key),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }


def disposition(kind: str, filename: str) -> str:
    """A Content-Disposition (RFC 6266) that any name given by a person can go into."""
    name = safe_name(filename)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip() or "file"
    # Taken apart again: in plain ASCII other characters may have become unsafe ones.
    return f"{kind}; filename=\"{safe_name(plain)}\"; filename*=UTF-8''{quote(name, safe='')}"


def safe_name(filename: str) -> str:
    """A file name that names no folder, hides nothing by turned writing, and fits a header."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c if c not in _UNSAFE else "_" for c in last if unicodedata.category(c)[0] != "C")
    name = " ".join(kept.split()).strip(". ")
    if len(name) > MAX_NAME:
        stem, _dot, ending = name.rpartition(".")
        name = f"{stem[: MAX_NAME - 11]}.{ending[:10]}" if stem else name[:MAX_NAME]
    return name or "file"
