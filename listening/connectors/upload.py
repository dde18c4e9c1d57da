"""JSONL and CSV files: the whole file is checked before anything is stored, every bad line has its reason."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext as _

from listening.connectors.item import Item, Unreadable
from listening.connectors.rows import COLUMNS, Row, read_row

MAX_BYTES: Final = 20_000_000
MAX_ROWS: Final = 50_000
_OTHER_MARKS: Final = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK": "ZIP or Excel",
    b"\x1f\x8b": "gzip",
}
_DELIMITERS: Final = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class BadLines:
    """Lines of a file, first to last, that share a reason."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was read whole: what its good lines hold, and which lines are bad."""

    items: tuple[Item, ...]
    bad: tuple[BadLines, ...]

    @property
    def bad_count(self) -> int:
        """How many lines are bad."""
        return sum(part.last - part.first + 1 for part in self.bad)


def read(data: bytes, name: str) -> Checked:
    """Check a file. Raises Unreadable for what concerns it as a whole: size, encoding, kind, columns."""
    if len(data) > MAX_BYTES:
        raise Unreadable(
            _("The file is larger than %(size)s MB. Please send it in parts.", size=MAX_BYTES // 1_000_000)
        )
    text = _decoded(data)
    if not text.strip():
        raise Unreadable(_("The file is empty."))
    rows = _json_rows(text) if _is_json(text, name) else _csv_rows(text)
    return _checked(rows)


def _decoded(data: bytes) -> str:
    for mark, kind in _OTHER_MARKS.items():
        if data.startswith(mark):
            message = _("This is a %(kind)s file. Please save it as CSV or JSONL in UTF-8.", kind=kind)
            raise Unreadable(message)
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as problem:
        message = _(
            "The file is not written in UTF-8: line %(line)s holds the byte %(byte)s. "
            "Save it as UTF-8 (in Excel: “CSV UTF-8”) and send it again.",
            line=data.count(b"\n", 0, problem.start) + 1,
            byte=f"0x{data[problem.start]:02X}",
        )
        raise Unreadable(message) from None


def _is_json(text: str, name: str) -> bool:
    if name.lower().endswith((".csv", ".tsv", ".txt")):
        return False
    return name.lower().endswith((".jsonl", ".ndjson", ".json")) or text.lstrip()[:1] in "{["


Numbered = tuple[int, dict[str, Any] | str]  # a line's number with its values, or with what is wrong


def _json_rows(text: str) -> Iterator[Numbered]:
    if text.lstrip().startswith("["):
        raise Unreadable(_("This is one JSON list. In JSONL every line is an object of its own."))
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _json_row(line)


def _json_row(line: str) -> dict[str, Any] | str:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return _("This line is not JSON.")
    return values if isinstance(values, dict) else _("This line is JSON, but not an object.")


def _csv_rows(text: str) -> Iterator[Numbered]:
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = _columns(reader)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # What follows an open quote may be text: the rest of the file counts as this line.
            yield number, _("A quote is opened or closed in the wrong place.")
            return
        if any(cell.strip() for cell in cells):
            yield number, _csv_row(columns, cells)


def _columns(reader: Any) -> list[str]:
    """The names in the first line. Raises Unreadable with what is missing, unknown or doubled."""
    try:
        cells: list[str] = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    except csv.Error:
        raise Unreadable(_("The first line is not a line of column names.")) from None
    columns = [cell.strip().lower() for cell in cells]
    known = ", ".join(COLUMNS)
    if "text" not in columns:
        raise Unreadable(
            _("The column “text” is missing. The first line names the columns: %(known)s.", known=known)
        )
    unknown = [cell[:60] for cell in columns if cell not in COLUMNS]
    if unknown:
        names = ", ".join(unknown[:10])
        raise Unreadable(_("Unknown columns: %(names)s. Known are: %(known)s.", names=names, known=known))
    if len(set(columns)) < len(columns):
        raise Unreadable(_("A column stands twice in the first line."))
    return columns


def _csv_row(columns: list[str], cells: list[str]) -> dict[str, Any] | str:
    if len(cells) != len(columns):
        return _(
            "This line has %(number)s cells, the first line %(wanted)s.",
            number=len(cells),
            wanted=len(columns),
        )
    return dict(zip(columns, cells, strict=True))


def _checked(rows: Iterator[Numbered]) -> Checked:
    items: list[Item] = []
    bad: list[BadLines] = []
    count = 0
    for number, values in rows:
        count += 1
        if count > MAX_ROWS:
            raise Unreadable(
                _("The file has more than %(number)s rows. Please send it in parts.", number=f"{MAX_ROWS:,}")
            )
        found = values if isinstance(values, str) else read_row(Row, values)
        if isinstance(found, str):
            _note_bad(bad, number, found)
        else:
            items.append(found)
    if not count:
        raise Unreadable(_("The file names columns, but holds no rows."))
    return Checked(tuple(items), tuple(bad))


def _note_bad(bad: list[BadLines], number: int, reason: str) -> None:
    """Neighbours with one reason are told as one."""
    if bad and bad[-1].reason == reason and bad[-1].last == number - 1:
        bad[-1] = BadLines(bad[-1].first, number, reason)
    else:
        bad.append(BadLines(number, number, reason))
