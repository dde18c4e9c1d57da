"""Routes of replies to outside: what waits, and what a person decides."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.db import db
from core.errors import Conflict, NotFound, Refused
from core.forms import errors_of, parse
from core.viewer import Viewer
from listening import actions, forms, policy, queries
from listening.models import OutsideReply
from listening.queries import BOXES
from listening.views.base import ID, blueprint, listener, number

Act = Callable[[Viewer, OutsideReply], None]


@blueprint.get("/inbox/replies")
def replies() -> ResponseReturnValue:
    """Replies by what they wait for."""
    return _page(listener())


def _page(asker: Viewer, problem: dict[str, str] | None = None, wrong_id: int | None = None) -> str:
    box = request.args.get("box", "waiting")
    if box not in BOXES:
        raise NotFound
    page = max(1, min(number("page") or 1, 10_000))
    cards = queries.reply_cards(asker, box, page)
    return render_template(
        "listening/replies.html",
        cards=cards,
        box=box,
        page=page,
        counts=queries.reply_counts(asker),
        may_approve=policy.may_approve_reply(asker),
        may_settle=policy.may_settle_reply(asker),
        errors=problem or {},
        wrong_id=wrong_id,
        typed=request.form,
    )


def _decide(reply_id: int, act: Act, done: str) -> ResponseReturnValue:
    """Do it, say so, and go back to where the reply was seen; what is refused is shown there."""
    actor = listener()
    found = queries.reply(actor, reply_id)
    try:
        act(actor, found)
    except (Refused, Conflict) as problem:
        db.session.rollback()
        db.session.expire_all()
        told = errors_of(problem) if isinstance(problem, Refused) else {"": problem.message}
        return _page(actor, told, reply_id), problem.status
    flash(done, "success")
    return redirect(_back(found), 303)


def _back(found: OutsideReply) -> str:
    """The mention's page when it was decided there, else the box it was in."""
    if request.args.get("from") == "mention":
        return url_for("listening.mention", mention_id=found.mention_id)
    kept: dict[str, Any] = {"box": request.args["box"]} if request.args.get("box") in BOXES else {}
    return url_for("listening.replies", **kept)


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/words")
def edit_reply(reply_id: int) -> ResponseReturnValue:
    """Change its words."""

    def act(actor: Viewer, found: OutsideReply) -> None:
        actions.edit_reply(actor, found, parse(forms.ReplyForm, request.form).body)

    return _decide(reply_id, act, _("Saved."))


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/approval")
def approve_reply(reply_id: int) -> ResponseReturnValue:
    """Let it go out, with the words as they stand in the form."""

    def act(actor: Viewer, found: OutsideReply) -> None:
        body = parse(forms.ReplyForm, request.form).body if "body" in request.form else None
        actions.approve_reply(actor, found, body)

    return _decide(reply_id, act, _("Approved."))


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/discarding")
def discard_reply(reply_id: int) -> ResponseReturnValue:
    """Drop it."""
    return _decide(reply_id, actions.discard_reply, _("Dropped. You can bring it back."))


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/restoring")
def restore_reply(reply_id: int) -> ResponseReturnValue:
    """Bring it back as a draft."""
    return _decide(reply_id, actions.restore_reply, _("It is a draft again."))


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/again")
def send_again(reply_id: int) -> ResponseReturnValue:
    """Try once more."""
    return _decide(reply_id, actions.send_again, _("It is on its way again."))


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/posting")
def confirm_posted(reply_id: int) -> ResponseReturnValue:
    """It was posted by hand."""

    def act(actor: Viewer, found: OutsideReply) -> None:
        actions.confirm_posted(actor, found, parse(forms.PostedForm, request.form).url)

    return _decide(reply_id, act, _("Noted as delivered."))


@blueprint.post(f"/inbox/replies/<{ID}:reply_id>/settling")
def settle_reply(reply_id: int) -> ResponseReturnValue:
    """Somebody looked whether it arrived."""

    def act(actor: Viewer, found: OutsideReply) -> None:
        form = parse(forms.SettleForm, request.form)
        actions.settle_unknown(actor, found, arrived=form.outcome == "arrived", url=form.url)

    return _decide(reply_id, act, _("Noted."))
