"""The page behind the link that every reply to outside carries: no more contact, please."""

from flask import render_template
from flask.typing import ResponseReturnValue

from core.limits import limiter
from core.sign_in import viewer
from listening import actions, queries
from listening.views.base import blueprint


@blueprint.get("/outside/stop/<token>")
@limiter.limit("60/minute")
def stop(token: str) -> ResponseReturnValue:
    """Ask once: opening the link alone changes nothing, since mail programs and crawlers open links too."""
    person_id = queries.person_of_stop_token(token)
    is_done = not queries.is_contactable(person_id)
    return render_template("listening/stop.html", token=token, is_done=is_done)


@blueprint.post("/outside/stop/<token>")
@limiter.limit("20/minute")
def stop_contact(token: str) -> ResponseReturnValue:
    """Note the wish. The signed link is the proof of who asks."""
    person_id = queries.person_of_stop_token(token)
    actions.refuse_contact(viewer(), person_id, is_proven=True)
    return render_template("listening/stop.html", token=token, is_done=True)
