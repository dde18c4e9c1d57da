"""Routes of one thread: reading it, following it, and what moderators do to it as a whole."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.pages import keep_for_visitors
from core.sign_in import member, viewer
from forum import actions, addresses, forms, policy, queries
from forum.models import Thread
from forum.views.base import (
    ID,
    LIST_STAMP,
    THREAD_STAMP,
    blueprint,
    count_view,
    note_reading,
    page_number,
    to_thread,
)
from forum.views.page import thread_page


@blueprint.get(f"/t/<{ID}:thread_id>")
@blueprint.get(f"/t/<{ID}:thread_id>/<slug>")
def thread(thread_id: int, slug: str = "") -> ResponseReturnValue:
    """A page of a thread; ideas and releases are shown where they live."""
    keep_for_visitors(THREAD_STAMP, id=thread_id)
    asker = viewer()
    number = page_number()
    head = queries.thread_head(asker, thread_id, number)
    if addresses.lives_elsewhere(head.kind) or slug != head.slug:
        query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
        return redirect(addresses.thread_path(head) + query, 302)
    page = queries.thread_page(asker, head, number)
    note_reading(asker, head, page.last_position)
    count_view(head.id)
    return str(thread_page(asker, page))


@blueprint.get(f"/t/<{ID}:thread_id>/related")
@limiter.limit("60/minute")
def related(thread_id: int) -> ResponseReturnValue:
    """Threads like this one, as a part that the page fetches when it comes into view."""
    keep_for_visitors(LIST_STAMP)
    asker = viewer()
    found = queries.thread(asker, thread_id)
    similar = queries.similar(asker, found.title, without=found.id)
    return render_template("forum/_related.html", related=similar)


@blueprint.get(f"/t/<{ID}:thread_id>/unread")
def first_unread(thread_id: int) -> ResponseReturnValue:
    """Where the member stopped reading."""
    head = queries.thread_head(viewer(), thread_id)
    return redirect(addresses.post_path(head, queries.post_at(head.id, queries.first_unread(head))), 302)


@blueprint.get(f"/t/<{ID}:thread_id>/last")
def last_post(thread_id: int) -> ResponseReturnValue:
    """The newest post."""
    head = queries.thread_head(viewer(), thread_id)
    return redirect(addresses.post_path(head, queries.post_at(head.id, head.post_count)), 302)


@blueprint.get(f"/p/<{ID}:post_id>")
def post_link(post_id: int) -> ResponseReturnValue:
    """The lasting address of a post."""
    found = queries.post(viewer(), post_id)
    return redirect(addresses.post_path(queries.thread_of(found), found), 302)


@blueprint.post(f"/threads/<{ID}:thread_id>/following")
def following_state(thread_id: int) -> ResponseReturnValue:
    """Follow, unfollow or mute."""
    actor = member()
    form = parse(forms.FollowForm, request.form)
    found = queries.thread(actor, thread_id)
    {"follow": actions.follow, "unfollow": actions.unfollow, "mute": actions.mute}[form.state](actor, found)
    return to_thread(found)


@blueprint.route(f"/threads/<{ID}:thread_id>/closing", methods=["GET", "POST"])
def close(thread_id: int) -> ResponseReturnValue:
    """Close, with a reason."""
    actor = member()
    found = queries.thread(actor, thread_id)
    require(policy.may_moderate(actor, found))
    if request.method == "GET":
        return _ask_reason("close", found, {})
    try:
        form = parse(forms.ReasonForm, request.form)
    except Refused as refused:
        return _ask_reason("close", found, errors_of(refused)), refused.status
    actions.close_thread(actor, found, form.reason)
    return to_thread(found)


@blueprint.post(f"/threads/<{ID}:thread_id>/closing/undo")
def reopen(thread_id: int) -> ResponseReturnValue:
    """Reopen."""
    actor = member()
    found = queries.thread(actor, thread_id)
    actions.reopen_thread(actor, found)
    return to_thread(found)


@blueprint.route(f"/threads/<{ID}:thread_id>/deletion", methods=["GET", "POST"])
def delete(thread_id: int) -> ResponseReturnValue:
    """Delete a thread; moderators say why."""
    actor = member()
    found = queries.thread(actor, thread_id)
    require(policy.may_delete_thread(actor, found))
    if request.method == "GET":
        return _ask_reason("delete", found, {})
    try:
        reason = forms.deletion_reason(request.form, is_own=actor.id == found.author_id)
    except Refused as refused:
        return _ask_reason("delete", found, errors_of(refused)), refused.status
    actions.delete_thread(actor, found, reason)
    flash(_("The thread was deleted."), "success")
    return to_thread(found) if policy.is_moderator(actor) else redirect("/", 303)


@blueprint.post(f"/threads/<{ID}:thread_id>/deletion/undo")
def restore(thread_id: int) -> ResponseReturnValue:
    """Restore a thread."""
    actor = member()
    found = queries.thread(actor, thread_id)
    actions.restore_thread(actor, found)
    return to_thread(found)


@blueprint.post(f"/threads/<{ID}:thread_id>/pinning")
def pin(thread_id: int) -> ResponseReturnValue:
    """Keep on top."""
    actor = member()
    found = queries.thread(actor, thread_id)
    actions.pin_thread(actor, found)
    return to_thread(found)


@blueprint.post(f"/threads/<{ID}:thread_id>/pinning/undo")
def unpin(thread_id: int) -> ResponseReturnValue:
    """Let sink."""
    actor = member()
    found = queries.thread(actor, thread_id)
    actions.unpin_thread(actor, found)
    return to_thread(found)


@blueprint.route(f"/threads/<{ID}:thread_id>/category", methods=["GET", "POST"])
def move(thread_id: int) -> ResponseReturnValue:
    """Move to another category."""
    actor = member()
    found = queries.thread(actor, thread_id)
    require(policy.may_moderate(actor, found))
    if request.method == "GET":
        rooms = [room for room in queries.categories(actor) if not room.is_archived]
        return render_template("forum/move.html", thread=found, categories=rooms)
    form = parse(forms.MoveForm, request.form)
    actions.move_thread(actor, found, queries.category(actor, form.category_id))
    return to_thread(found)


@blueprint.post(f"/threads/<{ID}:thread_id>/marks")
def mark(thread_id: int) -> ResponseReturnValue:
    """Needs staff, or waiting on author."""
    actor = member()
    form = parse(forms.MarkForm, request.form)
    found = queries.thread(actor, thread_id)
    actions.mark_thread(actor, found, form.mark)
    return to_thread(found)


@blueprint.post(f"/threads/<{ID}:thread_id>/marks/undo")
def unmark(thread_id: int) -> ResponseReturnValue:
    """Take the mark off."""
    actor = member()
    form = parse(forms.MarkForm, request.form)
    found = queries.thread(actor, thread_id)
    actions.unmark_thread(actor, found, form.mark)
    return to_thread(found)


def _ask_reason(what: str, found: Thread, errors: dict[str, str]) -> str:
    return render_template(
        "forum/reason.html", what=what, thread=found, post=None, errors=errors, typed=request.form
    )
