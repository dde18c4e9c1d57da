"""A forgotten password, and the link that makes a new address the account's own."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.errors import Refused
from core.forms import parse, shown_again
from core.sign_in import viewer
from people import actions, forms, proofs, queries
from people.passwords import SHORTEST
from people.views import limits
from people.views.blueprint import blueprint, undo
from people.views.registering import dead_link, proof_page


@blueprint.get("/reset")
def ask_reset() -> ResponseReturnValue:
    """Asks for the address."""
    return render_template("people/reset_ask.html", typed=request.args, errors={})


@blueprint.post("/reset")
@limits.links_by_account
@limits.links_by_both
@limits.links_by_address
def asking_reset() -> ResponseReturnValue:
    """Send a link if the address has an account; the answer does not tell."""
    try:
        actions.ask_reset(viewer(), parse(forms.Address, request.form).email)
    except Refused as refused:
        return shown_again("people/reset_ask.html", refused)
    return redirect(url_for("people.reset_sent"), 303)


@blueprint.get("/reset/sent")
def reset_sent() -> ResponseReturnValue:
    """Says that a mail is on its way if there is an account."""
    return render_template("people/sent.html", about="reset")


@blueprint.get("/reset/<token>")
def reset(token: str) -> ResponseReturnValue:
    """The form for the new password."""
    link = queries.mail_link(proofs.RESET, token)
    if link is None:
        return dead_link(url_for("people.ask_reset"))
    return proof_page("people/reset.html", token=token, email=link.email, errors={}, shortest=SHORTEST)


@blueprint.post("/reset/<token>")
@limits.proofs_by_address
def resetting(token: str) -> ResponseReturnValue:
    """Set the password and send the person to sign in with it."""
    try:
        actions.reset_password(viewer(), token, parse(forms.NewPassword, request.form))
    except actions.DeadLink:
        return dead_link(url_for("people.ask_reset"))
    except Refused as refused:
        undo()
        link = queries.mail_link(proofs.RESET, token)
        email = link.email if link else ""
        return shown_again("people/reset.html", refused, token=token, email=email, shortest=SHORTEST)
    return redirect(url_for("people.reset_done"), 303)


@blueprint.get("/reset/done")
def reset_done() -> ResponseReturnValue:
    """Leads to the sign-in page."""
    return render_template("people/done.html", about="reset")


@blueprint.get("/address/<token>")
def address(token: str) -> ResponseReturnValue:
    """A button to confirm the new address."""
    link = queries.mail_link(proofs.EMAIL, token)
    if link is None:
        return dead_link(url_for("people.address_settings"))
    return proof_page("people/address.html", token=token, email=link.email)


@blueprint.post("/address/<token>")
@limits.proofs_by_address
def changing_address(token: str) -> ResponseReturnValue:
    """Use the new address from now on."""
    try:
        actions.change_address(viewer(), token)
    except actions.DeadLink:
        return dead_link(url_for("people.address_settings"))
    return redirect(url_for("people.address_done"), 303)


@blueprint.get("/address/done")
def address_done() -> ResponseReturnValue:
    """Says that the new address holds."""
    return render_template("people/done.html", about="address")
