"""Pages about people: profile, directory, pictures, and the list under a typed @."""

from typing import Final

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core import clock, files
from core.errors import NotFound, Refused
from core.forms import parse
from core.pages import keep_for_visitors
from core.sign_in import viewer
from core.viewer import Viewer
from people import forms, policy, queries
from people.models import OUTSIDE, Person
from people.views.blueprint import blueprint

_FOREVER: Final = "public, max-age=31536000, immutable"
_ANYTHING_HAPPENED: Final = "SELECT max(id) FROM event"


@blueprint.get("/people")
def directory() -> ResponseReturnValue:
    """Everybody, most points first; a search by name or handle."""
    keep_for_visitors(_ANYTHING_HAPPENED)
    form = _search()
    page = queries.directory(viewer(), form.q, form.after)
    return render_template("people/directory.html", page=page, words=form.q, is_first=not form.after)


def _search() -> forms.Search:
    """A search that makes no sense is no search: addresses are typed and passed on by hand."""
    try:
        return parse(forms.Search, request.args)
    except Refused:
        return forms.Search()


@blueprint.get("/people/<handle>")
def profile(handle: str) -> ResponseReturnValue:
    """One person's public page."""
    keep_for_visitors(_ANYTHING_HAPPENED)
    asker = viewer()
    try:
        person = queries.by_handle(handle, asker)
    except NotFound:
        return _led_on(handle, asker)
    card = queries.cards([person.id])[person.id]
    roles = queries.roles_of(person.id)
    identities = queries.identities_of(person.id) if person.kind == OUTSIDE else ()
    values = {"person": person, "card": card, "roles": roles, "identities": identities}
    return render_template("people/profile.html", **values, **_powers(asker, person, roles))


def _led_on(handle: str, asker: Viewer) -> ResponseReturnValue:
    """To the member whom an outside person turned out to be. Raises NotFound where there is none."""
    member = queries.member_behind(handle, asker)
    if member is None:
        raise NotFound
    return redirect(url_for("people.profile", handle=member.handle))


def _powers(asker: Viewer, person: Person, roles: frozenset[str]) -> dict[str, object]:
    """What this viewer may do about the person; the same rules the actions ask."""
    is_banned = person.banned_until is not None and person.banned_until > clock.now()
    return {
        "is_self": asker.id == person.id,
        "is_banned": is_banned and policy.may_see_bans(asker),
        "may_ban": not is_banned and policy.may_ban(asker, person, roles),
        "may_lift_ban": is_banned and policy.may_lift_ban(asker, roles),
        "may_manage": policy.may_manage_accounts(asker),
        "may_merge": person.kind == OUTSIDE and policy.may_merge_outside(asker),
    }


@blueprint.get("/people/mentions")
def mentions() -> ResponseReturnValue:
    """Rows for the editor's list of people; nothing found is an empty answer."""
    words = _search().q.removeprefix("@")
    found = queries.mentionable(viewer(), words) if words else []
    if not found:
        return "", 204
    return render_template("people/mentions.html", people=found)


@blueprint.get("/avatars/<key>")
def avatar(key: str) -> Response:
    """A picture; its address changes with its content."""
    return files.answer(key, cache=_FOREVER)
