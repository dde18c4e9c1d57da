"""Routes of sources: where posts come from."""

import secrets
from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from core import files, outgoing
from core.config import settings
from core.db import apart
from core.errors import Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.viewer import Viewer
from listening import actions, policy, queries
from listening.connectors import Item, upload
from listening.connectors.rows import COLUMNS
from listening.forms import KINDS, PERIODS, SourceForm
from listening.models import FEED, UPLOAD, Source
from listening.views.base import ID, blueprint, listener

PREVIEW = 5  # rows of a checked file that are shown


@blueprint.get("/sources")
def sources() -> ResponseReturnValue:
    """All sources, and how each of them is doing."""
    asker = listener()
    return render_template(
        "listening/sources.html",
        cards=queries.source_cards(asker),
        may_manage=policy.may_manage_sources(asker),
    )


@blueprint.get("/sources/new")
def new_source() -> ResponseReturnValue:
    """The form for one more."""
    require(policy.may_manage_sources(listener()))
    kind = request.args.get("kind", FEED)
    return _form({"kind": kind if kind in KINDS else FEED}, {})


@blueprint.post("/sources")
@limiter.limit("30/hour")
def create_source() -> ResponseReturnValue:
    """Make it. A feed is looked at in a moment, a webhook's secret is shown now and never again."""
    actor = listener()
    require(policy.may_manage_sources(actor))
    try:
        form = _checked(parse(SourceForm, request.form))
        source = actions.create_source(actor, **form.model_dump())
    except Refused as refused:
        return _form(request.form, errors_of(refused)), refused.status
    if source.kind == FEED:
        actions.want_check(actor, source)
    if source.secret:
        return _show_secret(source)
    return redirect(url_for("listening.source", source_id=source.id), 303)


def _checked(form: SourceForm, known: frozenset[str] = frozenset()) -> SourceForm:
    """Judge new addresses before anything is written: looking a name up takes time."""
    for name in ("url", "reply_url"):
        address = getattr(form, name)
        if not address or address in known:
            continue
        try:
            outgoing.check(address)
        except (outgoing.OutgoingRefused, outgoing.OutgoingFailed) as problem:
            raise Refused(problem.message, fields={name: problem.message}) from problem
    return form


def _form(typed: Any, errors: dict[str, str], source: Source | None = None) -> str:
    return render_template(
        "listening/source_form.html",
        typed=typed,
        errors=errors,
        source=source,
        periods=PERIODS,
        columns=COLUMNS,
    )


def _show_secret(source: Source) -> ResponseReturnValue:
    return render_template("listening/secret.html", source=source, address=_hook_address(source.id))


def _hook_address(source_id: int) -> str:
    return f"{settings().site_url}{url_for('listening.receive_hook', source_id=source_id)}"


@blueprint.get(f"/sources/<{ID}:source_id>")
def source(source_id: int) -> ResponseReturnValue:
    """One source: how it is doing, what it brought, and what its kind needs."""
    return _page(listener(), source_id)


def _page(asker: Viewer, source_id: int, errors: dict[str, str] | None = None, **more: Any) -> str:
    found = queries.source(asker, source_id)
    return render_template(
        "listening/source.html",
        source=found,
        doing=queries.source_cards(asker, source_id)[0],
        may_manage=policy.may_manage_sources(asker),
        may_check=policy.may_check(asker, found),
        address=_hook_address(source_id),
        columns=COLUMNS,
        errors=errors or {},
        **{"rows": (), "checked": None, "token": "", **more},
    )


@blueprint.get(f"/sources/<{ID}:source_id>/edit")
def edit_source(source_id: int) -> ResponseReturnValue:
    """The form with what holds now."""
    asker = listener()
    require(policy.may_manage_sources(asker))
    found = queries.source(asker, source_id)
    names = ("name", "kind", "channel", "url", "reply_url", "every_minutes")
    return _form({name: getattr(found, name) for name in names}, {}, found)


@blueprint.post(f"/sources/<{ID}:source_id>")
def save_source(source_id: int) -> ResponseReturnValue:
    """Change it."""
    actor = listener()
    require(policy.may_manage_sources(actor))
    try:
        form = _checked(parse(SourceForm, request.form), queries.addresses_of(source_id))
        found = queries.source(actor, source_id)
        had_secret = bool(found.secret)
        actions.edit_source(actor, found, **form.model_dump(exclude={"kind"}))
    except Refused as refused:
        return _form(request.form, errors_of(refused), queries.source(actor, source_id)), refused.status
    if found.secret and not had_secret:
        return _show_secret(found)
    flash(_("Saved."), "success")
    return _to(source_id)


