"""What releases put into other pages: where an idea ships, and the form that puts it into a release."""

from typing import Any

from flask import render_template

from core.slots import fill
from core.viewer import Viewer
from forum import addresses
from forum.models import RELEASE
from ideation import policy
from ideation.models import DECLINED
from ideation.releases import queries


def _path_of_thread(thread_id: int) -> str:
    place = queries.places([thread_id]).get(thread_id)
    return place.path if place else addresses.plain_path(thread_id, "")


addresses.register(RELEASE, _path_of_thread, queries.places)


@fill("idea.head", order=10)
def shipped_in(*, viewer: Viewer, idea: Any, **_: Any) -> str | None:
    """The release an idea ships in."""
    release = queries.release_of_idea(viewer, idea.id)
    return render_template("releases/_shipped_in.html", release=release) if release else None


@fill("idea.desk", order=30)
def ship_form(*, viewer: Viewer, idea: Any, wrong: str, errors: Any, typed: Any, **_: Any) -> str | None:
    """Mark as shipped in a release."""
    if not policy.may_release(viewer) or idea.status == DECLINED or queries.release_of_idea(viewer, idea.id):
        return None
    is_wrong = wrong == "ship"
    return render_template(
        "releases/_ship_form.html",
        idea=idea,
        drafts=queries.open_releases(),
        errors=errors if is_wrong else {},
        typed=typed if is_wrong else {},
    )
