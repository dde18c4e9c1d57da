"""What the routes of the administration share: the blueprint, who may come in, what waits for staff."""

from flask import Blueprint, g, request

from admin import policy
from core.errors import require
from core.frame import Waiting, tells
from core.sign_in import member
from core.viewer import Viewer
from forum import queries as forum
from listening import queries as listening

blueprint = Blueprint("admin", __name__)


tells("sees_desk")(policy.may_see_desk)


@tells("waiting")
def _waiting(asker: Viewer) -> Waiting | None:
    """What waits in the inbox and at the desk, on the staff's own bar: counted once for each page."""
    if not asker.is_staff:
        return None
    if request.method != "GET":
        return (0, 0)
    if "staff_waits" not in g:
        waiting = forum.waiting(asker)
        g.staff_waits = (listening.new_count(asker), waiting["flags"] + waiting["cases"])
    found: Waiting = g.staff_waits
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
