"""Routes of the site's name and brand, of its team, and of what it says about itself."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from admin import actions, forms, queries
from admin.views.base import administrator, blueprint
from core import clock, files
from core.errors import NotFound, Refused, require
from core.files import Picture
from core.forms import parse, shown_again
from core.sign_in import member, viewer
from core.site import site
from people import queries as people
from people.words import role_name


@blueprint.get("/admin/site")
def site_form() -> ResponseReturnValue:
    """Name and brand."""
    administrator()
    return render_template("admin/site.html", typed=site(), errors={})


@blueprint.post("/admin/site")
def name_site() -> ResponseReturnValue:
    """Save name and brand."""
    actor = administrator()
    try:
        form = parse(forms.SiteForm, request.form)
        picture = _uploaded_logo()
    except Refused as refused:
        return shown_again("admin/site.html", refused)
    actions.name_site(actor, form)
    if picture or form.drop_logo:
        actions.set_logo(actor, picture)
    flash(_("Saved. Every page shows it within seconds."), "success")
    return redirect(url_for("admin.site_form"), 303)


def _uploaded_logo() -> Picture | None:
    """The checked picture, or None when none was chosen. Raises Refused at its field."""
    sent = request.files.get("logo")
    data = sent.read() if sent and sent.filename else b""
    try:
        return files.accept_picture(data) if data else None
    except Refused as refused:
        raise Refused(refused.message, fields={"logo": refused.message}) from refused


@blueprint.get("/site/brand-<int:hue>-<chroma>.css")
def brand(hue: int, chroma: str) -> ResponseReturnValue:
    """The brand's tokens; the address changes with the values, so it is kept for good."""
    stands = site()
    if (str(hue), chroma) != (stands.brand_hue, stands.brand_chroma):
        raise NotFound
    return Response(
        f":root{{--brand-hue:{hue};--brand-chroma:{chroma}}}\n",
        content_type="text/css; charset=utf-8",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@blueprint.get("/site/logo/<key>")
def logo(key: str) -> ResponseReturnValue:
    """The logo's picture."""
    if key != site().logo_key:
        raise NotFound
    return files.answer(key, filename="logo", cache="public, max-age=86400")


@blueprint.get("/admin/people")
def team() -> ResponseReturnValue:
    """Who of the company has which role; each one's roles are changed on their own page."""
    administrator()
    rows = [(card, [role_name(role) for role in roles]) for card, roles in queries.team()]
    return render_template("admin/people.html", team=rows, invitations=people.open_invitations())


@blueprint.get("/admin/parts")
def parts() -> ResponseReturnValue:
    """Every part of the face with plain values."""
    require(member().is_staff)
    return render_template("parts_gallery.html", moment=clock.now())


@blueprint.get("/about")
def about() -> ResponseReturnValue:
    """What this community is, and who runs it."""
    cards = [card for card, _roles in queries.team()]
    return render_template("admin/about.html", numbers=queries.public_numbers(viewer()), team=cards)


@blueprint.get("/privacy")
def privacy() -> ResponseReturnValue:
    """What is kept about people, and which cookies there are."""
    return render_template("admin/privacy.html")
