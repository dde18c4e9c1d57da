"""Routes of ideas: list, raising, one idea with its discussion, votes, status, threads that become ideas, roadmap."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.errors import Refused, require
from core.forms import errors_of, parse
from core.limits import limiter
from core.pages import keep_for_visitors
from core.sign_in import member, viewer
from core.viewer import Viewer
from forum import actions as forum_actions
from forum import queries as forum
from forum.models import IDEA, Thread
from forum.queries import feeds
from forum.views.base import ID, LIST_STAMP, count_view, is_part, note_reading, page_number
from forum.views.search import atom
from ideation import actions, forms, policy, queries, words
from ideation.models import DECLINED, SHIPPED, STATUSES, Idea
from ideation.queries import IdeaRow, Wanted
from people import queries as people

blueprint = Blueprint("ideation", __name__)
IDEA_STAMP: Final = (
    "SELECT thread.version, idea.status FROM idea JOIN thread ON thread.id = idea.thread_id "
    "WHERE idea.id = :id AND thread.access = 0 AND thread.deleted_at IS NULL"
)
SIMILAR: Final = 5
FROM_SEARCH: Final = 10


@blueprint.record_once
def _give_templates(state: Any) -> None:
    state.app.jinja_env.globals.update(status_label=words.status_label, idea_path=queries.path_of)


def _is_no_search() -> bool:
    return not request.args.get("q")


@blueprint.get("/ideas")
@limiter.limit("60/minute", exempt_when=_is_no_search)
def ideas() -> ResponseReturnValue:
    """The list, most wanted first."""
    if _is_no_search():
        keep_for_visitors(LIST_STAMP)
    asker = viewer()
    handle = request.args.get("by", "")[:60]
    author = people.by_handle(handle, asker) if handle else None
    wanted = _wanted(author.id if author else None)
    found = queries.idea_list(asker, wanted)
    counts = queries.status_counts(asker)
    return render_template("ideation/ideas.html", ideas=found, wanted=wanted, author=author, counts=counts)


def _wanted(author_id: int | None) -> Wanted:
    status, sort = request.args.get("status", ""), request.args.get("sort", "")
    return Wanted(
        status=status if status in STATUSES else "",
        sort=sort if sort in queries.SORTS else queries.SORTS[0],
        tag=request.args.get("tag", "").lower()[:40],
        text=request.args.get("q", "").strip()[:200],
        author_id=author_id,
        page=page_number(),
    )


@blueprint.get("/feeds/ideas.atom")
def feed() -> ResponseReturnValue:
    """The newest public ideas, for feed readers."""
    keep_for_visitors(LIST_STAMP)
    return atom(_("Ideas"), url_for("ideation.ideas"), feeds.newest(kind=IDEA))


@blueprint.get("/ideas/new")
def new_idea() -> ResponseReturnValue:
    """The form, with what was not sent last time."""
    actor = member()
    require(policy.may_raise(actor))
    typed = forum.draft(actor, forms.DRAFT)
    if request.args.get("title"):
        typed["title"] = request.args["title"][:200]
    return _idea_form(actor, typed, {}, similar=_similar(actor, str(typed.get("title", ""))))


def _idea_form(
    actor: Viewer,
    typed: Mapping[str, Any],
    errors: Mapping[str, str],
    *,
    similar: Sequence[IdeaRow] = (),
    preview: str = "",
) -> str:
    values = {"typed": typed, "errors": errors, "similar": similar, "preview": preview}
    return render_template("ideation/new.html", rooms=queries.idea_rooms(actor), **values)


@blueprint.get("/ideas/similar")
@limiter.limit("60/minute")
def similar_ideas() -> ResponseReturnValue:
    """Ideas like the one being typed, as a fragment."""
    title = request.args.get("title", "").strip()[:200]
    return render_template("ideation/_similar.html", similar=_similar(viewer(), title))


def _similar(asker: Viewer, title: str) -> list[IdeaRow]:
    threads = forum.similar(asker, title, kinds=(IDEA,), limit=SIMILAR)
    return queries.rows_by_thread_ids(asker, [thread.id for thread in threads])


@blueprint.post("/ideas")
@limiter.limit("20/hour", exempt_when=lambda: request.form.get("step") == "look")
def raise_idea() -> ResponseReturnValue:
    """Raise it; or look at it first, with similar ideas."""
    actor = member()
    try:
        form = parse(forms.IdeaForm, request.form)
        body = form.rendered()
        if form.step == "look":
            alike = _similar(actor, form.title)
            return _idea_form(actor, request.form, {}, similar=alike, preview=body.html)
        idea = actions.raise_idea(
            actor, title=form.title, body=body, category_id=form.category_id, tags=form.tag_list()
        )
    except Refused as refused:
        return _idea_form(actor, request.form, errors_of(refused)), refused.status
    forum_actions.discard_draft(actor, forms.DRAFT)
    flash(_("Your idea is in. Your vote is counted, and you will hear what becomes of it."), "success")
    return _to_idea(idea)


def _to_idea(idea: Idea) -> ResponseReturnValue:
    return redirect(url_for("ideation.idea", idea_id=idea.id), 303)


@blueprint.get(f"/ideas/<{ID}:idea_id>")
@blueprint.get(f"/ideas/<{ID}:idea_id>/<slug>")
def idea(idea_id: int, slug: str = "") -> ResponseReturnValue:
    """One idea: what is wanted, why, how many want it, where it stands, and the discussion."""
    keep_for_visitors(IDEA_STAMP, id=idea_id)
    row = queries.one_row(viewer(), idea_id)
    if row.merged_into_id:
        return redirect(url_for("ideation.idea", idea_id=row.merged_into_id))
    if slug != row.slug:
        query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
        return redirect(queries.path_of(row.id, row.slug) + query)
    return idea_page(row)


def idea_page(row: IdeaRow, *, wrong: str = "", errors: Mapping[str, str] | None = None) -> str:
    """An idea's page; `wrong` names the form on it that was refused, whose words stay (status, item, ship)."""
    asker = viewer()
    page = forum.thread_page(asker, row.thread_id, page_number())
    if not wrong:
        note_reading(asker, page.thread, page.last_position)
        count_view(row.thread_id)
    opening = page.posts[0] if page.page == 1 else None
    page.is_opening_apart = opening is not None
    values = {
        "idea": row,
        "thread": page.thread,
        "discussion": page,
        "opening": opening,
        "evidence": queries.evidence(asker, row.id) if opening else [],
        "history": queries.history(row.id),
        "voters": queries.voters(row.id),
        "may_triage": policy.may_triage(asker),
        "statuses": [(s, words.status_label(s)) for s in STATUSES if s != SHIPPED],
        "declined": DECLINED,
        "shipped": SHIPPED,
    }
    failed = {"wrong": wrong, "errors": errors or {}, "typed": request.form if wrong else {}}
    return render_template("ideation/idea.html", **values, **failed)


