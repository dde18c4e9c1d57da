"""Invitations: for those who send them, and for those who follow the link."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import parse, shown_again
from core.sign_in import member, viewer
from core.viewer import Viewer
from people import actions, forms, policy, queries
from people.passwords import SHORTEST
from people.views import limits
from people.views.blueprint import blueprint, enter, undo
from people.views.registering import dead_link, proof_page
from people.words import role_options


@blueprint.get("/invitations")
def invitations() -> ResponseReturnValue:
    """Open invitations, and a form for one more."""
    asker = member()
    require(policy.may_see_invitations(asker))
    return render_template("people/invitations.html", typed={}, errors={}, **_shown(asker))


def _shown(asker: Viewer) -> dict[str, object]:
    rows = queries.open_invitations()
    return {
        "rows": [(row, policy.may_withdraw_invitation(asker, row)) for row in rows],
        "hosts": queries.cards(row.invited_by_id for row in rows),
        "roles": [pair for pair in role_options() if policy.may_invite(asker, [pair[0]])],
    }


@blueprint.post("/invitations")
@limits.invitations
def inviting() -> ResponseReturnValue:
    """Send one."""
    asker = member()
    try:
        form = parse(forms.Invitation, request.form)
        actions.invite(asker, form.email, form.roles)
    except Refused as refused:
        require(policy.may_see_invitations(asker))
        return shown_again("people/invitations.html", refused, **_shown(asker))
    flash(_("The invitation is on its way to %(email)s.", email=form.email), "success")
    return redirect(url_for("people.invitations"), 303)


@blueprint.post("/invitations/<int:invitation_id>/withdrawal")
def withdrawing_invitation(invitation_id: int) -> ResponseReturnValue:
    """Make a link useless."""
    asker = member()
    require(policy.may_see_invitations(asker))
    actions.withdraw_invitation(asker, queries.invitation(invitation_id))
    return redirect(url_for("people.invitations"), 303)


@blueprint.get("/invitations/<token>")
def invitation(token: str) -> ResponseReturnValue:
    """The form that accepts."""
    found = queries.invitation_of_token(token)
    if found is None:
        return dead_link(url_for("people.register"))
    return proof_page(
        "people/invitation.html", token=token, email=found.email, typed={}, errors={}, shortest=SHORTEST
    )


@blueprint.post("/invitations/<token>")
@limits.proofs_by_address
def accepting(token: str) -> ResponseReturnValue:
    """Make the account and sign in."""
    try:
        person = actions.accept_invitation(viewer(), token, parse(forms.Acceptance, request.form))
    except actions.DeadLink:
        return dead_link(url_for("people.register"))
    except Refused as refused:
        undo()
        found = queries.invitation_of_token(token)
        email = found.email if found else ""
        return shown_again("people/invitation.html", refused, token=token, email=email, shortest=SHORTEST)
    enter(person, remember=False)
    return redirect("/", 303)
