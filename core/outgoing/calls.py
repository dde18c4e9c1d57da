"""What a caller gives and gets: plain values, known without the client itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a whole call, redirects included."""

    deadline: float = 20.0  # seconds from start to last byte, look-up and handshakes included
    max_bytes: int = 5_000_000  # of the body, counted after decompression
    redirects: int = 5  # 0: a redirect is not followed but is itself the answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `headers` ignore case, `body` is decompressed, `url` is where the last redirect led."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


DEFAULT_LIMITS: Final = Limits()
