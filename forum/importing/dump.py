"""Reading the XML files of a dump row by row, in constant memory, without document types and entities."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat

from core.errors import Refused

CHUNK: Final = 1 << 16
LONGEST_ROW: Final = 8 << 20
"""Bytes one element may have: a longer one is no row of a dump."""

DEEPEST: Final = 8
"""Elements inside one another; a dump has two."""

Row = tuple[int, dict[str, str]]
"""The line a row begins in, and its attributes."""

FILES: Final = {
    "Posts.xml": "posts",
    "Users.xml": "users",
    "Tags.xml": "tags",
    "Votes.xml": "votes",
    "Comments.xml": "comments",
    "PostLinks.xml": "postlinks",
}
"""The files that are read, and the name of their outermost element."""

# References to what may be no text: most of a dump's stand for line ends and are passed over at once.
_REFERENCE: Final = re.compile(
    rb"&#(?:x0*([0-8bcef]|1[0-9a-f]|d[89a-f][0-9a-f]{2}|fff[ef]|[0-9a-f]{6,8})"
    rb"|0*([0-8]|1[124-9]|2[0-9]|3[01]|5[5-7][0-9]{3}|6553[45]|[0-9]{7,10}));",
    re.IGNORECASE,
)
_CUT: Final = re.compile(rb"&[#0-9a-zA-Z]{0,12}\Z")


def find(directory: Path) -> dict[str, Path]:
    """The files of the dump in a folder, by their usual names. Raises Refused when Posts.xml is not among them."""
    there = {path.name.lower(): path for path in sorted(directory.iterdir()) if path.is_file()}
    found = {name: there[name.lower()] for name in FILES if name.lower() in there}
    if "Posts.xml" not in found:
        hint = " Unpack the archive first." if any(name.endswith(".7z") for name in there) else ""
        raise Refused(
            f"There is no Posts.xml in {directory}: name the folder with the dump's XML files.{hint}"
        )
    return found


def rows(path: Path, root: str, on_read: Callable[[int], None]) -> Iterator[Row]:
    """Every `<row>` of a file; `on_read` is told the bytes read so far.

    Raises Refused with file and line for broken XML, another outermost element than `root`, a document type,
    and an element longer than LONGEST_ROW.
    """
    reader = _Reader(path.name, root)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield from reader.feed(chunk)
            size += len(chunk)
            on_read(size)
    yield from reader.end()


class _Reader:
    """One file on its way through expat."""

    def __init__(self, name: str, root: str) -> None:
        self.name = name
        self.root = root
        self.depth = 0
        self.found: list[Row] = []
        self.fed = 0
        self.rest = b""
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes) -> list[Row]:
        """The rows that end in this chunk."""
        data = self.rest + chunk
        cut = _CUT.search(data)
        self.rest = data[cut.start() :] if cut else b""
        return self._parse(_mended(data[: cut.start()] if cut else data), last=False)

    def end(self) -> list[Row]:
        """The rows of what is left; the file ends here."""
        return self._parse(self.rest, last=True)

    def _parse(self, data: bytes, *, last: bool) -> list[Row]:
        began = self.fed
        self.fed += len(data)
        self.found = []
        try:
            self.parser.Parse(data, last)
        except expat.ExpatError as error:
            raise self._refusal(error.lineno, self._reason(error, data, began)) from None
        except (
            LookupError,
            ValueError,
        ) as error:  # expat asks Python's codecs for encodings it does not know
            raise self._refusal(1, str(error)) from None
        if self.fed - self.parser.CurrentByteIndex > LONGEST_ROW:
            raise self._refusal(
                self.parser.CurrentLineNumber, f"an element is longer than {LONGEST_ROW:,} bytes"
            )
        return self.found

    def _reason(self, error: expat.ExpatError, data: bytes, began: int) -> str:
        words = expat.ErrorString(error.code) or "broken XML"
        at = self.parser.ErrorByteIndex - began
        if words.startswith("not well-formed") and at >= 0 and not _is_utf8(data[at : at + 4]):
            return f"{words}: this is not UTF-8"
        return words

    def _refusal(self, line: int, reason: str) -> Refused:
        return Refused(f"{self.name}, line {line}: {reason}.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        line = self.parser.CurrentLineNumber
        if self.depth == 1 and name.lower() != self.root:
            raise self._refusal(line, f"this begins with <{name[:40]}>, not with <{self.root}>")
        if self.depth > DEEPEST:
            raise self._refusal(line, "elements stand too deep inside one another")
        if self.depth == 2 and name == "row":
            self.found.append((line, attributes))

    def _end(self, _name: str) -> None:
        self.depth -= 1

    def _doctype(self, *_declaration: object) -> None:
        line = self.parser.CurrentLineNumber
        raise self._refusal(
            line, "a document type is declared here; dumps have none, and entities are not read"
        )


def _mended(data: bytes) -> bytes:
    """References to characters that XML forbids, which dumps do hold, become U+FFFD."""
    return _REFERENCE.sub(_allowed, data)


def _allowed(reference: re.Match[bytes]) -> bytes:
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    is_text = number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE
    return reference[0] if is_text or 0x10000 <= number < 0x110000 else b"&#xFFFD;"


def _is_utf8(data: bytes) -> bool:
    """Whether a whole character stands at the beginning."""
    for length in range(1, len(data) + 1):
        try:
            data[:length].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False
