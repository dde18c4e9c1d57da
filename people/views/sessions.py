"""The list of one's own sessions."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import require
from core.sign_in import member
from people import actions, policy, queries
from people.views.blueprint import blueprint
from people.words import browser_name


@blueprint.get("/settings/sessions")
def session_settings() -> ResponseReturnValue:
    """Where the person is signed in."""
    asker = member()
    person = queries.person(asker.id or 0)
    rows = [(row, browser_name(row.user_agent)) for row in queries.sessions_of(person.id)]
    return render_template(
        "people/settings/sessions.html", person=person, rows=rows, current=asker.session_id
    )


@blueprint.post("/settings/sessions/<int:session_id>/ending")
def ending_session(session_id: int) -> ResponseReturnValue:
    """End one session."""
    asker, found = member(), queries.session(session_id)
    require(policy.may_end_session(asker, found))
    actions.end_session(asker, found)
    return redirect(url_for("people.session_settings"), 303)


@blueprint.post("/settings/sessions/ending")
def ending_sessions() -> ResponseReturnValue:
    """End all others."""
    asker = member()
    actions.end_other_sessions(asker, queries.person(asker.id or 0))
    flash(_("All other browsers were signed out."), "success")
    return redirect(url_for("people.session_settings"), 303)
