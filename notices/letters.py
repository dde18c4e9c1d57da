"""Letters of notices: made when they are sent, after asking again whether the person may and wants to have them."""

from typing import Any

from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer

from core.config import settings
from core.mail import Letter, unlinked
from core.text import excerpt
from forum import queries as forum
from forum.models import PUBLIC, Thread
from ideation import queries as ideation
from ideation.releases import queries as releases
from notices import kinds, queries, words
from notices.models import Notice
from people import queries as people

EXCERPT = 600


def letter(row: Any) -> tuple[Letter | None, str]:
    """The letter of a waiting mail, or None with the reason why it is not sent after all."""
    notice = queries.notice(row.notice_id)
    found = queries.reachable([notice.person_id], notice.thread_id)
    if not found:
        return None, "may not see it any more"
    if found[0].email != row.email:
        return None, "address changed"
    if not queries.choice(found[0], notice.kind).mail:
        return None, "not wanted any more"
    if notice.post_id is not None and forum.bare_post(notice.post_id).deleted_at is not None:
        return None, "the post is gone"
    person = people.person(notice.person_id)
    with force_locale(person.locale or settings().language_list[0]):
        return _written(notice, row, person.name), ""


def _written(notice: Notice, row: Any, name: str) -> Letter:
    thread = forum.bare_thread(notice.thread_id) if notice.thread_id else None
    actor = people.cards([notice.actor_id]).get(notice.actor_id) if notice.actor_id else None
    author = actor.name if actor else ""
    headline = _headline(notice, author, thread)
    values = _common(notice, thread)
    # Names are cut off from what mail programs would make a link of; a page or its HTML needs no such care.
    plain = {"name": unlinked(name), "headline": _headline(notice, unlinked(author), thread)}
    return Letter(
        to=row.email,
        subject=headline,
        text=render_template("mail/notices/notice.txt", **plain, **values),
        html=render_template("mail/notices/notice.html", name=name, headline=headline, **values),
        message_id=row.message_id,
        list_unsubscribe=values["unsubscribe_url"],
    )


def _headline(notice: Notice, author: str, thread: Thread | None) -> str:
    return words.headline(notice.kind, notice.values, actor=author, title=thread.title if thread else "")


def _common(notice: Notice, thread: Thread | None) -> dict[str, Any]:
    """What both forms of a letter say alike."""
    base = settings().site_url
    slug = thread.slug if thread else ""
    path = words.address(notice.kind, thread_id=notice.thread_id, slug=slug, post_id=notice.post_id)
    return {
        "quote": _quote(notice),
        "details": _details(notice),
        "action_url": base + path,
        "action_label": _action(notice.kind),
        "reason": _why(notice.kind),
        "unsubscribe_url": f"{base}/unsubscribe/{unsubscribe_token(notice.person_id, notice.kind)}",
        "settings_url": f"{base}/settings/notices",
    }


def _action(kind: str) -> str:
    """What the button of a letter says."""
    labels = {
        kinds.RELEASE: _("See what shipped"),
        kinds.ANSWER: _("Read the answer"),
        kinds.STATUS: _("See the idea"),
        kinds.STAFF: _("Open the case"),
    }
    return labels.get(kind) or _("See it in the community")


def _why(kind: str) -> str:
    label = kinds.BY_KEY[kind].label
    return _("You get this letter because letters of this kind are on for you: %(kind)s.", kind=label)


def _quote(notice: Notice) -> str:
    """The words of the post it is about."""
    return excerpt(forum.bare_post(notice.post_id).html, EXCERPT) if notice.post_id is not None else ""


def _details(notice: Notice) -> list[str]:
    """More lines: the public reason of a status, the idea that shipped."""
    if notice.kind == kinds.STATUS and notice.values.get("reason"):
        return [str(notice.values["reason"])]
    if notice.kind == kinds.RELEASE:
        return [*_asked(notice), _("It is done. Thank you for asking.")]
    return []


def _asked(notice: Notice) -> list[str]:
    """The idea by name, if its thread is still open to the reader."""
    idea_id = int(notice.values["idea_id"])
    if not queries.may_see_thread(notice.person_id, queries.thread_of_idea(idea_id)):
        return []
    return [_("You asked: %(idea)s", idea=ideation.title_of(idea_id))]


def outside_words(release_id: int, idea_id: int) -> str:
    """The draft for somebody who asked on another channel; a moderator may change it before it is sent.

    An idea that is not public is not named.
    """
    release = releases.bare_release(release_id)
    words = {"release": release.title, "url": f"{settings().site_url}/releases/{release.id}/{release.slug}"}
    thread = forum.bare_thread(queries.thread_of_idea(idea_id))
    if thread.access != PUBLIC or thread.deleted_at is not None:
        return _(
            "What you asked for has shipped: it is part of %(release)s. Thank you for telling us. %(url)s",
            **words,
        )
    return _(
        "You asked for this, and it has shipped: “%(idea)s” is part of %(release)s. Thank you for telling us. %(url)s",
        idea=thread.title,
        **words,
    )


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="notices.unsubscribe")


def unsubscribe_token(person_id: int, kind: str) -> str:
    """A signed proof good for one thing: stopping mails of one kind to one person."""
    return str(_signer().dumps([person_id, kind]))


def read_unsubscribe(token: str) -> tuple[int, str] | None:
    """Whom and what an unsubscribe link is about; None when it was not made by us."""
    try:
        person_id, kind = _signer().loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return (int(person_id), str(kind)) if kind in kinds.BY_KEY else None
