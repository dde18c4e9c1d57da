"""Routes of ideas: list, raising, one idea with its discussion, votes, triage, and the roadmap."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.pages import keep_for_visitors
from core.sign_in import member, viewer
from forum import addresses
from forum import queries as forum
from forum.models import IDEA
from ideation import actions, forms, policy, queries, words
from ideation.models import DECLINED, SHIPPED, STATUSES, Idea

blueprint = Blueprint("ideation", __name__)
LIST_STAMP = "SELECT max(id) FROM event"
IDEA_STAMP = (
    "SELECT thread.version, idea.status FROM idea JOIN thread ON thread.id = idea.thread_id "
    "WHERE idea.id = :id AND thread.access = 0 AND thread.deleted_at IS NULL"
)


def _path_of_thread(thread_id: int) -> str:
    idea = queries.idea_of_thread(thread_id)
    return f"/ideas/{idea.id}" if idea else addresses.plain_path(thread_id, "")


addresses.register(IDEA, _path_of_thread)


def idea_path(idea_id: int, slug: str) -> str:
    """Where an idea stands."""
    return url_for("ideation.idea", idea_id=idea_id, slug=slug)


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"status_label": words.status_label, "idea_path": idea_path}


@blueprint.get("/ideas")
def ideas() -> ResponseReturnValue:
    """The list, most wanted first."""
    keep_for_visitors(LIST_STAMP)
    asker = viewer()
    status = request.args.get("status", "")
    sort = request.args.get("sort", "votes")
    text = request.args.get("q", "").strip()[:200]
    found = queries.idea_list(
        asker,
        status=status if status in STATUSES else "",
        sort=sort if sort in queries.SORTS else "votes",
        tag=request.args.get("tag", "")[:40],
        text_ids=[t.id for t in forum.similar(asker, text, kinds=(IDEA,), limit=50)] if text else None,
        mine=bool(request.args.get("mine")) and asker.is_member,
        page=_page_number(),
    )
    counts = queries.status_counts(asker)
    return render_template(
        "ideation/ideas.html", ideas=found, status=status, sort=sort, text=text, counts=counts
    )


def _page_number() -> int:
    text = request.args.get("page", "1")
    return min(max(int(text), 1), 10_000) if text.isdecimal() and len(text) < 8 else 1


@blueprint.get("/ideas/new")
def new_idea() -> ResponseReturnValue:
    """The form."""
    require(policy.may_raise(member()))
    typed = {"title": request.args.get("title", "")[:200]}
    return render_template("ideation/new.html", typed=typed, errors={}, similar=[])


@blueprint.get("/ideas/similar")
def similar_ideas() -> ResponseReturnValue:
    """Ideas like the one being typed, as a fragment."""
    title = request.args.get("title", "").strip()[:200]
    found = _similar(title) if len(title) >= 4 else []
    return render_template("ideation/_similar.html", similar=found)


def _similar(title: str) -> list[queries.IdeaRow]:
    asker = viewer()
    threads = forum.similar(asker, title, kinds=(IDEA,), limit=5)
    return queries.rows_by_thread_ids(asker, [t.id for t in threads])


@blueprint.post("/ideas")
@limiter.limit("20/hour")
def raise_idea() -> ResponseReturnValue:
    """Raise it; a preview with similar ideas first, where asked for."""
    actor = member()
    try:
        form = parse(forms.IdeaForm, request.form)
    except Refused as refused:
        return _form_again(errors_of(refused), []), refused.status
    if request.form.get("step") == "look":
        return _form_again({}, _similar(form.title), preview=form.rendered.html), 200
    idea = actions.raise_idea(actor, title=form.title, body=form.rendered, category_id=form.category_id)
    flash(_("Your idea is in. Your vote is counted, and you will hear what becomes of it."), "success")
    return redirect(url_for("ideation.idea", idea_id=idea.id), 303)


def _form_again(errors: dict[str, str], similar: list[queries.IdeaRow], preview: str = "") -> str:
    return render_template(
        "ideation/new.html", typed=request.form, errors=errors, similar=similar, preview=preview
    )


@blueprint.get("/ideas/<int:idea_id>")
@blueprint.get("/ideas/<int:idea_id>/<slug>")
def idea(idea_id: int, slug: str = "") -> ResponseReturnValue:
    """One idea: what is wanted, why, how many want it, where it stands, and the discussion."""
    keep_for_visitors(IDEA_STAMP, id=idea_id)
    asker = viewer()
    row = queries.one_row(asker, idea_id)
    found = queries.idea(asker, idea_id)
    if found.merged_into_id:
        return redirect(url_for("ideation.idea", idea_id=found.merged_into_id))
    if slug != row.slug:
        return redirect(idea_path(row.id, row.slug), 302)
    return render_template("ideation/idea.html", **_idea_page(found, row))


def _idea_page(idea: Idea, row: queries.IdeaRow) -> dict[str, Any]:
    asker = viewer()
    thread = queries.thread_of(asker, idea)
    return {
        "idea": row,
        "thread": thread,
        "discussion": forum.thread_page(asker, thread, _page_number()),
        "evidence": queries.evidence(asker, idea.id),
        "history": queries.history(idea.id),
        "voters": queries.voters(idea.id),
        "may_vote": policy.may_vote(asker, idea, thread),
        "may_triage": policy.may_triage(asker),
        "statuses": [(s, words.status_label(s)) for s in STATUSES if s != SHIPPED],
        "declined": DECLINED,
    }


@blueprint.post("/ideas/<int:idea_id>/vote")
@limiter.limit("60/minute")
def vote(idea_id: int) -> ResponseReturnValue:
    """`vote=1` votes, `vote=0` takes it back: the wanted state, so that a second click cannot undo by accident."""
    actor = member()
    found = queries.idea(actor, idea_id)
    if request.form.get("vote", "1") == "0":
        actions.withdraw_vote(actor, found)
    else:
        actions.vote(actor, found)
    if request.headers.get("HX-Request"):
        return render_template("ideation/_vote.html", idea=queries.one_row(actor, idea_id))
    return redirect(url_for("ideation.idea", idea_id=idea_id), 303)


@blueprint.post("/ideas/<int:idea_id>/status")
def change_status(idea_id: int) -> ResponseReturnValue:
    """Move it along, with the public reason."""
    actor = member()
    found = queries.idea(actor, idea_id)
    try:
        form = parse(forms.StatusForm, request.form)
        actions.change_status(actor, found, form.status, form.reason)
    except Refused as refused:
        page = _idea_page(found, queries.one_row(actor, idea_id))
        return render_template(
            "ideation/idea.html", **page, errors=errors_of(refused), typed=request.form
        ), refused.status
    flash(_("Everybody who follows this idea will hear about it."), "success")
    return redirect(url_for("ideation.idea", idea_id=idea_id), 303)


@blueprint.get("/t/<int:thread_id>/idea")
def turn_form(thread_id: int) -> ResponseReturnValue:
    """Make an idea out of a thread: its words are there to be edited."""
    actor = member()
    require(policy.may_add_evidence(actor))
    thread = forum.thread(actor, thread_id)
    typed = {"title": thread.title, "body": queries.quote_of(forum.opening_post(thread.id))}
    return render_template(
        "ideation/turn.html", thread=thread, typed=typed, errors={}, similar=_similar(thread.title)
    )


@blueprint.post("/t/<int:thread_id>/idea")
def turn_into_idea(thread_id: int) -> ResponseReturnValue:
    """A new idea from the thread, or its opening post as evidence of one that stands already."""
    actor = member()
    thread = forum.thread(actor, thread_id)
    if request.form.get("idea_id", "").isdecimal():
        found = queries.idea(actor, int(request.form["idea_id"]))
        actions.add_post_as_evidence(actor, found, forum.opening_post(thread.id))
        return redirect(url_for("ideation.idea", idea_id=found.id), 303)
    try:
        form = parse(forms.TurnForm, request.form)
        made = actions.turn_into_idea(actor, thread, title=form.title, body=form.rendered)
    except Refused as refused:
        page = render_template(
            "ideation/turn.html",
            thread=thread,
            typed=request.form,
            errors=errors_of(refused),
            similar=_similar(thread.title),
        )
        return page, refused.status
    flash(_("The person who asked is the idea's author and will hear what becomes of it."), "success")
    return redirect(url_for("ideation.idea", idea_id=made.id), 303)


@blueprint.get("/roadmap")
def roadmap() -> ResponseReturnValue:
    """Where things stand, in public."""
    keep_for_visitors(LIST_STAMP)
    return render_template("ideation/roadmap.html", columns=queries.roadmap(viewer()))
