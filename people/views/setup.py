"""The first-run page."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from core.errors import NotFound, Refused
from core.forms import parse, shown_again
from core.sign_in import viewer
from people import actions, forms, queries
from people.passwords import SHORTEST
from people.views import limits
from people.views.blueprint import blueprint, enter, undo


@blueprint.get("/setup")
def setup() -> ResponseReturnValue:
    """The form, as long as nobody owns the house."""
    if not queries.is_setup_open():
        raise NotFound
    typed = {"token": request.args.get("token", "")}
    return render_template("people/setup.html", typed=typed, errors={}, shortest=SHORTEST)


@blueprint.post("/setup")
@limits.proofs_by_address
def setting_up() -> ResponseReturnValue:
    """Make the owner and sign in."""
    try:
        person = actions.open_house(viewer(), parse(forms.Setup, request.form))
    except Refused as refused:
        undo()
        if not queries.is_setup_open():
            raise NotFound from None
        return shown_again("people/setup.html", refused, shortest=SHORTEST)
    enter(person, remember=True)
    return redirect("/", 303)
