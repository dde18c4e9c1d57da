"""Routes of what is not posted yet: drafts, pictures."""

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import files
from core.errors import Refused
from core.files import accept_picture, safe_name
from core.forms import parse
from core.limits import limiter
from core.sign_in import member, viewer
from forum import actions, forms, queries
from forum.views.base import blueprint


@blueprint.get("/drafts")
def drafts() -> ResponseReturnValue:
    """Everything the member has not sent yet."""
    return render_template("forum/drafts.html", drafts=queries.drafts(member()))


@blueprint.get("/drafts/<key>")
def draft(key: str) -> ResponseReturnValue:
    """One draft, for scripts; 204 when there is none."""
    fields = queries.draft(member(), _key(key))
    return jsonify(fields=fields) if fields else ("", 204)


@blueprint.route("/drafts/<key>", methods=["PUT", "POST"])
@limiter.limit("60/minute")
def save_draft(key: str) -> ResponseReturnValue:
    """Keep a draft: JSON by PUT from scripts, or a form."""
    actor = member()
    sent = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    actions.save_draft(actor, _key(key), forms.draft_fields(sent))
    if request.is_json:
        return "", 204
    flash(_("Your draft is kept."), "success")
    return redirect(url_for("forum.drafts"), 303)


@blueprint.post("/drafts/<key>/discarding")
def discard_draft(key: str) -> ResponseReturnValue:
    """Throw a draft away."""
    actions.discard_draft(member(), _key(key))
    return redirect(url_for("forum.drafts"), 303)


def _key(key: str) -> str:
    return parse(forms.DraftKeyForm, {"key": key}).key


@blueprint.post("/files")
@limiter.limit("20/minute;200/day")
def upload() -> ResponseReturnValue:
    """Take a picture; answers the Markdown that shows it."""
    actor = member()
    sent = request.files.get("file")
    if sent is None:
        raise Refused(_("Please choose a picture."))
    picture = accept_picture(sent.stream.read())
    name = safe_name(sent.filename or "picture")
    found = actions.attach_picture(actor, picture, name)
    url = url_for("forum.picture", public_id=found.public_id, name=name)
    alt = name.rpartition(".")[0] or name
    return jsonify(markdown=f"![{_plain(alt)}]({url})", url=url), 201


def _plain(words: str) -> str:
    """A file's name without what Markdown would read."""
    return "".join(c if c.isalnum() or c in " -_." else " " for c in words).strip() or "picture"


@blueprint.get("/files/<public_id>/<name>")
def picture(public_id: str, name: str) -> Response:
    """A picture, for whoever may see the post it stands in."""
    found = queries.attachment(viewer(), public_id[:40])
    return files.answer(found.key, filename=found.name or name)
