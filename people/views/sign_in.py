"""Signing in and out, and typing the password again."""

from flask import make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import logout_user

from core.db import db
from core.errors import Refused
from core.forms import parse, shown_again
from core.sign_in import member, viewer
from core.web import show_error, wants_json
from people import actions, forms
from people.views import limits
from people.views.blueprint import blueprint, browser, hold_session, local_path


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """The sign-in page; members are sent on."""
    target = local_path(request.args.get("next", ""))
    if viewer().is_member:
        return redirect(target, 303)
    return render_template("people/sign_in.html", typed={}, errors={}, next=target, is_unconfirmed=False)


@blueprint.post("/sign-in")
@limits.guesses_by_account
@limits.guesses_by_both
@limits.guesses_by_address
def signing_in() -> ResponseReturnValue:
    """Check address and password and begin a session."""
    target = local_path(request.form.get("next", ""))
    try:
        form = parse(forms.SignIn, request.form)
        token = actions.sign_in(viewer(), form, **browser())
    except Refused as refused:
        is_unconfirmed = isinstance(refused, actions.AddressUnconfirmed)
        return shown_again("people/sign_in.html", refused, next=target, is_unconfirmed=is_unconfirmed)
    actions.sign_out(viewer())  # whoever was signed in here before
    hold_session(token, remember=form.remember)
    response = make_response(redirect(target, 303))
    limits.remember_device(response)
    return response


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session here and on the server."""
    actions.sign_out(viewer())
    logout_user()
    session.clear()
    return redirect("/", 303)


@blueprint.get("/settings/again")
def again() -> ResponseReturnValue:
    """Asks for the password before something that matters."""
    member()
    target = local_path(request.args.get("next", ""), "/settings")
    return render_template("people/again.html", typed={}, errors={}, next=target)


@blueprint.post("/settings/again")
@limits.guesses_of_member
def signing_in_again() -> ResponseReturnValue:
    """Go on after the password was typed."""
    asker, target = member(), local_path(request.form.get("next", ""), "/settings")
    remembered = bool(session.permanent)
    try:
        token = actions.sign_in_again(asker, parse(forms.Again, request.form))
    except Refused as refused:
        return shown_again("people/again.html", refused, next=target)
    hold_session(token, remember=remembered)
    return redirect(target, 303)


@blueprint.app_errorhandler(actions.SignInAgain)
def ask_again(error: actions.SignInAgain) -> ResponseReturnValue:
    """A browser types the password and comes back to the page it was on; a program is told."""
    db.session.rollback()
    if wants_json():
        return show_error(error)
    target = request.full_path.rstrip("?") if request.method == "GET" else _page_before()
    return redirect(url_for("people.again", next=target), 303)


def _page_before() -> str:
    prefix = request.host_url.rstrip("/")
    referrer = request.referrer or ""
    return (
        local_path(referrer.removeprefix(prefix), "/settings") if referrer.startswith(prefix) else "/settings"
    )
