"""The door for programs: signed deliveries of posts."""

from typing import Any, Final

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Conflict, ProductError
from core.limits import limiter
from core.viewer import Viewer
from core.web import csrf
from listening import actions, queries
from listening.connectors import signing, webhook
from listening.views.base import ID, blueprint

DELIVERY: Final = "X-Fullcircle-Delivery"
MAX_DELIVERY_ID: Final = 100


def _door() -> str:
    """Deliveries are counted for each source: their senders share no sign-in."""
    values: dict[str, Any] = request.view_args or {}
    return f"hook:{values.get('source_id')}"


@blueprint.post(f"/hooks/<{ID}:source_id>")
@csrf.exempt  # type: ignore[untyped-decorator]
@limiter.limit("240/minute", key_func=_door)
def receive_hook(source_id: int) -> ResponseReturnValue:
    """Take posts in. 200 says how many were new; a refused delivery stores nothing, and says why."""
    source = queries.hook_source(source_id)
    body = request.get_data(cache=False)
    mark = signing.verify(source.secret, body, request.headers.get(signing.HEADER, ""), clock.now())
    items = webhook.read(body)
    if source.is_paused:
        raise Conflict(_("This source is paused. Nothing was stored."))
    taken = actions.receive_delivery(
        Viewer.system(),
        queries.source(Viewer.system(), source.id),
        items,
        body=body,
        signature=mark,
        delivery_id=_delivery_id(),
    )
    return jsonify(received=len(items), new=taken or 0, repeated=taken is None)


def _delivery_id() -> str:
    sent = request.headers.get(DELIVERY, "").strip()
    if len(sent) > MAX_DELIVERY_ID or not sent.isprintable():
        raise ProductError(
            _("The header %(header)s is too long or holds strange characters.", header=DELIVERY)
        )
    return sent
