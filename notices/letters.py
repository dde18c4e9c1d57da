"""Letters of notices: made when they are sent, after asking again whether the person may and wants to have them."""

from typing import Any

from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer

from core.config import settings
from core.mail import Letter
from core.text import excerpt
from forum import queries as forum
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
    person = people.person(notice.person_id)
    with force_locale(person.locale or settings().language_list[0]):
        return _written(notice, row, person.name), ""


def _written(notice: Notice, row: Any, name: str) -> Letter:
    thread = forum.bare_thread(notice.thread_id) if notice.thread_id else None
    actor = people.cards([notice.actor_id]).get(notice.actor_id) if notice.actor_id else None
    title = thread.title if thread else ""
    headline = words.headline(notice.kind, notice.values, actor=actor.name if actor else "", title=title)
    path = words.address(
        notice.kind,
        thread_id=notice.thread_id,
        slug=thread.slug if thread else "",
        post_id=notice.post_id,
    )
    base = settings().site_url
    stop = f"{base}/unsubscribe/{unsubscribe_token(notice.person_id, notice.kind)}"
    values = {
        "name": name,
        "headline": headline,
        "quote": _quote(notice),
        "details": _details(notice),
        "action_url": base + path,
        "action_label": _("See it in the community"),
        "reason": _why(notice.kind),
        "unsubscribe_url": stop,
        "settings_url": f"{base}/settings/notices",
    }
    return Letter(
        to=row.email,
        subject=headline,
        text=render_template("mail/notices/notice.txt", **values),
        html=render_template("mail/notices/notice.html", **values),
        message_id=row.message_id,
        list_unsubscribe=stop,
    )


def _why(kind: str) -> str:
    label = kinds.BY_KEY[kind].label
    return _("You get this letter because you chose to be told by mail: %(kind)s.", kind=label)


def _quote(notice: Notice) -> str:
    """The words of the post it is about."""
    if notice.post_id is None:
        return ""
    post = forum.bare_post(notice.post_id)
    return "" if post.deleted_at else excerpt(post.html, EXCERPT)


def _details(notice: Notice) -> list[str]:
    """More lines: the public reason of a status, the idea that shipped."""
    if notice.kind == kinds.STATUS and notice.values.get("reason"):
        return [str(notice.values["reason"])]
    if notice.kind == kinds.RELEASE:
        title = ideation.title_of(int(notice.values["idea_id"]))
        return [_("You asked: %(idea)s", idea=title), _("It is done. Thank you for asking.")]
    return []


def outside_words(release_id: int, idea_id: int) -> str:
    """The draft for somebody who asked on another channel; a moderator may change it before it is sent."""
    release = releases.bare_release(release_id)
    address = f"{settings().site_url}/releases/{release.id}/{release.slug}"
    words_of_idea = ideation.title_of(idea_id)
    return _(
        "You asked for this, and it has shipped: “%(idea)s” is part of %(release)s. Thank you for telling us. %(url)s",
        idea=words_of_idea,
        release=release.title,
        url=address,
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
