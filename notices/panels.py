"""What notices put into other pages, and what of them leaves with a person."""

from collections.abc import Iterable
from typing import Any

from flask import g, render_template
from flask_babel import ngettext

from core.context import here
from core.db import apart
from core.frame import tells
from core.slots import fill
from core.viewer import Viewer
from ideation.policy import may_release
from notices import actions, queries
from people import queries as people
from people.portability import export_section, on_removal

SYSTEM = Viewer.system()
people.ask_beside("bell", queries.unread_of_person())


@fill("settings.tabs", order=10)
def settings_tab(*, here: str, **_context: object) -> str:
    """The choices among the settings."""
    return render_template("notices/_settings_tab.html", here=here)


@tells("bell")
def bell_count(viewer: Viewer) -> int:
    """What the bell of this page shows, counted with the statement that says who asks."""
    if not viewer.is_member:
        return 0
    kept = here().g
    if "bell_count" not in kept:
        kept.bell_count = people.beside("bell") or 0
    return int(kept.bell_count)


@fill("thread.read")
def clear_bell(*, viewer: Viewer, thread_id: int, position: int, **_kwargs: Any) -> None:
    """Whoever reads what a notice is about has read the notice, too. It costs nothing while the bell is empty."""
    if not bell_count(viewer):
        return
    read = queries.unread_of_thread(viewer, thread_id, position)
    if read:
        g.bell_count -= len(read)
        apart(lambda: actions.mark_read(viewer, read))


@fill("release.told")
def told_people(*, viewer: Viewer, release: Any, steps: list[dict[str, Any]], **_kwargs: Any) -> None:
    """The last link of a release's chain: how many were told, counted by delivered notices."""
    told = queries.told_about_release(release.id)
    if told.people:
        detail = (
            ngettext("%(num)s letter sent", "%(num)s letters sent", told.mails) if may_release(viewer) else ""
        )
        title = ngettext(
            "%(num)s person told of this release", "%(num)s people told of this release", told.people
        )
        steps.append(
            {"kind": "notice", "title": title, "url": "", "at": told.last_at, "detail": detail, "done": True}
        )


@export_section("notices.told")
def exported_notices(person_id: int) -> Iterable[dict[str, Any]]:
    """What somebody was told, and when they read it."""
    return queries.export_notices(person_id)


@export_section("notices.choices")
def exported_choices(person_id: int) -> Iterable[dict[str, Any]]:
    """Where somebody wants to be told."""
    return queries.export_choices(person_id)


@on_removal("notices")
def forget_person(person_id: int) -> None:
    """A removed account's bell, letters and choices are nobody's business any more."""
    actions.forget(SYSTEM, person_id)
