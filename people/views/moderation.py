"""What staff do about an account: shutting out, roles, sessions, removal."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import NotFound, Refused, require
from core.forms import parse, shown_again
from core.sign_in import member
from core.viewer import Viewer
from people import actions, forms, policy, queries
from people.models import OUTSIDE, Person
from people.views.blueprint import blueprint, fresh_member
from people.words import browser_name, role_options


def _profile_of(person: Person) -> ResponseReturnValue:
    return redirect(url_for("people.profile", handle=person.handle), 303)


@blueprint.get("/people/<handle>/ban")
def ban(handle: str) -> ResponseReturnValue:
    """The form that shuts somebody out, with what happened before."""
    asker = member()
    person = queries.by_handle(handle, asker)
    require(policy.may_ban(asker, person, queries.roles_of(person.id)))
    return render_template("people/ban.html", typed={}, errors={}, **_bans(person))


def _bans(person: Person) -> dict[str, object]:
    rows = queries.bans_of(person.id)
    return {"person": person, "bans": rows, "moderators": queries.cards(row.banned_by_id for row in rows)}


@blueprint.post("/people/<handle>/ban")
def banning(handle: str) -> ResponseReturnValue:
    """Shut somebody out."""
    asker = member()
    person = queries.by_handle(handle, asker)
    try:
        form = parse(forms.Ban, request.form)
        actions.ban(asker, person, form.reason, form.end)
    except Refused as refused:
        require(policy.may_ban(asker, person, queries.roles_of(person.id)))
        return shown_again("people/ban.html", refused, **_bans(person))
    flash(_("%(name)s is shut out.", name=person.name), "success")
    return _profile_of(person)


@blueprint.post("/people/<handle>/ban/lifting")
def lifting_ban(handle: str) -> ResponseReturnValue:
    """Let somebody in again."""
    asker = member()
    person = queries.by_handle(handle, asker)
    actions.lift_ban(asker, person)
    return _profile_of(person)


@blueprint.get("/people/<handle>/linking")
def linking(handle: str) -> ResponseReturnValue:
    """The form that says which member somebody from outside is."""
    asker = member()
    person = queries.by_handle(handle, asker)
    require(policy.may_merge_outside(asker) and person.kind == OUTSIDE)
    return render_template("people/linking.html", typed={}, errors={}, **_identities(person))


def _identities(person: Person) -> dict[str, object]:
    return {"person": person, "identities": queries.identities_of(person.id)}


@blueprint.post("/people/<handle>/linking")
def link(handle: str) -> ResponseReturnValue:
    """All that somebody from outside wrote is the member's from now on."""
    asker = member()
    person = queries.by_handle(handle, asker)
    require(policy.may_merge_outside(asker) and person.kind == OUTSIDE)
    try:
        form = parse(forms.Linking, request.form)
        found = _known_member(form.member, asker)
        for identity in queries.identities_of(person.id):
            actions.link_identity(asker, identity, found, form.proof)
    except Refused as refused:
        return shown_again("people/linking.html", refused, **_identities(person))
    flash(_("What %(name)s wrote outside is theirs here now.", name=found.name), "success")
    return _profile_of(found)


def _known_member(handle: str, asker: Viewer) -> Person:
    """The account of a typed handle. Raises Refused at the field."""
    try:
        return queries.by_handle(handle, asker)
    except NotFound:
        raise Refused(fields={"member": _("There is no member of this handle.")}) from None


@blueprint.get("/people/<handle>/account")
def account(handle: str) -> ResponseReturnValue:
    """Roles and sessions, for owners."""
    asker = member()
    require(policy.may_manage_accounts(asker))
    fresh_member()
    return render_template("people/account.html", **_account(queries.by_handle(handle, asker), asker))


def _account(person: Person, asker: Viewer) -> dict[str, object]:
    roles = queries.roles_of(person.id)
    return {
        "person": person,
        "held": [pair for pair in role_options() if pair[0] in roles],
        "others": [pair for pair in role_options() if pair[0] not in roles],
        "sessions": [(row, browser_name(row.user_agent)) for row in queries.sessions_of(person.id)],
        "may_remove": policy.may_remove_account(asker, person, roles) and person.id != asker.id,
    }


@blueprint.post("/people/<handle>/roles")
def granting_role(handle: str) -> ResponseReturnValue:
    """Give a role."""
    asker = member()
    actions.grant_role(asker, queries.by_handle(handle, asker), parse(forms.Role, request.form).role)
    return redirect(url_for("people.account", handle=handle), 303)


@blueprint.post("/people/<handle>/roles/withdrawal")
def withdrawing_role(handle: str) -> ResponseReturnValue:
    """Take a role away."""
    asker = member()
    actions.withdraw_role(asker, queries.by_handle(handle, asker), parse(forms.Role, request.form).role)
    return redirect(url_for("people.account", handle=handle), 303)


@blueprint.post("/people/<handle>/sessions/ending")
def ending_sessions_of(handle: str) -> ResponseReturnValue:
    """Sign somebody out everywhere."""
    asker = member()
    person = queries.by_handle(handle, asker)
    actions.end_other_sessions(asker, person)
    flash(_("%(name)s is signed out everywhere.", name=person.name), "success")
    return redirect(url_for("people.account", handle=handle), 303)


@blueprint.post("/people/<handle>/removal")
def removing_person(handle: str) -> ResponseReturnValue:
    """Remove somebody's account, as they asked."""
    asker = member()
    actions.remove_account(asker, queries.by_handle(handle, asker))
    flash(_("The account is removed. What it wrote stays, without the name."), "success")
    return redirect(url_for("people.directory"), 303)