@blueprint.post(f"/ideas/<{ID}:idea_id>/vote")
@limiter.limit("60/minute")
def vote(idea_id: int) -> ResponseReturnValue:
    """`vote=1` votes, `vote=0` takes it back."""
    actor = member()
    form = parse(forms.VoteForm, request.form)
    found = queries.idea(actor, idea_id)
    act = actions.vote if form.vote == "1" else actions.withdraw_vote
    act(actor, found)
    if not is_part():
        return _to_idea(found)
    row = queries.one_row(actor, idea_id)
    if request.args.get("size") == "inline":
        return render_template("ideation/_vote.html", idea=row, size="inline")
    return render_template("ideation/_voted.html", idea=row, thread=forum.thread_head(actor, row.thread_id))


@blueprint.post(f"/ideas/<{ID}:idea_id>/status")
def change_status(idea_id: int) -> ResponseReturnValue:
    """Move it along, with the public reason."""
    actor = member()
    found = queries.idea(actor, idea_id)
    require(policy.may_triage(actor))
    try:
        form = parse(forms.StatusForm, request.form)
        actions.change_status(actor, found, form.status, form.reason)
    except Refused as refused:
        row = queries.one_row(actor, idea_id)
        return idea_page(row, wrong="status", errors=errors_of(refused)), refused.status
    flash(_("Everybody who follows this idea will hear about it."), "success")
    return _to_idea(found)


@blueprint.get(f"/t/<{ID}:thread_id>/idea")
def turn_form(thread_id: int) -> ResponseReturnValue:
    """Make an idea out of a thread: its words are there to be edited, ideas like it to be joined."""
    actor = member()
    thread = forum.thread(actor, thread_id)
    require(policy.may_turn(actor, thread))
    typed = {"title": thread.title, "body": queries.quote_of(forum.opening_post(thread.id))}
    return _turn_page(actor, thread, typed, {})


def _turn_page(actor: Viewer, thread: Thread, typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    asked = request.args.get("q", "").strip()[:200]
    if asked:
        alike = queries.rows_by_thread_ids(actor, queries.matching(actor, asked)[:FROM_SEARCH])
    else:
        alike = _similar(actor, thread.title)
    rooms = queries.idea_rooms(actor)
    values = {"thread": thread, "typed": typed, "errors": errors, "similar": alike, "asked": asked}
    led = queries.ideas_led_to(actor, thread.id)
    return render_template("ideation/turn.html", rooms=rooms, led=led, **values)


@blueprint.post(f"/t/<{ID}:thread_id>/idea")
def turn_into_idea(thread_id: int) -> ResponseReturnValue:
    """A new idea from the thread."""
    actor = member()
    require(policy.may_add_evidence(actor))
    try:
        form = parse(forms.TurnForm, request.form)
        body = form.rendered()
        thread = forum.thread(actor, thread_id)
        made = actions.turn_into_idea(
            actor, thread, title=form.title, body=body, category_id=form.category_id
        )
    except Refused as refused:
        page = _turn_page(actor, forum.thread(actor, thread_id), request.form, errors_of(refused))
        return page, refused.status
    flash(_("Whoever asked is the idea's author and will hear what becomes of it."), "success")
    return _to_idea(made)


@blueprint.post(f"/t/<{ID}:thread_id>/evidence")
def add_evidence(thread_id: int) -> ResponseReturnValue:
    """The thread's opening post as evidence of an idea that stands already."""
    actor = member()
    form = parse(forms.LinkForm, request.form)
    thread = forum.thread(actor, thread_id)
    require(policy.may_turn(actor, thread))
    found = queries.idea(actor, form.idea_id)
    actions.add_post_as_evidence(actor, found, forum.opening_post(thread.id))
    flash(_("Added. Whoever wrote it counts as a voter and will be told when it ships."), "success")
    return _to_idea(found)


@blueprint.get("/roadmap")
def roadmap() -> ResponseReturnValue:
    """Where things stand, in public."""
    keep_for_visitors(LIST_STAMP)
    asker = viewer()
    values = {"columns": queries.roadmap(asker), "counts": queries.status_counts(asker)}
    return render_template("ideation/roadmap.html", **values)
