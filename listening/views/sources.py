"""Routes of sources: where posts come from."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import outgoing
from core.config import settings
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
        **{"bad": (), "rows": (), "checked": None, **more},
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
    actor = listener()
    actions.pause_source(actor, queries.source(actor, source_id))
    flash(_("Paused. What came stays."), "success")
    return _to(source_id)


@blueprint.post(f"/sources/<{ID}:source_id>/resumption")
def resume_source(source_id: int) -> ResponseReturnValue:
    """Take posts again."""
    actor = listener()
    actions.resume_source(actor, queries.source(actor, source_id))
    flash(_("Resumed."), "success")
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
    actor = listener()
    actions.want_check(actor, queries.source(actor, source_id))
    flash(_("Looking. New posts stand in the inbox in a moment."), "info")
    return _to(source_id)


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
    """Take a file in, or only check it. It is read whole before anything is stored."""
    actor = listener()
    require(policy.may_manage_sources(actor))
    try:
        found = _read_file()
    except Refused as refused:
        return _page(actor, source_id, {"file": refused.message}), refused.status
    if found.bad:
        return _page(actor, source_id, bad=found.bad, checked=found), 422
    if request.form.get("step") == "check":
        return _page(actor, source_id, checked=found, rows=found.items[:PREVIEW])
    return _store(actor, source_id, found.items)


def _read_file() -> upload.Checked:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Refused(_("Please choose a file."))
    return upload.read(sent.read(), sent.filename)


def _store(actor: Viewer, source_id: int, items: tuple[Item, ...]) -> ResponseReturnValue:
    source = queries.source(actor, source_id)
    if source.kind != UPLOAD or source.paused_at is not None:
        raise Refused(_("This source takes no files."))
    count = actions.receive(source, items, actor=actor)
    known = len(items) - count
    flash(_("%(new)s posts came in, %(known)s were here already.", new=count, known=known), "success")
    return redirect(url_for("listening.inbox", source=source_id), 303)
