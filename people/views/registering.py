"""Registering and confirming the address."""

from typing import Final

from flask import make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from core.config import settings
from core.errors import Refused
from core.forms import parse, shown_again
from core.sign_in import viewer
from people import actions, forms, proofs, queries
from people.models import Person
from people.passwords import SHORTEST
from people.views import limits
from people.views.blueprint import blueprint, enter, local_path, undo

_GOING_TO: Final = "going_to"
_LONGEST: Final = 500  # of an address in a cookie


@blueprint.get("/register")
def register() -> ResponseReturnValue:
    """The form, or how to be invited where registration is not open."""
    target = local_path(request.args.get("next", ""))
    if viewer().is_member:
        return redirect(target, 303)
    is_open = settings().registration == "open"
    return render_template(
        "people/register.html", typed={}, errors={}, is_open=is_open, shortest=SHORTEST, next=target
    )


@blueprint.post("/register")
@limits.registrations
def registering() -> ResponseReturnValue:
    """Make the account; the answer is the same for a known address. The browser keeps where it was going."""
    target = local_path(request.form.get("next", ""))
    try:
        actions.register(viewer(), parse(forms.Registration, request.form))
    except Refused as refused:
        return shown_again("people/register.html", refused, is_open=True, shortest=SHORTEST, next=target)
    session[_GOING_TO] = target if len(target) <= _LONGEST else "/"
    return redirect(url_for("people.register_sent"), 303)


@blueprint.get("/register/sent")
def register_sent() -> ResponseReturnValue:
    """Says that a mail is on its way, to known and unknown addresses alike."""
    return render_template("people/sent.html", about="register")


@blueprint.get("/confirm")
def resend() -> ResponseReturnValue:
    """Asks where to send the link again."""
    return render_template("people/resend.html", typed=request.args, errors={})


@blueprint.post("/confirm")
@limits.links_by_account
@limits.links_by_both
@limits.links_by_address
def resending() -> ResponseReturnValue:
    """Send the link again, to an address that waits for one."""
    try:
        actions.resend_confirmation(viewer(), parse(forms.Address, request.form).email)
    except Refused as refused:
        return shown_again("people/resend.html", refused)
    return redirect(url_for("people.register_sent"), 303)


@blueprint.get("/confirm/<token>")
def confirm(token: str) -> ResponseReturnValue:
    """A page with a button: programs that look into mails open links, they do not press buttons."""
    link = queries.mail_link(proofs.CONFIRM, token)
    if link is None:
        return dead_link(url_for("people.resend"))
    person = queries.person(link.person_id)
    return proof_page(
        "people/confirm.html", token=token, person=person, typed={"handle": person.handle}, errors={}
    )


@blueprint.post("/confirm/<token>")
@limits.proofs_by_address
def confirming(token: str) -> ResponseReturnValue:
    """Use the link and sign in."""
    try:
        person = actions.confirm_address(viewer(), token, parse(forms.Confirmation, request.form))
    except Refused as refused:
        undo()
        link = queries.mail_link(proofs.CONFIRM, token)
        if link is None:
            return dead_link(url_for("people.resend"))
        return shown_again("people/confirm.html", refused, token=token, person=queries.person(link.person_id))
    target = local_path(str(session.get(_GOING_TO, "")))
    enter(person, remember=False)
    return redirect(target, 303)


def _person_of(token: str) -> Person | None:
    link = queries.mail_link(proofs.CONFIRM, token)
    return queries.person(link.person_id) if link else None


def proof_page(template: str, **values: object) -> ResponseReturnValue:
    """A page whose address is a secret: other sites must not learn it from the Referer header."""
    response = make_response(render_template(template, **values))
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def dead_link(again_url: str) -> ResponseReturnValue:
    """What a used, old or forged link shows."""
    page = render_template("people/dead_link.html", message=actions.dead_link().message, again_url=again_url)
    return page, 410, {"Referrer-Policy": "same-origin"}
