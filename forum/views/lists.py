"""Routes of lists: home, questions, categories, tags."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.errors import NotFound, require
from core.forms import parse
from core.pages import keep_for_visitors
from core.sign_in import member, viewer
from forum import actions, forms, policy, queries
from forum.models import QUESTION
from forum.queries import Wanted
from forum.queries.memo import Beside
from forum.queries.rooms import tag_row
from forum.views.base import LIST_STAMP, blueprint, page_number


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """The latest of everything, with the rooms beside it."""
    keep_for_visitors(LIST_STAMP)
    return _list_page("forum/home.html", _wanted(), tags_shown=16)


@blueprint.get("/questions")
def questions() -> ResponseReturnValue:
    """Questions alone, by state."""
    keep_for_visitors(LIST_STAMP)
    return _list_page("forum/questions.html", _wanted(kind=QUESTION))


@blueprint.get("/c/<slug>")
def category(slug: str) -> ResponseReturnValue:
    """One category."""
    keep_for_visitors(LIST_STAMP)
    beside = Beside(viewer())
    for room in beside.categories():
        if room.slug == slug:
            return _list_page(
                "forum/category.html", _wanted(category_id=room.id), beside=beside, category=room
            )
    raise NotFound


@blueprint.get("/categories")
def categories() -> ResponseReturnValue:
    """All categories."""
    keep_for_visitors(LIST_STAMP)
    return render_template("forum/categories.html", categories=queries.categories(viewer()))


@blueprint.get("/tags")
def tags() -> ResponseReturnValue:
    """All tags in use."""
    keep_for_visitors(LIST_STAMP)
    begins = request.args.get("q", "").strip().lower()[:40]
    found = queries.tags(viewer(), begins=begins, limit=300)
    return render_template("forum/tags.html", tags=found, text=begins)


@blueprint.get("/tags/suggest")
def suggest_tags() -> ResponseReturnValue:
    """Tags that begin with the last word of what is typed, as options."""
    typed = request.args.get("tags", "").replace(",", " ").lower()[:240]
    head, _blank, last = typed.rpartition(" ")
    found = queries.tags(viewer(), begins=last, limit=8) if last else []
    return render_template("forum/_tag_options.html", tags=found, head=head)


@blueprint.get("/tags/<name>")
def tag(name: str) -> ResponseReturnValue:
    """Threads with one tag."""
    keep_for_visitors(LIST_STAMP)
    found = queries.tag(viewer(), name)
    return _list_page("forum/tag.html", _wanted(tag=found.name), tag=found)


@blueprint.route("/tags/<name>/edit", methods=["GET", "POST"])
def edit_tag(name: str) -> ResponseReturnValue:
    """Say what a tag is for."""
    require(policy.may_describe_tags(member()))
    found = queries.tag(viewer(), name)
    if request.method == "GET":
        return render_template("forum/tag_edit.html", tag=found)
    form = parse(forms.TagForm, request.form)
    actions.describe_tag(member(), tag_row(found.id), form.description)
    return redirect(url_for("forum.tag", name=name), 303)


@blueprint.get("/following")
def following() -> ResponseReturnValue:
    """What the member follows, latest first."""
    member()
    return _list_page("forum/following.html", _wanted(followed=True))


def _wanted(**fixed: Any) -> Wanted:
    state, sort = request.args.get("state", ""), request.args.get("sort", "latest")
    if (state and state not in queries.STATES) or sort not in queries.SORTS:
        raise NotFound
    return Wanted(state=state, sort=sort, page=page_number(), **fixed)


def _list_page(
    template: str, wanted: Wanted, *, beside: Beside | None = None, tags_shown: int = 0, **more: Any
) -> ResponseReturnValue:
    asker = viewer()
    found = queries.thread_list(asker, wanted)
    beside = beside or Beside(asker)
    rooms = beside.categories()
    if tags_shown:
        more["tags"] = beside.tags(tags_shown)
    by_id = {room.id: room for room in rooms}
    return render_template(template, threads=found, wanted=wanted, categories=rooms, rooms=by_id, **more)
