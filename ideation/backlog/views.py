"""Routes of the backlog."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.sign_in import member
from forum.views.base import ID
from ideation import policy
from ideation import queries as ideation
from ideation.backlog import actions, forms, queries
from ideation.views import idea_page

blueprint = Blueprint("backlog", __name__)


@blueprint.post(f"/ideas/<{ID}:idea_id>/items")
def add_item(idea_id: int) -> ResponseReturnValue:
    """Note the work in the team's tracker."""
    actor = member()
    idea = ideation.idea(actor, idea_id)
    require(policy.may_triage(actor))
    try:
        form = parse(forms.ItemForm, request.form)
    except Refused as refused:
        row = ideation.one_row(actor, idea_id)
        return idea_page(row, wrong="item", errors=errors_of(refused)), refused.status
    actions.add_item(actor, idea, title=form.title, tracker_url=form.tracker_url)
    return redirect(url_for("ideation.idea", idea_id=idea_id), 303)


@blueprint.post(f"/backlog/<{ID}:item_id>/done")
def finish_item(item_id: int) -> ResponseReturnValue:
    """The tracker says done."""
    actor = member()
    require(policy.may_triage(actor))
    item = queries.item(actor, item_id)
    actions.finish_item(actor, item)
    return redirect(url_for("ideation.idea", idea_id=item.idea_id), 303)


@blueprint.post(f"/backlog/<{ID}:item_id>/done/undo")
def reopen_item(item_id: int) -> ResponseReturnValue:
    """Not done after all, with the reason."""
    actor = member()
    require(policy.may_triage(actor))
    item = queries.item(actor, item_id)
    try:
        form = parse(forms.ReopeningForm, request.form)
    except Refused as refused:
        row = ideation.one_row(actor, item.idea_id)
        return idea_page(row, wrong=f"reopen-{item.id}", errors=errors_of(refused)), refused.status
    actions.reopen_item(actor, item, form.reason)
    return redirect(url_for("ideation.idea", idea_id=item.idea_id), 303)
