"""What an import tells at its end: what came in, what was here before, which rows were left out and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.disk import write_whole
from forum.importing.queries import Waiting
from forum.importing.runs import Run
from forum.importing.staging import Staging

EXAMPLES: Final = 3
_COUNTS: Final = {
    "people": "SELECT count(*) FROM author",
    "tags": "SELECT count(*) FROM tag",
    "threads": "SELECT count(*) FROM post WHERE kind = 1",
    "answers": "SELECT count(*) FROM post WHERE kind = 2 AND thread IS NOT NULL",
    "comments": "SELECT count(*) FROM comment WHERE thread IS NOT NULL",
    "accepted": "SELECT count(*) FROM post WHERE kind = 1 AND EXISTS (SELECT 1 FROM post AS answer WHERE "
    "answer.id = post.accepted AND answer.kind = 2 AND answer.thread = post.id)",
    "up": "SELECT count(*) FROM vote WHERE value = 1 AND thread IS NOT NULL",
    "down": "SELECT count(*) FROM vote WHERE value = -1 AND thread IS NOT NULL",
    "links": "SELECT count(*) FROM (SELECT DISTINCT from_thread, to_thread, kind FROM link WHERE "
    "from_thread IS NOT NULL AND to_thread IS NOT NULL AND from_thread != to_thread)",
}
_WORDS: Final = {"accepted": "accepted answers", "up": "votes up", "down": "votes down"}
_DIFFERENT: Final = (
    "SELECT count(*) FROM post WHERE thread IS NOT NULL AND score IS NOT NULL AND score != "
    "(SELECT coalesce(sum(vote.value), 0) FROM vote WHERE vote.post = post.id)"
)


@dataclass(frozen=True, slots=True)
class Problems:
    """Rows with one thing wrong: how many, and the first of them as `file:line (row: detail)`."""

    reason: str
    file: str
    is_kept: bool
    number: int
    examples: tuple[str, ...]

    def as_text(self) -> str:
        """One paragraph for the terminal."""
        return f"  {self.number:>7,}  {self.file}: {self.reason}\n           " + "; ".join(self.examples)


@dataclass(frozen=True, slots=True)
class Report:
    """`found` and `added` are counts by kind: what the dump has that can be kept, and what of it came in now."""

    label: str
    category: str
    is_resumed: bool
    found: dict[str, int]
    added: dict[str, int]
    missing: tuple[str, ...]
    other_votes: int
    different_scores: int
    problems: tuple[Problems, ...]
    list_path: Path | None
    seconds: float
    waiting: Waiting

    def as_text(self) -> str:
        """Lines for the terminal."""
        lines = [
            f"{'Resumed and finished' if self.is_resumed else 'Imported'}: {self.label}, into “{self.category}”."
        ]
        lines += [self._count(kind) for kind in _COUNTS]
        lines += [f"  Not in the folder: {', '.join(self.missing)}."] if self.missing else []
        lines += self._votes()
        lines += self._listed("Rows left out:", is_kept=False)
        lines += self._listed("Rows kept, with something missing:", is_kept=True)
        lines += [f"All of them, line by line: {self.list_path}"] if self.list_path else []
        return "\n".join([*lines, self._speed(), self.waiting.as_text()])

    @property
    def posts_added(self) -> int:
        """Questions, answers and comments that came in by this run."""
        return sum(self.added.get(kind, 0) for kind in ("threads", "answers", "comments"))

    def _count(self, kind: str) -> str:
        found, added = self.found[kind], self.added.get(kind, 0)
        words = _WORDS.get(kind, kind)
        here = f", {found - added:,} here before" if found != added else ""
        return f"  {added:>9,}  {words} added{here}"

    def _votes(self) -> list[str]:
        lines = []
        if self.other_votes:
            lines.append(
                f"  {self.other_votes:,} votes of other kinds (closing, bounties) do not judge a post."
            )
        if self.different_scores:
            lines.append(
                f"  {self.different_scores:,} posts have another score there than votes: votes count."
            )
        return lines

    def _listed(self, title: str, *, is_kept: bool) -> list[str]:
        lines = [problem.as_text() for problem in self.problems if problem.is_kept == is_kept]
        return [title, *lines] if lines else []

    def _speed(self) -> str:
        rate = f": {self.posts_added / self.seconds:,.0f} posts a second" if self.posts_added else ""
        return f"Took {self.seconds:.1f} s{rate}."


def make_report(
    store: Staging,
    run: Run,
    *,
    category: str,
    missing: Sequence[str],
    seconds: float,
    waiting: Waiting,
    path: Path,
) -> Report:
    """Count what was staged, and write the list of all rows that something was wrong with to `path`."""
    problems = _problems(store)
    if problems:
        _write_list(store, path)
    return Report(
        label=run.label,
        category=category,
        is_resumed=run.is_resumed,
        found={kind: int(store.value(statement)) for kind, statement in _COUNTS.items()},
        added=dict(run.added),
        missing=tuple(missing),
        other_votes=int(store.value("SELECT count(*) FROM vote WHERE value = 0 AND kind != 1")),
        different_scores=int(store.value(_DIFFERENT)),
        problems=problems,
        list_path=path if problems else None,
        seconds=seconds,
        waiting=waiting,
    )


def _problems(store: Staging) -> tuple[Problems, ...]:
    groups = store.rows(
        "SELECT file, reason, is_kept, count(*) AS number FROM problem GROUP BY file, reason, is_kept "
        "ORDER BY is_kept, number DESC, reason"
    )
    return tuple(
        Problems(g["reason"], g["file"], bool(g["is_kept"]), g["number"], _examples(store, g)) for g in groups
    )


def _examples(store: Staging, group: Any) -> tuple[str, ...]:
    rows = store.rows(
        "SELECT line, row, detail FROM problem WHERE file = ? AND reason = ? AND is_kept = ? ORDER BY line LIMIT ?",
        [group["file"], group["reason"], group["is_kept"], EXAMPLES],
    )
    shown = [f"line {r['line']} ({r['row']}{': ' + r['detail'] if r['detail'] else ''})" for r in rows]
    return (*shown, "…") if group["number"] > EXAMPLES else tuple(shown)


def _write_list(store: Staging, path: Path) -> None:
    lines = ["file\tline\trow\tkept\treason\tdetail"]
    for row in store.each("SELECT * FROM problem ORDER BY file, line, reason"):
        kept = "yes" if row["is_kept"] else "no"
        lines.append(
            "\t".join([row["file"], str(row["line"]), row["row"], kept, row["reason"], row["detail"]])
        )
    write_whole(path, ("\n".join(lines) + "\n").encode())
