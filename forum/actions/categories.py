"""The rooms of the forum: made, changed, closed for new threads."""

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db
from core.errors import Refused, require
from core.outbox import record
from core.viewer import Viewer
from forum import policy
from forum.addresses import slug_of
from forum.events import CategoryChanged
from forum.models import PUBLIC, QUESTION, Category, Thread


def create_category(
    actor: Viewer,
    *,
    name: str,
    description: str = "",
    access: int = PUBLIC,
    default_kind: str = QUESTION,
    colour: str = "",
    position: int = 0,
    slug: str = "",
) -> Category:
    """A new category. `access` is 0 public, 1 members, 2 staff; `colour` a hue 1..12 as text, or empty."""
    require(policy.may_manage_categories(actor))
    _refuse_taken(name, slug or slug_of(name)[:60], None)
    category = Category(
        name=name,
        slug=slug or slug_of(name)[:60],
        description=description,
        access=access,
        default_kind=default_kind,
        colour=colour,
        position=position,
        thread_count=0,
        created_at=clock.now(),
    )
    db.session.add(category)
    db.session.flush()
    record(CategoryChanged(category.id, is_access_new=False), actor=actor)
    return category


def edit_category(
    actor: Viewer,
    category: Category,
    *,
    name: str,
    description: str,
    access: int,
    default_kind: str,
    colour: str = "",
    position: int = 0,
) -> None:
    """Change a category. Its address stays; a new `access` holds for every thread in it at once."""
    require(policy.may_manage_categories(actor))
    db.session.refresh(category, with_for_update=True)
    _refuse_taken(name, category.slug, category.id)
    category.name, category.description = name, description
    category.default_kind, category.colour, category.position = default_kind, colour, position
    is_access_new = category.access != access
    category.access = access
    db.session.flush()
    _spread(category)
    record(CategoryChanged(category.id, is_access_new), actor=actor)


def archive_category(actor: Viewer, category: Category) -> None:
    """Take no new threads any more; what is there stays readable."""
    require(policy.may_manage_categories(actor))
    category.archived_at = category.archived_at or clock.now()
    record(CategoryChanged(category.id, is_access_new=False), actor=actor)


def reopen_category(actor: Viewer, category: Category) -> None:
    """Take new threads again."""
    require(policy.may_manage_categories(actor))
    category.archived_at = None
    record(CategoryChanged(category.id, is_access_new=False), actor=actor)


def _spread(category: Category) -> None:
    """Every thread page shows its category's name and follows its access, so every version grows."""
    db.session.execute(
        sa.update(Thread)
        .where(Thread.category_id == category.id)
        .values(access=category.access, version=Thread.version + 1),
        execution_options={"synchronize_session": "fetch"},
    )


def _refuse_taken(name: str, slug: str, own_id: int | None) -> None:
    same = sa.or_(sa.func.lower(Category.name) == name.lower(), Category.slug == slug)
    statement = sa.select(Category.id).where(same)
    if own_id is not None:
        statement = statement.where(Category.id != own_id)
    if db.session.execute(statement.limit(1)).first():
        words = _("There is a category of that name already.")
        raise Refused(words, fields={"name": words})
