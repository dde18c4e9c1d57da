"""What the backlog puts into an idea's page."""

from typing import Any

from flask import render_template

from core.slots import fill
from core.viewer import Viewer
from ideation import policy
from ideation.backlog import queries


@fill("idea.desk", order=20)
def work_of_idea(*, viewer: Viewer, idea: Any, wrong: str, errors: Any, typed: Any, **_: Any) -> str | None:
    """The work it became; its address in the tracker and the form for those who triage."""
    items = queries.items_of([idea.id])
    may_triage = policy.may_triage(viewer)
    if not items and not may_triage:
        return None
    is_wrong = wrong == "item"
    return render_template(
        "ideation/backlog/_items.html",
        idea=idea,
        items=items,
        changes=queries.changes_of([item.id for item in items]) if may_triage else {},
        may_triage=may_triage,
        errors=errors if is_wrong else {},
        reopening=(wrong, errors, typed) if wrong.startswith("reopen-") else ("", {}, {}),
        typed=typed if is_wrong else {},
    )
