"""Routes of what runs the community: its state, its jobs, and the log of what the team did."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from admin import actions, policy, queries, words
from admin.views.base import administrator, before_id, blueprint
from core import outbox, search
from core.errors import require
from core.sign_in import member
from forum.importing.queries import waiting

PAGE = 50


@blueprint.get("/admin")
def start() -> ResponseReturnValue:
    """Where things are, and whether anything is wrong."""
    asker = member()
    require(asker.is_staff)
    values = {"backlog": outbox.backlog(), "is_searchable": search.index().healthy(), "imported": waiting()}
    return render_template("admin/start.html", is_owner=policy.may_administer(asker), **values)


@blueprint.get("/admin/jobs")
def jobs() -> ResponseReturnValue:
    """What the outbox has to do, and what it gave up."""
    administrator()
    return render_template("admin/jobs.html", backlog=outbox.backlog(), letters=outbox.dead_letters())


@blueprint.post("/admin/jobs/replay")
def replay() -> ResponseReturnValue:
    """Try dead letters again: those named by `id`, or all when `all` is sent."""
    actor = administrator()
    named = [int(i) for i in request.form.getlist("id") if i.isdecimal() and len(i) < 16]
    ids = [row.id for row in outbox.dead_letters(10_000)] if "all" in request.form else named
    done = actions.replay_letters(actor, ids)
    flash(ngettext("%(num)s job will be tried again.", "%(num)s jobs will be tried again.", done), "success")
    return redirect(url_for("admin.jobs"), 303)


@blueprint.get("/admin/log")
def log() -> ResponseReturnValue:
    """Who of the team did what."""
    asker = member()
    require(policy.may_see_log(asker))
    kind = request.args.get("kind", "")
    lines = queries.log(asker, PAGE + 1, before_id(), kind)
    return render_template(
        "admin/log.html",
        lines=lines[:PAGE],
        has_more=len(lines) > PAGE,
        kinds=words.deed_options(),
        kind=kind if kind in words.DEEDS else "",
        deed=words.deed,
    )
