"""What somebody has not sent yet, and the pictures of posts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.models import Attachment, Draft, Post, Thread
from forum.visibility import visible_posts, visible_threads

ABOUT: Final = ("reply", "edit")
_PAGES: Final = {
    "reply": "/threads/{}/replies",
    "edit": "/posts/{}/edit",
    "idea": "/ideas/new",
    "release": "/releases/new",
}


@dataclass(frozen=True, slots=True)
class DraftCard:
    """A draft in the list: what it belongs to, and where it is continued."""

    key: str
    title: str
    text: str
    updated_at: Any
    path: str


def draft(viewer: Viewer, key: str) -> dict[str, Any]:
    """The fields of an own draft, empty when there is none."""
    statement = sa.select(Draft.fields).where(Draft.person_id == viewer.id, Draft.key == key)
    return dict(db.session.execute(statement).scalar_one_or_none() or {})


def drafts(viewer: Viewer) -> list[DraftCard]:
    """Own drafts, newest first. Titles of threads out of sight by now are left out, the text stays."""
    rows = db.session.execute(
        sa.select(Draft.key, Draft.fields, Draft.updated_at)
        .where(Draft.person_id == viewer.id)
        .order_by(Draft.updated_at.desc(), Draft.id.desc())
    ).all()
    titles = _titles(viewer, [row.key for row in rows])
    return [_draft_card(row, titles) for row in rows]


def _titles(viewer: Viewer, keys: Sequence[str]) -> dict[str, str]:
    """Titles of the threads that drafts belong to, by key."""
    split = {key: key.partition(":") for key in keys}
    numbers = {
        key: (kind, int(number)) for key, (kind, _colon, number) in split.items() if number.isdecimal()
    }
    threads = {n for kind, n in numbers.values() if kind == "reply"}
    posts = {n for kind, n in numbers.values() if kind == "edit"}
    by_thread = sa.select(sa.literal("reply"), Thread.id, Thread.title).where(
        Thread.id.in_(threads), visible_threads(viewer)
    )
    by_post = (
        sa.select(sa.literal("edit"), Post.id, Thread.title)
        .join(Thread, Thread.id == Post.thread_id)
        .where(Post.id.in_(posts), visible_posts(viewer))
    )
    found = {(kind, n): title for kind, n, title in db.session.execute(sa.union_all(by_thread, by_post))}
    return {key: found[place] for key, place in numbers.items() if place in found}


def _draft_card(row: Any, titles: dict[str, str]) -> DraftCard:
    kind, _colon, number = row.key.partition(":")
    fields = dict(row.fields)
    path = _PAGES.get(kind, "/ask").format(number)
    title = titles.get(row.key, "") if kind in ABOUT else str(fields.get("title", ""))
    return DraftCard(row.key, title, str(fields.get("body", ""))[:280], row.updated_at, path)


def attachment(viewer: Viewer, public_id: str) -> Attachment:
    """A picture: its owner's while it stands in no post, then whoever may see the post. Raises NotFound."""
    own = sa.and_(Attachment.post_id.is_(None), Attachment.owner_id == (viewer.id or 0))
    shown = sa.and_(Attachment.post_id.is_not(None), visible_posts(viewer))
    statement = (
        sa.select(Attachment)
        .outerjoin(Post, Post.id == Attachment.post_id)
        .outerjoin(Thread, Thread.id == Post.thread_id)
        .where(Attachment.public_id == public_id, sa.or_(own, shown))
    )
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found
