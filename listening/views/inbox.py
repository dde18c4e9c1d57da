"""Routes of the inbox: the list, one mention, and what is made of it."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from core.db import db
from core.errors import Conflict, ProductError, Refused
from core.forms import errors_of, parse
from core.limits import limiter
from core.viewer import Viewer
from forum import queries as forum
from forum.policy import may_ask_in
from ideation import queries as ideation
from listening import actions, forms, policy, queries
from listening.actions.mentions import title_of
from listening.models import NEW, Mention
from listening.queries import STATES, Wanted
from listening.views.base import ID, blueprint, is_part, listener, number

ANY = "any"


@blueprint.get("/inbox")
def inbox() -> ResponseReturnValue:
    """What customers wrote elsewhere, newest first."""
    asker = listener()
    return render_template("listening/inbox.html", mention=None, **_list(asker))


def _wanted() -> Wanted:
    state = request.args.get("state", NEW)
    return Wanted(
        state=state if state in (*STATES, ANY) else NEW,
        source_id=number("source"),
        text=request.args.get("q", "").strip()[:200],
        before=number("before"),
    )


def _kept() -> dict[str, str]:
    """The filters as they stand in the address, so that they survive every step."""
    return {
        name: request.args[name][:200]
        for name in ("state", "source", "q", "before")
        if request.args.get(name)
    }


def _list(asker: Viewer) -> dict[str, Any]:
    wanted = _wanted()
    return {
        "found": queries.inbox(asker, wanted),
        "wanted": wanted,
        "counts": queries.counts(asker),
        "choices": queries.source_choices(asker),
        "undecided": queries.undecided_count(asker),
        "kept": _kept(),
        "may_handle": policy.may_handle(asker),
    }


@blueprint.get(f"/inbox/<{ID}:mention_id>")
def mention(mention_id: int) -> ResponseReturnValue:
    """One mention beside the list."""
    return _page(listener(), mention_id)


def _page(asker: Viewer, mention_id: int, errors: dict[str, str] | None = None, **more: Any) -> str:
    found = queries.mention(asker, mention_id)
    return render_template(
        "listening/inbox.html",
        mention=found,
        errors=errors or {},
        typed=request.form,
        **_list(asker),
        **_details(asker, found),
        **more,
    )


def _details(asker: Viewer, found: Mention) -> dict[str, Any]:
    return {
        "source": queries.source(asker, found.source_id),
        "story": queries.story(asker, found),
        "replies": queries.replies_of_mention(asker, found.id),
        "refusal": queries.contact_refusal(found.person_id) if found.person_id else None,
        "made": queries.made_of(asker, found),
        "rooms": [room for room in forum.categories(asker) if may_ask_in(asker, room)],
        "suggested_title": title_of(found),
        "ideas": _ideas(asker, found, request.args.get("ideas", "")),
        "idea_words": request.args.get("ideas", "")[:200],
        "may_raise_ideas": policy.may_raise_ideas(asker),
        "may_draft_reply": policy.may_draft_reply(asker),
        "may_lift_refusal": policy.may_lift_refusal(asker),
    }


def _ideas(asker: Viewer, found: Mention, words: str) -> Any:
    """Ideas like what was typed, else like the post itself; not asked for once it has one."""
    if found.idea_id is not None or not policy.may_raise_ideas(asker):
        return ()
    return queries.ideas_like(asker, words.strip()[:200] or title_of(found))


@blueprint.get(f"/inbox/<{ID}:mention_id>/ideas")
@limiter.limit("60/minute")
def ideas_for(mention_id: int) -> ResponseReturnValue:
    """Ideas to link to, as a part of the page while their title is typed."""
    asker = listener()
    found = queries.mention(asker, mention_id)
    if not is_part():
        return redirect(
            url_for("listening.mention", mention_id=mention_id, ideas=request.args.get("ideas", ""))
        )
    ideas = _ideas(asker, found, request.args.get("ideas", ""))
    return render_template("listening/_ideas.html", mention=found, ideas=ideas, kept=_kept())


# --- what is made of it ---


def _attempt(actor: Viewer, mention_id: int, act: Callable[[], str]) -> ResponseReturnValue:
    """Do it and go back to the mention; what is refused is shown there, with what was typed."""
    try:
        flash(act(), "success")
    except (Refused, Conflict) as problem:
        db.session.rollback()
        db.session.expire_all()
        return _page(actor, mention_id, _told(problem)), problem.status
    return redirect(url_for("listening.mention", mention_id=mention_id, **dict[str, Any](_kept())), 303)


def _told(problem: ProductError) -> dict[str, str]:
    return errors_of(problem) if isinstance(problem, Refused) else {"": problem.message}


@blueprint.post(f"/inbox/<{ID}:mention_id>/thread")
def make_thread(mention_id: int) -> ResponseReturnValue:
    """A moderated thread in the poster's words."""
    actor = listener()

    def act() -> str:
        form = parse(forms.ThreadForm, request.form)
        body = queries.body_of(actor, mention_id)
        room = forum.category(actor, form.category_id)
        if not may_ask_in(actor, room):
            raise Refused("", fields={"category_id": _("Please choose another category.")})
        actions.make_thread(
            actor,
            queries.mention(actor, mention_id),
            category_id=room.id,
            title=form.title,
            tags=form.names,
            body=body,
            seen=form.seen,
        )
        return _("The thread is there. It says where it came from.")

    return _attempt(actor, mention_id, act)


