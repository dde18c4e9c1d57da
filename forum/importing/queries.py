"""What of an import is still to be done in the background."""

from dataclasses import dataclass

import sqlalchemy as sa

from core.db import db
from forum.models import Post
from forum.queries import building


@dataclass(frozen=True, slots=True)
class Waiting:
    """`second_look`: posts that the second sanitiser has not seen; `indexed`: how far (0..1) search is, or None."""

    second_look: int
    indexed: float | None

    def as_text(self) -> str:
        """One sentence for a terminal or a log."""
        if not self.second_look and self.indexed is None:
            return "Nothing waits in the background."
        return (
            f"Everything can be read now. Search and the second look at {self.second_look:,} texts follow in the "
            "background while the site runs."
        )


def waiting() -> Waiting:
    """What the worker has still to do for imported posts. Reads one index."""
    unseen = sa.select(sa.func.count()).select_from(Post).where(Post.text_version < 0)
    return Waiting(int(db.session.execute(unseen).scalar() or 0), building())
