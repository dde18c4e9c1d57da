"""What listening puts into other pages: where a thread came from, and how its poster is answered."""

from typing import Any

from flask import render_template

from core.slots import fill
from core.viewer import Viewer
from listening import policy, queries, words


@fill("thread.head", order=20)
def thread_origin(viewer: Viewer, thread: Any, **_more: Any) -> str | None:
    """Under the title: the channel, who wrote it there, the original, and who brought it in."""
    if not getattr(thread, "origin_label", ""):
        return None
    origin = queries.origin_of_thread(thread.id)
    return render_template("listening/_origin.html", origin=origin) if origin else None


@fill("thread.aside", order=30)
def thread_replies(viewer: Viewer, thread: Any, **_more: Any) -> str | None:
    """For staff: what was answered on the channel the thread came from."""
    if not getattr(thread, "origin_label", "") or not policy.may_see_inbox(viewer):
        return None
    origin = queries.origin_of_thread(thread.id)
    if origin is None:
        return None
    return render_template(
        "listening/_answered.html",
        origin=origin,
        replies=queries.replies_of_mention(viewer, origin.mention_id),
        reply_state=words.reply_state,
    )
