"""Routes of flags, cases and the settings of categories."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Conflict, Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.sign_in import member
from forum import actions, forms, policy, queries
from forum.models import Category, Post
from forum.views.base import ID, blueprint, to_post


@blueprint.route(f"/posts/<{ID}:post_id>/flag", methods=["GET", "POST"])
@limiter.limit("20/hour", methods=["POST"])
def flag(post_id: int) -> ResponseReturnValue:
    """Ask a moderator to look at a post."""
    actor = member()
    post = queries.post(actor, post_id)
    require(policy.may_flag(actor, post))
    if request.method == "GET":
        return _flag_form(post, {})
    try:
        form = parse(forms.FlagForm, request.form)
    except Refused as refused:
        return _flag_form(post, errors_of(refused)), refused.status
    actions.flag_post(actor, post, form.reason, form.note)
    flash(_("Thank you. A moderator will look at it."), "success")
    return to_post(queries.thread_of(post), post)


def _flag_form(post: Post, errors: dict[str, str]) -> str:
    values = {"post": post, "thread": queries.thread_of(post), "errors": errors, "typed": request.form}
    return render_template("forum/flag.html", **values)


@blueprint.post(f"/posts/<{ID}:post_id>/flags/settling")
def settle_flags(post_id: int) -> ResponseReturnValue:
    """Agree with the flags of a post (which deletes a reply), or decline them."""
    actor = member()
    form = parse(forms.SettleForm, request.form)
    post = queries.post(actor, post_id)
    if form.outcome == "agreed":
        actions.agree_with_flags(actor, post, _("Flagged by members"))
    else:
        actions.settle_flags(actor, post, form.outcome)
    return _back(queries.thread_of(post), post)


def _back(thread: Any, post: Post) -> ResponseReturnValue:
    """To the desk, when the button stood there."""
    return redirect("/desk", 303) if request.form.get("from") == "desk" else to_post(thread, post)


@blueprint.route(f"/posts/<{ID}:post_id>/escalation", methods=["GET", "POST"])
def escalate(post_id: int) -> ResponseReturnValue:
    """Open a case on a post."""
    actor = member()
    post = queries.post(actor, post_id)
    require(policy.may_work_on(actor, queries.thread_of(post)))
    if request.method == "GET":
        return _case_form(post, {})
    try:
        form = parse(forms.EscalationForm, request.form)
        actions.escalate(actor, post, form.reason, form.hours)
    except Refused as refused:
        return _case_form(post, errors_of(refused)), refused.status
    except Conflict as conflict:
        return _case_form(post, {"": conflict.message}), conflict.status
    return to_post(queries.thread_of(post), post)


def _case_form(post: Post, errors: dict[str, str]) -> str:
    values = {"post": post, "thread": queries.thread_of(post), "errors": errors, "typed": request.form}
    return render_template("forum/escalate.html", **values)


@blueprint.post(f"/escalations/<{ID}:escalation_id>/taking")
def take_escalation(escalation_id: int) -> ResponseReturnValue:
    """Take a case."""
    actor = member()
    case = queries.escalation(actor, escalation_id)
    actions.take_escalation(actor, case)
    post = queries.post(actor, case.post_id)
    return _back(queries.thread_of(post), post)


@blueprint.post(f"/escalations/<{ID}:escalation_id>/taking/undo")
def put_back_escalation(escalation_id: int) -> ResponseReturnValue:
    """Give a case back to the queue."""
    actor = member()
    case = queries.escalation(actor, escalation_id)
    actions.hand_over_escalation(actor, case, None)
    post = queries.post(actor, case.post_id)
    return _back(queries.thread_of(post), post)


@blueprint.route(f"/escalations/<{ID}:escalation_id>/closing", methods=["GET", "POST"])
def close_escalation(escalation_id: int) -> ResponseReturnValue:
    """Settle a case: its outcome becomes a reply."""
    actor = member()
    if request.method == "GET":
        return _outcome_form(escalation_id, {})
    try:
        form = parse(forms.OutcomeForm, request.form)
        body = form.rendered()
        case = queries.escalation(actor, escalation_id)
        reply = actions.close_escalation(actor, case, body)
    except Refused as refused:
        return _outcome_form(escalation_id, errors_of(refused)), refused.status
    except Conflict as conflict:
        return _outcome_form(escalation_id, {"": conflict.message}), conflict.status
    post = reply or queries.post(actor, case.post_id)
    return _back(queries.thread_of(post), post)


def _outcome_form(escalation_id: int, errors: dict[str, str]) -> str:
    actor = member()
    case = queries.escalation(actor, escalation_id)
    require(policy.may_close_escalation(actor, case))
    post = queries.post(actor, case.post_id)
    values = {
        "case": case,
        "post": post,
        "thread": queries.thread_of(post),
        "errors": errors,
        "typed": request.form,
    }
    return render_template("forum/outcome.html", **values)


@blueprint.route("/categories/new", methods=["GET", "POST"])
def new_category() -> ResponseReturnValue:
    """Make a category."""
    actor = member()
    require(policy.may_manage_categories(actor))
    if request.method == "GET":
        return _category_form(None, {"position": 0}, {})
    try:
        form = parse(forms.CategoryForm, request.form)
        found = actions.create_category(actor, **form.values())
    except Refused as refused:
        return _category_form(None, request.form, errors_of(refused)), refused.status
    return redirect(url_for("forum.category", slug=found.slug), 303)


@blueprint.route("/c/<slug>/edit", methods=["GET", "POST"])
def edit_category(slug: str) -> ResponseReturnValue:
    """Change a category."""
    actor = member()
    require(policy.may_manage_categories(actor))
    found = queries.category_by_slug(actor, slug)
    if request.method == "GET":
        return _category_form(found, vars(found), {})
    try:
        form = parse(forms.CategoryForm, request.form)
        actions.edit_category(actor, found, **form.values())
    except Refused as refused:
        return _category_form(found, request.form, errors_of(refused)), refused.status
    return redirect(url_for("forum.category", slug=found.slug), 303)


@blueprint.post("/c/<slug>/archiving")
def archive_category(slug: str) -> ResponseReturnValue:
    """Take no new threads."""
    actor = member()
    actions.archive_category(actor, queries.category_by_slug(actor, slug))
    return redirect(url_for("forum.category", slug=slug), 303)


@blueprint.post("/c/<slug>/archiving/undo")
def reopen_category(slug: str) -> ResponseReturnValue:
    """Take new threads again."""
    actor = member()
    actions.reopen_category(actor, queries.category_by_slug(actor, slug))
    return redirect(url_for("forum.category", slug=slug), 303)


def _category_form(found: Category | None, typed: Any, errors: dict[str, str]) -> str:
    return render_template("forum/category_edit.html", category=found, typed=typed, errors=errors)