def _to(source_id: int) -> ResponseReturnValue:
    return redirect(url_for("listening.source", source_id=source_id), 303)


@blueprint.post(f"/sources/<{ID}:source_id>/pause")
def pause_source(source_id: int) -> ResponseReturnValue:
    """Take nothing from it for now."""
    return _change(source_id, actions.pause_source, _("Paused. What came stays."))


@blueprint.post(f"/sources/<{ID}:source_id>/resumption")
def resume_source(source_id: int) -> ResponseReturnValue:
    """Take posts again."""
    return _change(source_id, actions.resume_source, _("Resumed."))


def _change(source_id: int, act: Callable[[Viewer, Source], None], done: str) -> ResponseReturnValue:
    """Do it, say so, and go back to the source."""
    actor = listener()
    act(actor, queries.source(actor, source_id))
    flash(done, "success")
    return _to(source_id)


@blueprint.post(f"/sources/<{ID}:source_id>/removal")
def remove_source(source_id: int) -> ResponseReturnValue:
    """Remove one that never brought anything."""
    actor = listener()
    try:
        actions.remove_source(actor, queries.source(actor, source_id))
    except Refused as refused:
        return _page(actor, source_id, {"": refused.message}), refused.status
    flash(_("Removed."), "success")
    return redirect(url_for("listening.sources"), 303)


@blueprint.post(f"/sources/<{ID}:source_id>/check")
@limiter.limit("20/minute")
def check_source(source_id: int) -> ResponseReturnValue:
    """Look at a feed now; the worker does it in a moment."""
    return _change(source_id, actions.want_check, _("Looking. New posts stand in the inbox in a moment."))


@blueprint.post(f"/sources/<{ID}:source_id>/secret")
@limiter.limit("20/hour")
def renew_secret(source_id: int) -> ResponseReturnValue:
    """A new secret; it is shown now and never again."""
    actor = listener()
    found = queries.source(actor, source_id)
    actions.renew_secret(actor, found)
    return _show_secret(found)


@blueprint.post(f"/sources/<{ID}:source_id>/uploads")
@limiter.limit("30/hour")
def upload_file(source_id: int) -> ResponseReturnValue:
    """Take a file in, or only check it. It is read whole before anything is stored.

    One with bad lines, and one that was only checked, waits for a day: it is taken in without being chosen again.
    """
    actor = listener()
    require(policy.may_manage_sources(actor))
    try:
        name, data = _sent_file()
        found = upload.read(data, name)
    except Refused as refused:
        return _page(actor, source_id, {"file": refused.message}), refused.status
    if not found.bad and request.form.get("step") != "check":
        return _store(actor, source_id, found.items)
    token = secrets.token_urlsafe(16)
    page = _page(actor, source_id, checked=found, rows=found.items[:PREVIEW], token=token)
    if found.items:
        _keep(actor, source_id, token, name, data)
    return page, 422 if found.bad else 200


def _sent_file() -> tuple[str, bytes]:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Refused(_("Please choose a file."))
    return sent.filename, sent.read()


def _keep(actor: Viewer, source_id: int, token: str, name: str, data: bytes) -> None:
    """Let the file wait; noted after the response, because nothing of a refused request is stored."""
    key = files.put(data, "text/plain")
    apart(lambda: actions.keep_file(actor, source_id, token=token, key=key, name=name))


@blueprint.post(f"/sources/<{ID}:source_id>/uploads/<token>/intake")
@limiter.limit("30/hour")
def take_waiting_file(source_id: int, token: str) -> ResponseReturnValue:
    """Take in the good lines of a file that waits."""
    actor = listener()
    require(policy.may_manage_sources(actor))
    waiting = queries.waiting_file(actor, source_id, token)
    if waiting is None:
        gone = _("This file waited for more than a day, or was taken in already. Please choose it again.")
        return _page(actor, source_id, {"file": gone}), 410
    found = upload.read(files.get(waiting.key).data, waiting.name)
    answer = _store(actor, source_id, found.items)
    actions.drop_file(actor, token)
    return answer


def _store(actor: Viewer, source_id: int, items: tuple[Item, ...]) -> ResponseReturnValue:
    source = queries.source(actor, source_id)
    if source.kind != UPLOAD or source.paused_at is not None:
        raise Refused(_("This source takes no files."))
    count = actions.receive(source, items, actor=actor)
    came = ngettext("%(num)s post came in.", "%(num)s posts came in.", count)
    known = len(items) - count
    were_here = ngettext("%(num)s was here already.", "%(num)s were here already.", known) if known else ""
    flash(f"{came} {were_here}".rstrip(), "success")
    return redirect(url_for("listening.inbox", source=source_id), 303)