@blueprint.post(f"/inbox/<{ID}:mention_id>/idea-link")
def link_to_idea(mention_id: int) -> ResponseReturnValue:
    """Evidence for an idea that exists."""
    actor = listener()

    def act() -> str:
        form = parse(forms.LinkForm, request.form)
        idea = ideation.idea(actor, form.idea_id)
        actions.link_to_idea(actor, queries.mention(actor, mention_id), idea, seen=form.seen)
        return _("Linked. Whoever wrote this counts as a voter and is told when it ships.")

    return _attempt(actor, mention_id, act)


@blueprint.post(f"/inbox/<{ID}:mention_id>/idea")
def raise_idea(mention_id: int) -> ResponseReturnValue:
    """A new idea in the poster's name."""
    actor = listener()

    def act() -> str:
        form = parse(forms.IdeaForm, request.form)
        body = queries.body_of(actor, mention_id)
        actions.raise_idea(
            actor,
            queries.mention(actor, mention_id),
            title=form.title,
            category_id=form.category_id,
            body=body,
            seen=form.seen,
        )
        return _("The idea is there, with this post as its evidence.")

    return _attempt(actor, mention_id, act)


@blueprint.post(f"/inbox/<{ID}:mention_id>/dismissal")
def dismiss(mention_id: int) -> ResponseReturnValue:
    """Put aside."""
    actor = listener()

    def act() -> str:
        form = parse(forms.SeenForm, request.form)
        actions.dismiss(actor, queries.mention(actor, mention_id), seen=form.seen)
        return _("Put aside. You can bring it back.")

    return _attempt(actor, mention_id, act)


@blueprint.post(f"/inbox/<{ID}:mention_id>/reopening")
def reopen(mention_id: int) -> ResponseReturnValue:
    """Bring back as new."""
    actor = listener()

    def act() -> str:
        actions.reopen(actor, queries.mention(actor, mention_id))
        return _("It is new again.")

    return _attempt(actor, mention_id, act)


# --- several at once ---


@blueprint.post("/inbox/dismissal")
def dismiss_several() -> ResponseReturnValue:
    """Put several aside."""

    def words(number: int) -> str:
        return ngettext("%(num)s post put aside. You can bring it back.", "%(num)s posts put aside.", number)

    return _with_several(actions.dismiss_several, words)


@blueprint.post("/inbox/reopening")
def reopen_several() -> ResponseReturnValue:
    """Bring several back as new."""

    def words(number: int) -> str:
        return ngettext("%(num)s post is new again.", "%(num)s posts are new again.", number)

    return _with_several(actions.reopen_several, words)


def _with_several(
    act: Callable[[Viewer, list[int]], int], words: Callable[[int], str]
) -> ResponseReturnValue:
    """Do it to those that still stand as they were shown, and say how many that were."""
    actor = listener()
    ids = parse(forms.SeveralForm, request.form).ids
    done = act(actor, ids)
    flash(words(done) if ids else _("Choose posts first."), "success" if done else "warning")
    missed = len(set(ids)) - done
    if missed:
        flash(ngettext("Somebody was faster with one.", "Somebody was faster with %(num)s.", missed), "info")
    kept = {name: value for name, value in _kept().items() if name != "before"}
    return redirect(url_for("listening.inbox", **dict[str, Any](kept)), 303)


# --- answering ---


@blueprint.post(f"/inbox/<{ID}:mention_id>/replies")
@limiter.limit("60/hour")
def write_reply(mention_id: int) -> ResponseReturnValue:
    """Draft an answer on the channel the post came from."""
    actor = listener()

    def act() -> str:
        form = parse(forms.ReplyForm, request.form)
        actions.write_reply(actor, queries.mention(actor, mention_id), form.body)
        return _("Drafted. It goes out when somebody approves it.")

    return _attempt(actor, mention_id, act)


@blueprint.post(f"/inbox/<{ID}:mention_id>/refusal")
def refuse_contact(mention_id: int) -> ResponseReturnValue:
    """Note that whoever wrote this wishes no contact."""
    actor = listener()

    def act() -> str:
        form = parse(forms.RefusalForm, request.form)
        actions.refuse_contact_of(actor, queries.mention(actor, mention_id), form.note)
        return _("Noted. Nothing will be sent to this person.")

    return _attempt(actor, mention_id, act)


@blueprint.post(f"/inbox/<{ID}:mention_id>/refusal/undo")
def allow_contact(mention_id: int) -> ResponseReturnValue:
    """Take the note back."""
    actor = listener()

    def act() -> str:
        found = queries.mention(actor, mention_id)
        actions.allow_contact(actor, found.person_id or 0)
        return _("Taken back. Replies can be sent again.")

    return _attempt(actor, mention_id, act)
