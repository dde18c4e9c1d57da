"""Search at home: a Whoosh index in a directory, written by one process, read by any thread of any process.

A commit is atomic: the table of contents gets its name last, once the checksums of every file it names are on disk.
So a killed process leaves the state before, and a file that is not what was written is noticed when it is opened.
"""

import fcntl
import json
import os
import shutil
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from core.search.documents import MOST_HITS, Document, Hit, SearchBusy, SearchDamaged
from core.search.grammar import Query, resembling
from core.search.whoosh_matching import Matching
from core.search.whoosh_parts import OpenPart, fields_of, schema
from core.search.whoosh_writing import Writer
from core.search.words import VERSION

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from whoosh.filedb.filestore import FileStorage
    from whoosh.index import TOC, FileIndex
    from whoosh.writing import CLEAR

MERGED_AT_ONCE = 8  # segments of about the same size
LARGEST_MERGE = 8_000  # documents: some seconds of the worker's time
PATIENCE = 5.0  # seconds
_STAYS, _LEAVES = b"stays", b"     "  # written behind the number of the process that holds the lock
_NAME = "MAIN"
_SCHEMA = schema()

Merge = Callable[[Any, list[Any]], list[Any]]


class WhooshIndex:
    """The index in the directory `path`. Nothing is made there until `recover()` is called."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._storage = _CheckedStorage(self._path)
        self._reading = threading.RLock()  # readers share file positions
        self._state = ""  # the table of contents that `_parts` were opened from
        self._parts: dict[str, OpenPart] = {}  # by segment, in the order of the table of contents
        self._claim: _Claim | None = None

    def add(self, docs: Sequence[Document]) -> None:
        """Insert or replace documents by id, all of them or none."""
        newest = {document.id: document for document in docs}
        if not newest:
            return
        made = [fields_of(document) for document in newest.values()]  # before others have to wait
        with self._writing() as writer:
            self._delete(writer, newest)
            for fields in made:
                writer.add_document(**fields)

    def remove(self, ids: Collection[int]) -> None:
        """Forget documents; ids that are not there are passed over."""
        with self._reading:
            known = {part.number_of(one) for part in self._current().values() for one in ids} - {None}
        if known:
            with self._writing() as writer:
                self._delete(writer, ids)

    def find(self, query: Query, *, clearance: int, limit: int) -> list[Hit]:
        """The best posts for a query (see `Index.find`)."""
        if query.is_empty or limit < 1:
            return []
        with self._reading:
            return Matching(self._current().values(), clearance).find(query, min(limit, MOST_HITS))

    def similar(
        self, text: str, *, clearance: int, limit: int, kinds: Collection[str] | None = None
    ) -> list[Hit]:
        """Threads that resemble a title (see `Index.similar`)."""
        wanted = resembling(text)
        if not wanted.lexemes or limit < 1:
            return []
        with self._reading:
            return Matching(self._current().values(), clearance).similar(wanted, min(limit, MOST_HITS), kinds)

    def count(self) -> int:
        """How many documents are indexed."""
        with self._reading:
            return sum(part.size - len(part.deleted) for part in self._current().values())

    def clear(self) -> None:
        """Forget every document."""
        with self._writing(CLEAR):
            pass

    def settle(self) -> None:
        """Nothing to do: segments are merged as they come."""

    def healthy(self) -> bool:
        """Whether every file of the index is there and is what was written. Reads anew what looks changed."""
        try:
            segments = self._storage.contents(self._storage.state())
            for segment in segments:
                self._storage.check(_file_of(segment))
        except SearchDamaged:
            return False
        return True

    def recover(self) -> bool:
        """Make a missing or damaged index anew, empty; True if it did. Raises SearchBusy."""
        with _claimed(self._path), self._reading:
            if self.healthy():
                return False
            self._parts, self._state = {}, ""
            shutil.rmtree(self._path, ignore_errors=True)
            self._path.mkdir(mode=0o700, parents=True)
            FileIndex.create(self._storage, _SCHEMA, _NAME)
            return True

    def claim(self) -> None:
        """Stay the process that writes until `close()`. Raises SearchBusy where another one is."""
        if self._claim is None or not self._claim.is_ours:
            self._claim = _Claim.of(self._path, stays=True)

    def close(self) -> None:
        """Forget what was read and let another process write."""
        with self._reading:
            self._parts, self._state = {}, ""
            if self._claim is not None:
                self._claim.release()
                self._claim = None

    @contextmanager
    def _writing(self, merge: Merge | None = None) -> Iterator[Any]:
        """A writer whose changes are committed at the end, or forgotten on any error."""
        with _claimed(self._path):
            with self._reading:
                self._current()
            writer = Writer(FileIndex(self._storage, schema=_SCHEMA, indexname=_NAME))
            try:
                yield writer
            except BaseException:
                writer.cancel()
                raise
            writer.commit(mergetype=merge or self._merge_tiers)

    def _merge_tiers(self, writer: Writer, segments: list[Any]) -> list[Any]:
        """Whoosh's merge policy hook: write segments of about the same size into one, and drop deleted documents.
        Returns the segments that stay as they are."""
        chosen = _mostly_deleted(segments)
        for tier in _tiers([segment for segment in segments if segment not in chosen]):
            if len(tier) >= MERGED_AT_ONCE:
                chosen += tier
        for segment in chosen:
            if segment.doc_count():
                writer.add_part(self._parts[segment.segment_id()], segment.deleted_docs())
        return [segment for segment in segments if segment not in chosen]

    def _delete(self, writer: Any, ids: Collection[int]) -> None:
        """Mark the stored forms of these documents as deleted."""
        base = 0
        for part in self._parts.values():
            for document_id in ids:
                number = part.number_of(document_id)
                if number is not None:
                    writer.delete_document(base + number)
            base += part.size

    def _current(self) -> dict[str, OpenPart]:
        """The segments of the newest commit, opened. Raises SearchDamaged."""
        state = self._storage.state()
        while state != self._state:
            try:
                self._parts, self._state = self._opened(state), state
            except SearchDamaged:
                newer = self._storage.state()
                if newer == state:
                    raise
                state = newer  # the writer has moved on and taken the files away
        return self._parts

    def _opened(self, state: str) -> dict[str, OpenPart]:
        parts: dict[str, OpenPart] = {}
        for segment in self._storage.contents(state):
            name = segment.segment_id()
            part = self._parts.get(name) or OpenPart(segment, self._storage.load(_file_of(segment)))
            parts[name] = part.with_deleted(segment.deleted_docs())
        return parts


def _mostly_deleted(segments: list[Any]) -> list[Any]:
    return [segment for segment in segments if segment.deleted_count() * 2 > segment.doc_count_all()]


def _tiers(segments: list[Any]) -> list[list[Any]]:
    """Segments by the power of MERGED_AT_ONCE that their size reaches; only sizes that may still be merged."""
    tiers: dict[int, list[Any]] = {}
    for segment in segments:
        if segment.doc_count() * MERGED_AT_ONCE <= LARGEST_MERGE:
            power = 0
            while MERGED_AT_ONCE ** (power + 1) <= segment.doc_count():
                power += 1
            tiers.setdefault(power, []).append(segment)
    return list(tiers.values())


def _file_of(segment: Any) -> str:
    return str(segment.make_filename(segment.COMPOUND_EXT))


class _CheckedStorage(FileStorage):  # type: ignore[misc]
    """Whoosh's directory, with a list of the checksums of its files."""

    _LIST = "sums.json"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._checked: dict[str, tuple[int, int, int]] = {}

    def state(self) -> str:
        """The file name of the newest table of contents. Raises SearchDamaged if there is none."""
        generation: int = TOC._latest_generation(self, _NAME)
        if generation < 0:
            raise SearchDamaged(f"There is no search index in {self._path}.")
        return str(TOC._filename(_NAME, generation))

    def contents(self, state: str) -> list[Any]:
        """The segments that a table of contents names. Raises SearchDamaged."""
        self._sums()
        self.check(state)
        generation = int(state.removesuffix(".toc").rpartition("_")[2])
        segments: list[Any] = TOC.read(self, _NAME, gen=generation, schema=_SCHEMA).segments
        return segments

    def check(self, name: str) -> None:
        """Read a file and compare it with its checksum, unless it looks as it did last time. Raises SearchDamaged."""
        if self._checked.get(name) != self._look(name):
            self.load(name)

    def load(self, name: str) -> bytes:
        """The content of a file. Raises SearchDamaged if it is not what was written."""
        look = self._look(name)
        data = (self._path / name).read_bytes()
        if self._sums().get(name) != zlib.crc32(data):
            raise SearchDamaged(f"{name} in the search index {self._path} is not what was written.")
        self._checked[name] = look
        return data

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:
        """Whoosh's last step of a commit: before it, note the sums of all that the table of contents names."""
        if newname.endswith(".toc"):
            known = self._sums() if (self._path / self._LIST).exists() else {}
            names = [name for name in self.list() if name.endswith(".seg")]
            sums = {name: known[name] if name in known else self._sum(name) for name in names}
            sums |= {name: known[name] for name in self.list() if name.endswith(".toc") and name in known}
            self._write_sums({**sums, newname: self._sum(oldname)})
        super().rename_file(oldname, newname, safe)

    def _sum(self, name: str) -> int:
        """Checksum of a file that was just written, once it is safely on disk."""
        with (self._path / name).open("rb") as file:
            os.fsync(file.fileno())
            return zlib.crc32(file.read())

    def _look(self, name: str) -> tuple[int, int, int]:
        try:
            found = (self._path / name).stat()
        except FileNotFoundError:
            raise SearchDamaged(f"{name} is missing from the search index {self._path}.") from None
        return found.st_size, found.st_mtime_ns, found.st_ino

    def _sums(self) -> dict[str, int]:
        """Checksums by file name. Raises SearchDamaged where the list cannot be read or another version wrote it."""
        try:
            found = json.loads((self._path / self._LIST).read_bytes())
            version, sums = found["version"], found["sums"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SearchDamaged(f"The list of checksums in {self._path} cannot be read: {error}") from error
        if version != VERSION or not isinstance(sums, dict):
            raise SearchDamaged(f"The search index in {self._path} was made by another version.")
        return sums

    def _write_sums(self, sums: dict[str, int]) -> None:
        temporary = self._path / f"{self._LIST}.new"
        with temporary.open("w", encoding="ascii") as file:
            json.dump({"version": VERSION, "sums": sums}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path / self._LIST)


class _Claim:
    """This process's right to write in one directory: a lock on a file beside it, for as long as it has users."""

    _held: dict[Path, "_Claim"] = {}  # noqa: RUF012
    _guard = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._path = path
        self._users = 0
        self._process = os.getpid()
        self._file = _locked(path)

    @classmethod
    def of(cls, path: Path, *, stays: bool) -> "_Claim":
        """The claim on `path`, taken if this process has none yet. `stays` tells others not to wait for it.
        Raises SearchBusy."""
        with cls._guard:
            claim = cls._held.get(path)
            if claim is None or not claim.is_ours:
                claim = cls._held[path] = cls(path)
            claim._users += 1
            if stays or claim._users == 1:
                os.pwrite(claim._file.fileno(), b"%-10d%s" % (os.getpid(), _STAYS if stays else _LEAVES), 0)
            return claim

    @property
    def is_ours(self) -> bool:
        """False in a process that was forked from the one that holds the lock."""
        return self._process == os.getpid()

    def release(self) -> None:
        """Give up one use; the last one lets other processes write."""
        with self._guard:
            self._users -= 1
            if self._users == 0 and self.is_ours:
                self._file.close()
                self._held.pop(self._path, None)


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Write alone: no other process, and no other thread of this one. Raises SearchBusy."""
    claim = _Claim.of(path, stays=False)
    try:
        with claim.lock:
            yield
    finally:
        claim.release()


def _locked(path: Path) -> BinaryIO:
    """An open file that is locked for as long as it stays open. Waits a little for a process that only writes one
    batch, not for one that stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(handle, "r+b", buffering=0)
    until = time.monotonic() + PATIENCE
    while not _is_locked_now(file):
        holder = os.pread(handle, 20, 0)
        if holder.endswith(_STAYS) or time.monotonic() > until:
            file.close()
            raise SearchBusy(
                f"Process {holder[:10].decode(errors='replace').strip()} already writes the search index in {path}. "
                "Only one process may: stop that one, or run on PostgreSQL, where every process may write."
            )
        time.sleep(0.02)
    return file


def _is_locked_now(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
