"""What all routes of the forum share: the blueprint, and reading small things from a request."""

import threading
import time
from collections import Counter
from typing import Any, Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from core.config import settings
from core.context import here
from core.db import apart
from core.errors import NotFound
from core.slots import slot
from core.viewer import Viewer
from forum import actions, addresses
from forum.models import Post
from forum.views.shown import ForTemplates

blueprint = Blueprint("forum", __name__)
ID: Final = "int(max=999999999999999)"  # larger numbers are no address at all
LIST_STAMP: Final = "SELECT max(id) FROM event"
THREAD_STAMP: Final = "SELECT version FROM thread WHERE id = :id AND access = 0 AND deleted_at IS NULL"
FLUSH_SECONDS: Final = 10.0
_VIEWS: Final = "forum.views"


@blueprint.record_once
def _give_templates(state: Any) -> None:
    """Templates of the forum and of features that show a discussion ask the same rules as the actions."""
    with state.app.app_context():
        site_url = settings().site_url
    state.app.jinja_env.globals.update(forum=ForTemplates(), site_url=site_url)
    state.app.extensions[_VIEWS] = ViewCounter()


def page_number() -> int:
    """`?page=`, 1 when it is not sent. Raises NotFound for what is no page number."""
    sent = request.args.get("page", "1")
    if not (sent.isascii() and sent.isdecimal() and 0 < len(sent) < 7 and int(sent) > 0):
        raise NotFound
    return int(sent)


def is_part() -> bool:
    """Whether a script asks for a part of the page only."""
    return "HX-Request" in request.headers


def to_post(thread: Any, post: Post) -> ResponseReturnValue:
    """Send the browser to a post on its thread's page."""
    return redirect(addresses.post_path(thread, post), 303)


def to_thread(thread: Any) -> ResponseReturnValue:
    """Send the browser to a thread's page."""
    return redirect(addresses.thread_path(thread), 303)


class ViewCounter:
    """Counts openings of threads in memory and hands them over every ten seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()
        self._due = time.monotonic() + FLUSH_SECONDS

    def add(self, thread_id: int) -> dict[int, int]:
        """Count one; returns what is to be stored now, usually nothing."""
        with self._lock:
            self._counts[thread_id] += 1
            if time.monotonic() < self._due:
                return {}
            found, self._counts = dict(self._counts), Counter()
            self._due = time.monotonic() + FLUSH_SECONDS
            return found


def count_view(thread_id: int) -> None:
    """Note that somebody opened a thread; stored after the response, with others."""
    counter: ViewCounter = here().app.extensions[_VIEWS]
    due = counter.add(thread_id)
    if due:
        apart(lambda: actions.count_views(Viewer.system(), due))


def note_reading(viewer: Viewer, head: Any, position: int) -> None:
    """Move a member's mark forward after the response, if these posts are news to them; others note it too."""
    if not viewer.is_member:
        return
    slot("thread.read", viewer=viewer, thread_id=head.id, position=position)
    if position > (head.read_position or 0):
        apart(lambda: actions.mark_read(viewer, head.id, position))
