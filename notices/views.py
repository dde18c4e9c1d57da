"""Routes of notices: the bell's page, the choices, and the one-click end of letters."""

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.db import apart
from core.errors import NotFound
from core.sign_in import member
from core.viewer import Viewer
from core.web import csrf
from notices import actions, kinds, letters, panels, queries, words
from people import queries as people
from people.models import MEMBER

blueprint = Blueprint("notices", __name__)
PAGE: Final = 30
ID: Final = "int(max=999999999999999)"  # larger numbers are no address at all


@blueprint.get("/notices")
def notices() -> ResponseReturnValue:
    """What the viewer was told, latest first."""
    asker = member()
    before = request.args.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) < 16 else None
    rows = queries.bell(asker, PAGE + 1, before_id)
    values = {"notices": _shown(rows[:PAGE]), "has_more": len(rows) > PAGE}
    return render_template("notices/notices.html", bell_count=panels.bell_count(asker), **values)


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
        "kind": notice.kind,
        "label": kinds.BY_KEY[notice.kind].label,
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


@blueprint.get(f"/notices/<{ID}:notice_id>")
def open_notice(notice_id: int) -> ResponseReturnValue:
    """Lead to what the notice is about, and note that it was read."""
    asker = member()
    row = queries.on_bell(asker, notice_id)
    found = row.Notice
    apart(lambda: actions.mark_read(asker, [notice_id]))
    slug = row.slug or ""
    return redirect(words.address(found.kind, thread_id=found.thread_id, slug=slug, post_id=found.post_id))


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
    _person_id, kind = _proven(token)
    return render_template("notices/unsubscribe.html", kind=kinds.BY_KEY[kind], token=token, is_done=False)


def _proven(token: str) -> tuple[int, str]:
    """Whose letters of which kind a link is about. Raises NotFound for a link that is not ours or whole."""
    found = letters.read_unsubscribe(token)
    if found is None or not people.of_kind([found[0]], MEMBER):
        raise NotFound(_("This link is not complete. Please use the whole address from the letter."))
    return found


@blueprint.post("/unsubscribe/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
def unsubscribe(token: str) -> ResponseReturnValue:
    """One click (RFC 8058): the signed link is the proof."""
    person_id, kind = _proven(token)
    actions.stop_mail(Viewer.system(), person_id, kind)
    return render_template("notices/unsubscribe.html", kind=kinds.BY_KEY[kind], token=token, is_done=True)
