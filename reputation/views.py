"""Routes of reputation: the hidden experts, and how points come about."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.errors import require
from core.sign_in import member, viewer
from people import queries as people
from reputation import policy, queries, rules

blueprint = Blueprint("reputation", __name__)


@blueprint.get("/experts")
def experts() -> ResponseReturnValue:
    """People whose few answers are surely good."""
    asker = member()
    require(policy.may_see_experts(asker))
    tag = request.args.get("tag", "").strip()[:40]
    return render_template("reputation/experts.html", experts=queries.hidden_experts(asker, tag=tag), tag=tag)


@blueprint.get("/points")
def own_points() -> ResponseReturnValue:
    """One's own ledger, for letters that know no handle."""
    return redirect(url_for("reputation.points", handle=member().handle))


@blueprint.get("/people/<handle>/points")
def points(handle: str) -> ResponseReturnValue:
    """Somebody's ledger: every point, why and when."""
    person = people.by_handle(handle, viewer())
    before = request.args.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) < 16 else None
    rows = queries.entries(viewer(), person.id, 51, before_id)
    return render_template(
        "reputation/points.html",
        person=person,
        entries=rows[:50],
        has_more=len(rows) > 50,
        reasons=rules.REASONS,
        levels=rules.LEVELS,
        next_level=rules.next_level(person.points),
    )
