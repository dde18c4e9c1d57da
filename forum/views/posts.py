"""Routes of single posts: replying, voting, accepting, editing, their history, deleting."""

from typing import Any

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.db import apart
from core.errors import Conflict, Forbidden, NotFound, ProductError, Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.sign_in import member, viewer
from core.viewer import Viewer
from forum import actions, forms, policy, queries
from forum.models import OPENING, Post, Thread
from forum.queries import history
from forum.views.base import ID, blueprint, is_part, page_number, to_post, to_thread
from forum.views.shown import editable_source


@blueprint.get(f"/threads/<{ID}:thread_id>/replies")
def reply_page(thread_id: int) -> ResponseReturnValue:
    """The reply box on a page of its own: to continue a draft, or to quote a post."""
    actor = member()
    found = queries.thread(actor, thread_id)
    require(policy.may_reply(actor, found), _("This thread is closed for replies."))
    quoted = _quoted(actor, found)
    typed = queries.draft(actor, f"reply:{thread_id}")
    if quoted is not None:
        typed = {"body": _quotation(quoted, str(typed.get("body", ""))), "reply_to": quoted.id}
    return _reply_form(found, typed, {})


def _quoted(actor: Viewer, thread: Thread) -> Post | None:
    number = request.args.get("quote", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        return None
    found = queries.post(actor, int(number))
    if found.thread_id != thread.id:
        raise NotFound
    return found


def _quotation(post: Post, before: str = "") -> str:
    """The post as a Markdown quotation, behind what was written already."""
    lines = editable_source(post).strip().splitlines()
    quote = "\n".join(f"> {line}".rstrip() for line in lines[:40])
    return f"{before}\n\n{quote}\n\n".lstrip() if before else f"{quote}\n\n"


@blueprint.get(f"/posts/<{ID}:post_id>/quote")
def quote(post_id: int) -> ResponseReturnValue:
    """A post as a quotation, for scripts."""
    return _quotation(queries.post(member(), post_id)), 200, {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.post(f"/threads/<{ID}:thread_id>/replies")
@limiter.limit("10/minute;120/hour")
def reply(thread_id: int) -> ResponseReturnValue:
    """Post an answer or a comment."""
    actor = member()
    try:
        form = parse(forms.ReplyForm, request.form)
        body = form.rendered()
    except Refused as refused:
        found = queries.thread_head(actor, thread_id)
        return _reply_form(found, request.form, errors_of(refused)), refused.status
    found = queries.thread_head(actor, thread_id)
    if form.step == "preview":
        return _reply_form(found, request.form, {}, preview=body.html)
    try:
        to = queries.post(actor, form.reply_to) if form.reply_to else None
        post = actions.reply(actor, found, body, reply_to=to, as_comment=form.kind == "comment")
    except (Refused, Forbidden) as refused:
        apart(
            lambda: actions.save_draft(actor, f"reply:{thread_id}", {"body": form.body})
        )  # this answer rolls back
        return _reply_form(found, request.form, _problem(refused)), refused.status
    if found.draft is not None:
        actions.discard_draft(actor, f"reply:{thread_id}")
    return to_post(found, post)


def _reply_form(thread: Any, typed: Any, errors: dict[str, str], preview: str = "") -> str:
    return render_template("forum/reply.html", thread=thread, typed=typed, errors=errors, preview=preview)


@blueprint.post(f"/posts/<{ID}:post_id>/votes")
@limiter.limit("60/minute")
def vote(post_id: int) -> ResponseReturnValue:
    """Vote, change a vote, take it back."""
    actor = member()
    form = parse(forms.VoteForm, request.form)
    post = queries.post(actor, post_id)
    value = int(form.vote)
    score = actions.vote(actor, post, value)
    if is_part():
        return render_template("forum/_vote.html", post_id=post.id, score=score, my_vote=value)
    return to_post(queries.thread_of(post), post)


@blueprint.post(f"/posts/<{ID}:post_id>/acceptance")
def accept(post_id: int) -> ResponseReturnValue:
    """Accept an answer."""
    actor = member()
    post = queries.post(actor, post_id)
    actions.accept_answer(actor, queries.thread_of(post), post)
    return to_post(queries.thread_of(post), post)


@blueprint.post(f"/posts/<{ID}:post_id>/acceptance/undo")
def unaccept(post_id: int) -> ResponseReturnValue:
    """Take an acceptance back."""
    actor = member()
    post = queries.post(actor, post_id)
    found = queries.thread_of(post)
    if found.accepted_post_id == post.id:
        actions.unaccept_answer(actor, found)
    return to_post(found, post)


@blueprint.route(f"/posts/<{ID}:post_id>/edit", methods=["GET", "POST"])
def edit(post_id: int) -> ResponseReturnValue:
    """Change a post; an opening post with its title and tags."""
    actor = member()
    if request.method == "GET":
        post = queries.post(actor, post_id)
        require(policy.may_edit_post(actor, post, queries.thread_of(post)))
        return _edit_form(post, queries.draft(actor, f"edit:{post_id}"), {})
    return _edited(actor, post_id)


def _edited(actor: Viewer, post_id: int) -> ResponseReturnValue:
    is_opening = "title" in request.form
    try:
        form = parse(forms.OpeningEditForm if is_opening else forms.PostEditForm, request.form)
        body = form.rendered()
    except Refused as refused:
        return _edit_form(queries.post(actor, post_id), request.form, errors_of(refused)), refused.status
    post = queries.post(actor, post_id)
    if form.step == "preview":
        return _edit_form(post, request.form, {}, preview=body.html)
    changes: dict[str, Any] = {"reason": form.reason, "seen_edits": form.seen_edits}
    if isinstance(form, forms.OpeningEditForm):
        changes |= {"title": form.title, "tags": form.tags.split()}
    try:
        actions.edit_post(actor, post, body, **changes)
    except (Conflict, Refused) as problem:
        return _edit_form(post, request.form, _problem(problem)), problem.status
    actions.discard_draft(actor, f"edit:{post_id}")
    return to_post(queries.thread_of(post), post)


def _problem(error: ProductError) -> dict[str, str]:
    return error.fields or {"": error.message}


def _edit_form(post: Post, typed: Any, errors: dict[str, str], preview: str = "") -> str:
    values = {
        "post": post,
        "thread": queries.thread_of(post),
        "typed": typed,
        "errors": errors,
        "preview": preview,
    }
    return render_template("forum/edit.html", is_opening=post.kind == OPENING, **values)


@blueprint.get(f"/posts/<{ID}:post_id>/history")
def post_history(post_id: int) -> ResponseReturnValue:
    """Every edit of a post, for whoever may read the post."""
    post = queries.post(viewer(), post_id)
    found = queries.thread_of(post)
    page = page_number()
    edits, has_more = history.edits(post, found, page)
    return render_template(
        "forum/history.html", post=post, thread=found, edits=edits, page=page, has_more=has_more
    )


@blueprint.route(f"/posts/<{ID}:post_id>/deletion", methods=["GET", "POST"])
def delete_post(post_id: int) -> ResponseReturnValue:
    """Delete a reply; whoever deletes another's says why."""
    actor = member()
    post = queries.post(actor, post_id)
    found = queries.thread_of(post)
    require(policy.may_delete_post(actor, post, found))
    if request.method == "GET":
        return _ask_reason(found, post, {})
    try:
        reason = forms.deletion_reason(request.form, is_own=actor.id == post.author_id)
    except Refused as refused:
        return _ask_reason(found, post, errors_of(refused)), refused.status
    actions.delete_post(actor, post, reason)
    flash(_("The post was deleted."), "success")
    return to_post(found, post)


def _ask_reason(found: Thread, post: Post, errors: dict[str, str]) -> str:
    values = {"thread": found, "post": post, "errors": errors, "typed": request.form}
    return render_template("forum/reason.html", what="delete", **values)


@blueprint.post(f"/posts/<{ID}:post_id>/deletion/undo")
def restore_post(post_id: int) -> ResponseReturnValue:
    """Restore a reply."""
    actor = member()
    post = queries.post(actor, post_id)
    actions.restore_post(actor, post)
    return to_post(queries.thread_of(post), post)


@blueprint.get(f"/posts/<{ID}:post_id>")
def post_address(post_id: int) -> ResponseReturnValue:
    """The same as /p/<id>."""
    found = queries.post(viewer(), post_id)
    return to_post(queries.thread_of(found), found)


@blueprint.get(f"/threads/<{ID}:thread_id>")
def thread_address(thread_id: int) -> ResponseReturnValue:
    """The same as /t/<id>."""
    return to_thread(queries.thread(viewer(), thread_id))
