"""Routes of asking: the form, threads like the one being typed, the preview."""

from typing import Any

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.sign_in import member, viewer
from core.text import render
from forum import actions, forms, policy, queries
from forum.views.base import blueprint, to_thread

DRAFT = "thread"


@blueprint.get("/ask")
def ask() -> ResponseReturnValue:
    """The form for a new thread, with what was not sent last time."""
    actor = member()
    require(policy.may_ask(actor))
    typed: dict[str, Any] = queries.draft(actor, DRAFT)
    asked = {name: request.args[name][:200] for name in ("title", "tags") if request.args.get(name)}
    slug = request.args.get("category", "")[:60]
    return _form(typed | asked, {}, slug=slug)


@blueprint.get("/ask/similar")
@limiter.limit("60/minute")
def similar() -> ResponseReturnValue:
    """Threads like the title being typed, as a part of the page."""
    title = request.args.get("title", "").strip()[:200]
    return render_template("forum/_similar.html", similar=queries.similar(viewer(), title))


@blueprint.post("/ask/preview")
@limiter.limit("60/minute")
def preview() -> ResponseReturnValue:
    """The text as it will look, for the editor's preview. Nothing is read or written."""
    member()
    form = parse(forms.PreviewForm, request.form)
    return render_template("forum/_preview.html", html=render(form.body).html)


@blueprint.post("/ask")
@limiter.limit("5/minute;40/hour", exempt_when=lambda: request.form.get("step") == "preview")
def start() -> ResponseReturnValue:
    """Post a new thread, or look at it first."""
    actor = member()
    try:
        form = parse(forms.ThreadForm, request.form)
        body = form.rendered()
    except Refused as refused:
        return _form(request.form, errors_of(refused)), refused.status
    if form.step == "preview":
        return _form(request.form, {}, preview=body.html, similar=queries.similar(actor, form.title))
    room = queries.category(actor, form.category_id)
    if not policy.may_ask_in(actor, room):
        return _form(request.form, {"category_id": _("Please choose another category.")}), 422
    tags = form.tag_list()
    thread = actions.start_thread(actor, category_id=room.id, title=form.title, body=body, tags=tags)
    actions.discard_draft(actor, DRAFT)
    flash(_("Posted. You will hear of every reply."), "success")
    return to_thread(thread)


def _form(
    typed: Any, errors: dict[str, str], *, slug: str = "", preview: str = "", similar: Any = None
) -> str:
    asker = viewer()
    rooms = [room for room in queries.categories(asker) if policy.may_ask_in(asker, room)]
    only = rooms[0].id if len(rooms) == 1 else ""
    chosen = typed.get("category_id") or next((room.id for room in rooms if room.slug == slug), only)
    values = {"typed": typed, "errors": errors, "preview": preview, "similar": similar}
    return render_template("forum/ask.html", categories=rooms, chosen=chosen, **values)
