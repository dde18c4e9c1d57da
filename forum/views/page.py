"""The page of a thread, put together in Python from kept pieces: most requests of a community are for one of these."""

from typing import Any

from flask import render_template
from flask_babel import gettext as _
from markupsafe import Markup

from core.config import settings
from core.frame import framed
from core.slots import slot
from core.templates import drawn, spliced
from core.viewer import Viewer
from core.web import around
from forum import policy
from forum.queries import ThreadPage
from forum.views import kit

PARTS = "forum/thread_parts.html"
_RELATED = '<div hx-get="/t/{id}/related" hx-trigger="revealed" hx-swap="outerHTML"></div>'


def thread_page(asker: Viewer, page: ThreadPage) -> Markup:
    """A thread as its reader sees it, in the frame of all pages."""
    head, frame = page.thread, around()
    number = _("page %(number)s", number=page.page) if page.page > 1 else ""
    return framed(
        frame,
        spliced,
        title=" · ".join(filter(None, (head.title, number, frame.site.name))),
        section="questions",
        page_class="page-thread",
        live=f"thread:{head.id}" if asker.is_member else "",
        head=_meta(page, frame.site.name),
        main=_main(asker, page),
        aside=_aside(asker, page),
    )


def _meta(page: ThreadPage, site_name: str) -> Markup:
    """For search engines and previews, of what everybody may read."""
    head, first = page.thread, page.posts[0]
    if head.access or head.deleted_at is not None:
        return drawn(PARTS, "not_for_robots")
    number = f"?page={page.page}" if page.page > 1 else ""
    lead = first.html if page.page == 1 and first.is_readable else ""
    return drawn(PARTS, "meta", head.title, f"{settings().site_url}{page.path}{number}", site_name, lead)


def _main(asker: Viewer, page: ThreadPage) -> str:
    head = page.thread
    parts = [kit.thread_head(page), slot("thread.head", viewer=asker, thread=head)]
    if head.deleted_at is not None:
        may_restore = policy.may_restore_thread(asker, head)
        parts.append(drawn(PARTS, "deleted", head.id, head.deleted_reason, may_restore))
    if head.closed_at is not None:
        by = page.people.get(head.closed_by_id)
        parts.append(drawn(PARTS, "closed", head.closed_reason, by.name if by else ""))
    parts.append(kit.discussion(asker, page))
    return "\n".join(parts)


def _aside(asker: Viewer, page: ThreadPage) -> str:
    head = page.thread
    menu = render_template("forum/_thread_menu.html", viewer=asker, thread=head) if page.is_desk else ""
    parts: list[Any] = [kit.thread_card(asker, head, Markup(menu))]  # noqa: S704 - a template's own output
    parts += [slot(place, viewer=asker, thread=head) for place in ("thread.actions", "thread.aside")]
    return "\n".join([*parts, _RELATED.format(id=head.id)])
