"""What notices put into other pages."""

from typing import Any

from flask_babel import gettext as _

from core.slots import fill
from core.viewer import Viewer
from ideation.policy import may_release
from notices import queries


@fill("release.told")
def told_people(*, viewer: Viewer, release: Any, steps: list[dict[str, Any]], **_kwargs: Any) -> None:
    """The last link of a release's chain: how many were told, counted by delivered notices."""
    told = queries.told_about_release(release.id)
    if told.people:
        detail = _("%(mails)s letters sent", mails=told.mails) if may_release(viewer) else ""
        title = _("%(people)s people told", people=told.people)
        steps.append(
            {"kind": "notice", "title": title, "url": "", "at": told.last_at, "detail": detail, "done": True}
        )
