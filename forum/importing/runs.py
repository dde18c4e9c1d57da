"""How far an import has come: one row, changed in the same transaction as what it tells of."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from core import clock
from core.db import db, upsert, writing
from core.errors import Refused
from forum.importing.origin import KIND, Origin
from forum.models import ImportRun

PHASES: Final = ("people", "tags", "threads", "links", "done")


@dataclass
class Run:
    """An import under way. `after` is the last number of its phase that was written."""

    label: str
    dump: str
    is_resumed: bool = False
    phase: str = PHASES[0]
    after: int = 0
    added: Counter[str] = field(default_factory=Counter)

    def note(self, after: int, added: dict[str, int]) -> None:
        """Say how far the phase came, in the transaction that wrote it."""
        self.after = after
        self.added.update(added)
        self._store()

    def enter(self, phase: str) -> None:
        """Go on to a phase, in a transaction of its own."""
        self.phase, self.after = phase, 0
        with writing():
            self._store()

    def _store(self) -> None:
        statement = sa.update(ImportRun).where(ImportRun.kind == KIND, ImportRun.label == self.label)
        finished = clock.now() if self.phase == "done" else None
        db.session.execute(
            statement.values(progress=self._progress(), finished_at=finished),
            execution_options={"synchronize_session": False},
        )

    def _progress(self) -> dict[str, Any]:
        return {"dump": self.dump, "phase": self.phase, "after": self.after, "added": dict(self.added)}

    def begin(self) -> None:
        """Make the row, or begin again where one is that was finished or told of another dump."""
        change = {"progress": self._progress(), "started_at": clock.now(), "finished_at": None}
        row = {"kind": KIND, "label": self.label} | change
        upsert(ImportRun.__table__, row, key=["kind", "label"], change=change)


def open_run(origin: Origin, dump: str) -> Run:
    """The run of this dump: a new one, or the one that was interrupted.

    Raises Refused when the same files came in under another name, for they would all come in twice.
    """
    with writing():
        statement = sa.select(ImportRun.label, ImportRun.progress, ImportRun.finished_at).where(
            ImportRun.kind == KIND
        )
        known = {row.label: row for row in db.session.execute(statement)}
        for label, row in known.items():
            if label != origin.label and row.progress.get("dump") == dump:
                raise Refused(
                    f"This dump was imported as “{label}” before. Name it so again with --site {label}."
                )
        mine = known.get(origin.label)
        if mine is not None and mine.finished_at is None and mine.progress.get("dump") == dump:
            return _resumed(origin.label, mine.progress)
        run = Run(origin.label, dump)
        run.begin()
        return run


def _resumed(label: str, progress: dict[str, Any]) -> Run:
    return Run(
        label, progress["dump"], True, progress["phase"], int(progress["after"]), Counter(progress["added"])
    )
