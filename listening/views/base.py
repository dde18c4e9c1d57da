"""What all routes of listening share: the blueprint, who may come in, how large a request may be."""

from typing import Any, Final

from flask import Blueprint, request

from core.errors import NotFound, require
from core.sign_in import member
from core.viewer import Viewer
from listening import policy, words
from listening.connectors import upload, webhook

blueprint = Blueprint("listening", __name__)
ID: Final = "int(max=999999999999999)"  # larger numbers are no address at all
_ROOM_AROUND_FILE: Final = 100_000  # bytes that the form around an uploaded file may take
_LIMITS: Final = {
    "listening.upload_file": upload.MAX_BYTES + _ROOM_AROUND_FILE,
    "listening.receive_hook": webhook.MAX_BYTES,
}


@blueprint.url_value_preprocessor
def _allow_size(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Files may be larger than other requests, deliveries must be smaller. Before anything reads the body."""
    if endpoint in _LIMITS:
        request.max_content_length = _LIMITS[endpoint]


@blueprint.record_once
def _give_templates(state: Any) -> None:
    state.app.jinja_env.globals.update(reply_state=words.reply_state, step_words=words.step_words)


def listener() -> Viewer:
    """Who asks, one of the company's own people."""
    asker = member()
    require(policy.may_see_inbox(asker))
    return asker


def is_part() -> bool:
    """Whether a script asks for a part of the page only."""
    return "HX-Request" in request.headers


def number(name: str) -> int | None:
    """A whole number of the query string, None when it is not sent. Raises NotFound for anything else."""
    sent = request.args.get(name, "")
    if not sent:
        return None
    if not (sent.isascii() and sent.isdecimal() and len(sent) < 16):
        raise NotFound
    return int(sent)
