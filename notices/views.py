"""Routes of notices: the bell's page, the choices, and the one-click end of letters."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.db import apart
from core.errors import NotFound
from core.sign_in import member, viewer
from core.viewer import Viewer
from core.web import csrf
from notices import actions, kinds, letters, queries, words
from people import queries as people

blueprint = Blueprint("notices", __name__)
PAGE = 30


@blueprint.app_context_processor
def _bell() -> dict[str, Any]:
    """The number on every member's page."""
    asker = viewer()
    return {"bell_count": queries.unread_count(asker) if asker.is_member and request.method == "GET" else 0}


@blueprint.get("/notices")
def notices() -> ResponseReturnValue:
    """What the viewer was told, latest first."""
    asker = member()
    before = request.args.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) < 19 else None
    rows = queries.bell(asker, PAGE + 1, before_id)
    return render_template("notices/notices.html", notices=_shown(rows[:PAGE]), has_more=len(rows) > PAGE)


def _shown(rows: Any) -> list[dict[str, Any]]:
    cards = people.cards({r.Notice.actor_id for r in rows if r.Notice.actor_id})
    return [_one(r, cards.get(r.Notice.actor_id)) for r in rows]


def _one(row: Any, actor: people.PersonCard | None) -> dict[str, Any]:
    notice = row.Notice
    return {
        "id": notice.id,
        "text": words.headline(
            notice.kind, notice.values, actor=actor.name if actor else "", title=row.title or ""
        ),
        "icon": kinds.BY_KEY[notice.kind].icon,
        "actor": actor,
        "at": notice.created_at,
        "is_unread": notice.read_at is None,
    }


@blueprint.get("/notices/count")
def count() -> ResponseReturnValue:
    """The bell's number, for pages that are told to look."""
    return {"count": queries.unread_count(member())}


@blueprint.post("/notices/reading")
def read_all() -> ResponseReturnValue:
    """All read."""
    actions.mark_read(member())
    return redirect(url_for("notices.notices"), 303)


@blueprint.get("/notices/<int:notice_id>")
def open_notice(notice_id: int) -> ResponseReturnValue:
    """Lead to what the notice is about, and note that it was read."""
    asker = member()
    rows = queries.bell(asker, 1, notice_id + 1)
    if not rows or rows[0].Notice.id != notice_id:
        raise NotFound
    found = rows[0].Notice
    apart(lambda: actions.mark_read(asker, [notice_id]))
    path = words.address(
        found.kind, thread_id=found.thread_id, slug=rows[0].slug or "", post_id=found.post_id
    )
    return redirect(path)


@blueprint.get("/settings/notices")
def choices() -> ResponseReturnValue:
    """What goes where."""
    return render_template("notices/choices.html", choices=queries.choices_of(member()))


@blueprint.post("/settings/notices")
def choose() -> ResponseReturnValue:
    """Save the whole table."""
    actor = member()
    for kind, standing in queries.choices_of(actor):
        bell, mail = f"bell-{kind.key}" in request.form, f"mail-{kind.key}" in request.form
        if (bell, mail) != (standing.bell, standing.mail):
            actions.choose(actor, actor.id or 0, kind.key, bell=bell, mail=mail)
    flash(_("Your choices are saved."), "success")
    return redirect(url_for("notices.choices"), 303)


@blueprint.get("/unsubscribe/<token>")
def unsubscribing(token: str) -> ResponseReturnValue:
    """A page with a button: opening a link changes nothing."""
    found = letters.read_unsubscribe(token)
    if found is None:
        raise NotFound(_("This link is not complete. Please use the whole address from the letter."))
    return render_template(
        "notices/unsubscribe.html", kind=kinds.BY_KEY[found[1]], token=token, is_done=False
    )


@blueprint.post("/unsubscribe/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
def unsubscribe(token: str) -> ResponseReturnValue:
    """One click (RFC 8058): the signed link is the proof."""
    found = letters.read_unsubscribe(token)
    if found is None:
        raise NotFound(_("This link is not complete. Please use the whole address from the letter."))
    actions.stop_mail(Viewer.system(), *found)
    return render_template("notices/unsubscribe.html", kind=kinds.BY_KEY[found[1]], token=token, is_done=True)
