"""Routes of the desk and of the circle in numbers."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from admin import policy, queries
from admin.views.base import blueprint
from core.errors import require
from core.sign_in import member
from forum import queries as forum

PERIODS = (30, 90, 365, 0)
TABS = ("open", "flags", "closed")


@blueprint.get("/desk")
def desk() -> ResponseReturnValue:
    """Cases by deadline, then flagged posts by how long they wait."""
    asker = member()
    require(policy.may_see_desk(asker))
    asked = request.args.get("show", "")
    tab = asked if asked in TABS else "open"
    return render_template(
        "admin/desk.html",
        tab=tab,
        waiting=forum.waiting(asker),
        cases=forum.escalation_queue(asker, closed=tab == "closed") if tab != "flags" else [],
        flags=forum.flag_queue(asker) if tab != "closed" else [],
    )


@blueprint.get("/circle")
def circle() -> ResponseReturnValue:
    """The circle in numbers."""
    asker = member()
    require(policy.may_see_circle(asker))
    asked = request.args.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else 90
    values = {"circle": queries.circle(asker, days), "days": days, "periods": PERIODS}
    return render_template("admin/circle.html", **values)
