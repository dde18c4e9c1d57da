"""What people say of themselves, and how the site speaks to them."""

import sqlalchemy as sa

from core import files
from core.db import after_commit, db
from core.errors import require
from core.outbox import record
from core.viewer import Viewer
from people import avatars, policy, queries
from people.events import ProfileEdited
from people.forms import Profile
from people.models import Person


def edit_profile(actor: Viewer, form: Profile) -> Person:
    """Change one's own profile."""
    require(policy.may_use_settings(actor))
    person = queries.person(actor.id or 0)
    person.name, person.location, person.company = form.name, form.location, form.company
    person.bio_source, person.bio_html = form.bio.source, form.bio.html
    person.website, person.timezone, person.locale = form.website, form.timezone, form.locale
    record(ProfileEdited(person.id), actor=actor)
    return person


def change_avatar(actor: Viewer, data: bytes) -> Person:
    """Show an uploaded picture as one's face. Raises Refused for what is no picture."""
    require(policy.may_use_settings(actor))
    square, content_type = avatars.square(data)
    return _show(actor, files.put(square, content_type))


def drop_avatar(actor: Viewer) -> Person:
    """Back to the initials."""
    require(policy.may_use_settings(actor))
    return _show(actor, "")


def _show(actor: Viewer, key: str) -> Person:
    person = queries.person(actor.id or 0)
    old, person.avatar_key = person.avatar_key, key
    record(ProfileEdited(person.id), actor=actor)
    if old and old != key:
        after_commit(lambda: forget_picture(old))
    return person


def forget_picture(key: str) -> None:
    """Equal pictures share one file, so the last of them takes it away."""
    if db.session.execute(sa.select(Person.id).where(Person.avatar_key == key)).first() is None:
        files.delete(key)


def set_theme(actor: Viewer, theme: str) -> None:
    """Light, dark, or system."""
    require(policy.may_use_settings(actor))
    queries.person(actor.id or 0).theme = "" if theme == "system" else theme
    db.session.flush()


def set_language(actor: Viewer, locale: str) -> None:
    """One of the languages offered; empty follows the browser."""
    require(policy.may_use_settings(actor))
    queries.person(actor.id or 0).locale = locale
    db.session.flush()
