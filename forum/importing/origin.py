"""Where an import comes from: the name its rows are known by, and what its licence asks to be shown."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from core.errors import Refused
from core.forms import one_line

KIND: Final = "stackexchange"
LICENCE: Final = "CC BY-SA"  # of every public dump, where a row does not say which version
LONGEST_LABEL: Final = 60
_HOST: Final = re.compile(r"(?=.{4,60}\Z)[a-z0-9-]+(\.[a-z0-9-]+)+")
_HOME_LINK: Final = re.compile(r"""(<(?:a|img)\b[^<>]{0,2000}?\b(?:href|src)=["'])/(?!/)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """`label` names the import for good: the site's host when it is known, else the folder's name."""

    label: str
    site: str

    @classmethod
    def of(cls, directory: Path, site: str) -> Self:
        """Raises Refused for a site that is no host name, such as `travel.stackexchange.com`."""
        host = _host(site)
        return cls(host or _bounded(one_line(directory.resolve().name)), host)

    def key(self, kind: str, number: object) -> str:
        """The lasting key of one of its rows, such as `stackexchange:travel.stackexchange.com:post:12`."""
        return f"{KIND}:{self.label}:{kind}:{number}"

    def author(self, key: str) -> str:
        """The same for an author's key (`user:9`, `name:Ana`, `nobody`)."""
        return f"{KIND}:{self.label}:{key}"

    def url(self, question: int) -> str:
        """Where a question stands at its origin; empty when that is not known."""
        return f"https://{self.site}/questions/{question}" if self.site else ""

    def words(self, licences: Collection[str]) -> str:
        """What a thread's page says of its origin: the place, and the licences of its posts."""
        shown = ", ".join(sorted({licence or LICENCE for licence in licences}))
        room = 80 - len(shown) - 3
        return f"{self.label[:room]} · {shown}" if room > 4 else self.label[:80]

    def at_home(self, html: str) -> str:
        """HTML with links that begin at the site's root made whole, so that they lead there and not here."""
        return _HOME_LINK.sub(rf"\1https://{self.site}/", html) if self.site else html


def _host(site: str) -> str:
    given = one_line(site).lower()
    if not given:
        return ""
    host = urlsplit(given if "//" in given else f"//{given}").hostname or ""
    if not _HOST.fullmatch(host):
        raise Refused(f"{site!r} is not a site's address: give it as travel.stackexchange.com.")
    return host


def _bounded(name: str) -> str:
    name = name or "dump"
    if len(name) <= LONGEST_LABEL:
        return name
    return name[: LONGEST_LABEL - 13] + "-" + hashlib.sha256(name.encode()).hexdigest()[:12]
