"""Routes of the backlog."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.sign_in import member
from ideation import policy
from ideation import queries as ideation
from ideation.backlog import actions, forms, queries

blueprint = Blueprint("backlog", __name__)


@blueprint.post("/ideas/<int:idea_id>/items")
def add_item(idea_id: int) -> ResponseReturnValue:
    """Note the work in the team's tracker."""
    actor = member()
    require(policy.may_triage(actor))
    try:
        form = parse(forms.ItemForm, request.form)
    except Refused as refused:
        flash(" ".join(errors_of(refused).values()), "danger")
        return redirect(url_for("ideation.idea", idea_id=idea_id), 303)
    actions.add_item(actor, ideation.idea(actor, idea_id), title=form.title, tracker_url=form.tracker_url)
    return redirect(url_for("ideation.idea", idea_id=idea_id), 303)


@blueprint.post("/backlog/<int:item_id>/done")
def finish_item(item_id: int) -> ResponseReturnValue:
    """The tracker says done."""
    actor = member()
    require(policy.may_triage(actor))
    item = queries.item(item_id)
    actions.finish_item(actor, item)
    return redirect(url_for("ideation.idea", idea_id=item.idea_id), 303)
