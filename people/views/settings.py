"""Settings: profile, picture, password, address, theme and language, own data."""

from flask import Response, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import logout_user

from core import clock, files
from core.config import settings
from core.errors import Refused, require
from core.forms import parse, shown_again
from core.sign_in import member, viewer
from people import actions, exports, forms, policy, queries
from people.models import Person
from people.passwords import SHORTEST
from people.views import limits
from people.views.blueprint import blueprint, fresh_member, local_path
from people.words import language_options, zone_options

_YEAR = 365 * 86400
_FIELDS = ("name", "location", "company", "website", "timezone", "locale")


def _myself() -> Person:
    return queries.person(member().id or 0)


@blueprint.get("/settings")
def profile_settings() -> ResponseReturnValue:
    """The profile form."""
    return _profile_page(_myself(), {})


def _profile_page(person: Person, errors: dict[str, str]) -> str:
    typed = {name: getattr(person, name) for name in _FIELDS} | {"bio": person.bio_source}
    return render_template(
        "people/settings/profile.html", typed=typed, errors=errors, **_profile_choices(person)
    )


def _profile_choices(person: Person) -> dict[str, object]:
    return {"person": person, "zones": zone_options(), "languages": language_options()}


@blueprint.post("/settings")
def saving_profile() -> ResponseReturnValue:
    """Save the profile."""
    asker = member()
    try:
        actions.edit_profile(asker, parse(forms.Profile, request.form))
    except Refused as refused:
        return shown_again("people/settings/profile.html", refused, **_profile_choices(_myself()))
    flash(_("Your profile is saved."), "success")
    return redirect(url_for("people.profile_settings"), 303)


@blueprint.post("/settings/avatar")
@limits.pictures
def saving_avatar() -> ResponseReturnValue:
    """Show an uploaded picture."""
    asker, upload = member(), request.files.get("picture")
    try:
        if upload is None or not upload.filename:
            raise Refused(_("Please choose a picture first."))
        actions.change_avatar(asker, upload.read())
    except Refused as refused:
        return _profile_page(_myself(), {"picture": refused.message}), refused.status
    return redirect(url_for("people.profile_settings"), 303)


@blueprint.post("/settings/avatar/removal")
def removing_avatar() -> ResponseReturnValue:
    """Back to the initials."""
    actions.drop_avatar(member())
    return redirect(url_for("people.profile_settings"), 303)


@blueprint.get("/settings/password")
def password_settings() -> ResponseReturnValue:
    """The password form."""
    return render_template("people/settings/password.html", errors={}, person=_myself(), shortest=SHORTEST)


@blueprint.post("/settings/password")
@limits.guesses_of_member
def changing_password() -> ResponseReturnValue:
    """Change it."""
    asker = member()
    try:
        actions.change_password(asker, parse(forms.PasswordChange, request.form))
    except Refused as refused:
        return shown_again("people/settings/password.html", refused, person=_myself(), shortest=SHORTEST)
    flash(_("Your password is changed. Other browsers were signed out."), "success")
    return redirect(url_for("people.password_settings"), 303)


@blueprint.get("/settings/address")
def address_settings() -> ResponseReturnValue:
    """The e-mail address, and a form for another one."""
    fresh_member()
    return render_template("people/settings/address.html", typed={}, errors={}, person=_myself())


@blueprint.post("/settings/address")
@limits.links_by_account
@limits.links_by_both
def asking_address() -> ResponseReturnValue:
    """Send a link to the new address."""
    asker = member()
    try:
        form = parse(forms.Address, request.form)
        actions.ask_address_change(asker, form.email)
    except Refused as refused:
        return shown_again("people/settings/address.html", refused, person=_myself())
    flash(_("Open the link in the mail to %(email)s to use it from then on.", email=form.email), "info")
    return redirect(url_for("people.address_settings"), 303)


@blueprint.post("/settings/theme")
def saving_theme() -> ResponseReturnValue:
    """Light, dark, or as the device says: for members in the account, for visitors in a cookie."""
    form, asker = parse(forms.Theme, request.form), viewer()
    if asker.is_member:
        actions.set_theme(asker, form.theme)
    return _back_with_cookie("theme", "" if form.theme == "system" else form.theme)


@blueprint.post("/settings/language")
def saving_language() -> ResponseReturnValue:
    """The language of the site: for members in the account, for visitors in a cookie."""
    form, asker = parse(forms.Language, request.form), viewer()
    if asker.is_member:
        actions.set_language(asker, form.locale)
    return _back_with_cookie("lang", form.locale)


def _back_with_cookie(name: str, value: str) -> Response:
    prefix, referrer = request.host_url.rstrip("/"), request.referrer or ""
    back = local_path(referrer.removeprefix(prefix)) if referrer.startswith(prefix) else "/"
    response = make_response(redirect(back, 303))
    if value:
        response.set_cookie(
            *(name, value), max_age=_YEAR, httponly=True, samesite="Lax", secure=settings().is_https
        )
    else:
        response.delete_cookie(name)
    return response


@blueprint.get("/settings/data")
def data_settings() -> ResponseReturnValue:
    """Own data: download it, or leave."""
    return render_template("people/settings/data.html", person=_myself())


@blueprint.post("/settings/data/export")
@limits.exports
def exporting() -> ResponseReturnValue:
    """Everything kept about the person, as a zip."""
    asker, person = fresh_member(), _myself()
    require(policy.may_use_settings(asker))
    response = make_response(exports.archive_of(person.id))
    name = f"{person.handle}-{clock.now():%Y-%m-%d}.zip"
    response.headers["Content-Type"] = "application/zip"
    response.headers["Content-Disposition"] = files.disposition("attachment", name)
    return response


@blueprint.get("/settings/removal")
def removal() -> ResponseReturnValue:
    """What removing the account means."""
    return render_template("people/settings/removal.html", errors={}, person=_myself())


@blueprint.post("/settings/removal")
@limits.guesses_of_member
def removing() -> ResponseReturnValue:
    """Remove the account for good."""
    asker = member()
    try:
        actions.remove_own_account(asker, parse(forms.Again, request.form))
    except Refused as refused:
        return shown_again("people/settings/removal.html", refused, person=_myself())
    logout_user()
    session.clear()
    return redirect(url_for("people.removed"), 303)


@blueprint.get("/goodbye")
def removed() -> ResponseReturnValue:
    """Says that the account is gone."""
    return render_template("people/done.html", about="removal")
