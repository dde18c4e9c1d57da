"""The live seam: messages to open pages, on channels such as `person:7`, `thread:12` or `staff`.

A message says that something happened, never what a page may show: the page asks for that itself.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, Response, current_app, jsonify, request

from core.config import Settings
from core.hubs import Heard, Hub, LocalHub, Stream
from core.sign_in import viewer
from core.viewer import Viewer

__all__ = [
    "Allowed",
    "Heard",
    "Stream",
    "allowed",
    "hears",
    "hub",
    "init",
    "publish",
    "publish_end",
    "subscribe",
]

_KEY: Final = "fullcircle.live"
MAX_CHANNELS: Final = 20  # of one page
SESSION_ENDED: Final = "session-ended"
GAP: Final = {"type": "gap"}  # some messages were missed: the page looks for itself
_CHANNEL: Final = re.compile(r"([a-z]{1,20})(?::([0-9]{1,18}))?")

Rule = Callable[[Viewer, int | None], bool]
_rules: dict[str, Rule] = {}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a browser may hear: the channels, whose they are, and the session they were allowed to."""

    channels: frozenset[str]
    person_id: int | None
    session_key: str


def hears(kind: str) -> Callable[[Rule], Rule]:
    """Register who may hear a kind of channel: `@hears("thread") def may_hear(viewer, thread_id) -> bool`."""

    def register(rule: Rule) -> Rule:
        _rules[kind] = rule
        return rule

    return register


@hears("person")
def _may_hear_person(asker: Viewer, person_id: int | None) -> bool:
    return asker.id is not None and asker.id == person_id


@hears("staff")
def _may_hear_staff(asker: Viewer, number: int | None) -> bool:
    return asker.is_staff and number is None


def init(app: Flask, settings: Settings) -> None:
    """Choose the hub by REDIS_URL, and serve the polling that pages fall back to without streams."""
    app.extensions[_KEY] = _hub_of(settings)
    app.add_url_rule("/events/poll", "events_poll", poll)


def _hub_of(settings: Settings) -> Hub:
    if not settings.redis_url:
        return LocalHub()
    from core.redis_hub import RedisHub

    return RedisHub(settings.redis_url)


def hub(app: Flask) -> Hub:
    """The hub of an app, for those outside of its contexts."""
    found: Hub = app.extensions[_KEY]
    return found


def _hub() -> Hub:
    found: Hub = current_app.extensions[_KEY]
    return found


def publish(channels: Iterable[str], message: dict[str, Any]) -> None:
    """Tell open pages. `message` is small and fit for JSON; its `type` says what happened.

    Whether anybody hears it is not told: pages also look for themselves.
    """
    json.dumps(message)  # a message that Redis could not carry fails at home too
    _hub().publish(channels, message)


def publish_end(person_id: int) -> None:
    """Streams of this person ask anew whether their session still stands: after sign-out or ban."""
    publish([f"person:{person_id}"], {"type": SESSION_ENDED})


def subscribe(channels: Iterable[str]) -> Stream:
    """Listen in the running event loop: `async for heard in stream`; close it afterwards."""
    return _hub().subscribe(channels)


def allowed(asker: Viewer, wanted: Iterable[str]) -> Allowed:
    """Of the wanted channels those that the viewer may hear; unknown kinds are nobody's."""
    first = list(dict.fromkeys(wanted))[:MAX_CHANNELS]
    heard = frozenset(channel for channel in first if _may_hear(asker, channel))
    return Allowed(heard, asker.id, str(asker.session_id or ""))


def _may_hear(asker: Viewer, channel: str) -> bool:
    parts = _CHANNEL.fullmatch(channel)
    rule = _rules.get(parts[1]) if parts else None
    return bool(parts and rule and rule(asker, int(parts[2]) if parts[2] else None))


def authorise(app: Flask, cookies: str, wanted: Iterable[str]) -> Allowed:
    """What the browser behind a Cookie header may hear, judged anew at each call. Blocks on the database."""
    with app.test_request_context("/events", headers={"Cookie": cookies}):
        return allowed(viewer(), wanted)


def poll() -> Response:
    """What was said since the cursor, for pages without a stream: `{"messages": [...], "cursor": "..."}`."""
    channels = allowed(viewer(), request.args.get("c", "").split(",")).channels
    recent = _hub().recent(channels, request.args.get("since", ""))
    messages = [shown(heard, channels) for heard in recent.messages if not is_end(heard)]
    return jsonify(messages=([] if recent.is_complete else [GAP]) + messages, cursor=recent.cursor)


def shown(heard: Heard, channels: frozenset[str]) -> dict[str, Any]:
    """A message as pages get it: with the one channel they know it from."""
    return {**heard.message, "channel": heard.channel_among(channels)}


def is_end(heard: Heard) -> bool:
    """Whether a message is for the streams themselves and no page."""
    return heard.message.get("type", heard.message.get("kind")) == SESSION_ENDED
