"""Categories and tags: one, and lists of them with counts that hold only what the viewer may see."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.models import Category, Tag, Thread, ThreadTag
from forum.visibility import listed_threads, visible_categories


@dataclass(frozen=True, slots=True)
class CategoryCard:
    """A category in lists and menus."""

    id: int
    name: str
    slug: str
    description: str
    access: int
    default_kind: str
    hue: int
    position: int
    thread_count: int
    archived_at: Any

    @property
    def path(self) -> str:
        """Where its threads are listed."""
        return f"/c/{self.slug}"

    @property
    def is_archived(self) -> bool:
        """Takes no new threads."""
        return self.archived_at is not None


def _category_card(row: Category) -> CategoryCard:
    return CategoryCard(
        id=row.id,
        name=row.name,
        slug=row.slug,
        description=row.description,
        access=row.access,
        default_kind=row.default_kind,
        hue=hue_of(row.id, row.colour),
        position=row.position,
        thread_count=row.thread_count,
        archived_at=row.archived_at,
    )


def hue_of(category_id: int, colour: str) -> int:
    """The hue (1..12) of a category's mark: the chosen one, else one that follows from its id."""
    return int(colour) if colour.isdecimal() and 1 <= int(colour) <= 12 else category_id % 12 + 1


def categories(viewer: Viewer) -> list[CategoryCard]:
    """The categories the viewer may know of, in their order."""
    statement = sa.select(Category).where(visible_categories(viewer)).order_by(Category.position, Category.id)
    return [_category_card(row) for row in db.session.execute(statement).scalars()]


def category_by_slug(viewer: Viewer, slug: str) -> Category:
    """The category behind an address. Raises NotFound."""
    return _one_category(sa.select(Category).where(Category.slug == slug, visible_categories(viewer)))


def category(viewer: Viewer, category_id: int) -> Category:
    """The category to act on. Raises NotFound."""
    return _one_category(sa.select(Category).where(Category.id == category_id, visible_categories(viewer)))


def _one_category(statement: sa.Select[Category]) -> Category:
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class TagCard:
    """A tag with the number of threads the viewer could open."""

    id: int
    name: str
    description: str
    threads: int

    @property
    def path(self) -> str:
        """Where its threads are listed."""
        return tag_path(self.name)


def tag_path(name: str) -> str:
    """Where a tag's threads are listed: `#` must not end the path."""
    return "/tags/" + name.replace("#", "%23").replace("+", "%2B")


def _counted_tags(viewer: Viewer) -> sa.Select[*tuple[Any, ...]]:
    """Tags with the number of their threads that the viewer may see."""
    return (
        sa.select(Tag.id, Tag.name, Tag.description, sa.func.count().label("threads"))
        .join(ThreadTag, ThreadTag.tag_id == Tag.id)
        .join(Thread, Thread.id == ThreadTag.thread_id)
        .where(listed_threads(viewer))
        .group_by(Tag.id, Tag.name, Tag.description)
    )


def tags(viewer: Viewer, *, begins: str = "", limit: int = 200) -> list[TagCard]:
    """Tags of threads the viewer may see, most used first. A tag of hidden threads alone does not exist."""
    statement = _counted_tags(viewer).order_by(sa.desc("threads"), Tag.name).limit(limit)
    if begins:
        statement = statement.where(Tag.name.startswith(begins, autoescape=True))
    return [TagCard(row.id, row.name, row.description, row.threads) for row in db.session.execute(statement)]


def tag(viewer: Viewer, name: str) -> TagCard:
    """One tag. Raises NotFound when no thread the viewer may see has it."""
    row = db.session.execute(_counted_tags(viewer).where(Tag.name == name)).one_or_none()
    if row is None:
        raise NotFound
    return TagCard(row.id, row.name, row.description, row.threads)


def tag_row(tag_id: int) -> Tag:
    """The tag to act on, once `tag` has said that the viewer may know of it."""
    return db.session.get_one(Tag, tag_id)
