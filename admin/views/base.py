"""What the routes of the administration share: the blueprint, who may come in, what waits for staff."""

from typing import Any

from flask import Blueprint, g, request
from werkzeug.local import LocalProxy

from admin import policy
from core.errors import require
from core.sign_in import member, viewer
from core.viewer import Viewer
from forum import queries as forum
from listening import queries as listening

blueprint = Blueprint("admin", __name__)


@blueprint.app_context_processor
def _staff_counts() -> dict[str, Any]:
    """What waits, on the staff's own bar: counted when a template asks for it, once for each request."""
    asker = viewer()
    if not asker.is_staff:
        return {}
    return {"staff_counts": LocalProxy(_counts), "may_see_desk": policy.may_see_desk(asker)}


def _counts() -> dict[str, int]:
    asker = viewer()
    if not asker.is_staff or request.method != "GET":
        return {}
    if "staff_counts" not in g:
        waiting = forum.waiting(asker)
        g.staff_counts = {
            "inbox": listening.new_count(asker),
            "desk": waiting["flags"] + waiting["cases"],
        }
    found: dict[str, int] = g.staff_counts
    return found


def administrator() -> Viewer:
    """Who asks, if they may administer. Raises SignInRequired or Forbidden."""
    asker = member()
    require(policy.may_administer(asker))
    return asker


def before_id() -> int | None:
    """Where a long list goes on, from `?before=`; anything that is no id is the beginning."""
    text = request.args.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 16 else None
