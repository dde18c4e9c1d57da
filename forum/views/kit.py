"""What pages repeat, drawn once: words and icons by language, faces, moments, and posts as a viewer sees them.

A page of twenty posts says "Reply" twenty times; looking that up and drawing its icon each time would cost more than
all the rest of the page. And most readers of a post see the same of it: what is drawn is kept under everything it was
drawn from, so there is nothing to invalidate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from flask import current_app
from flask_babel import get_locale
from markupsafe import Markup

from core.assets import asset
from core.config import settings
from core.sign_in import viewer
from core.slots import is_filled, slot
from core.viewer import Viewer
from core.web import instant, iso
from forum import policy
from forum.models import QUESTION
from forum.queries import CategoryCard, PostView, ThreadPage, ThreadRow
from forum.queries.lists import TagCard, tag_path
from people.queries import PersonCard

_TIME: Final = Markup(
    '<time class="time" datetime="{0}" title="{1}">'
    '<relative-time datetime="{0}" prefix="" no-title>{1}</relative-time></time>'
)
Moment = Callable[[datetime], Markup]
_KITS: Final = "forum.kits"


def kit() -> Any:
    """The words and icons of templates/forum/kit.html in the reader's language."""
    kits: dict[tuple[str, str], Any] = current_app.extensions.setdefault(_KITS, {})
    key = (str(get_locale() or "en"), asset("icons.svg"))
    found = kits.get(key)
    if found is None:
        found = kits[key] = current_app.jinja_env.get_template("forum/kit.html").make_module()
    return found


def face(card: PersonCard | None, size: str = "") -> Markup:
    """Somebody's picture or initials, as the shared part draws them."""
    return _face(card.name, card.avatar_url, size) if card else _face("?", "", size)


@lru_cache(maxsize=4096)
def _face(name: str, url: str, size: str) -> Markup:
    people: Any = current_app.jinja_env.get_template("parts/people.html").module
    return Markup(people.avatar(name, url, size))  # noqa: S704 - a macro's own output


def moments() -> Moment:
    """A function that draws a moment in the reader's language and zone, each only once."""
    locale, zone = str(get_locale() or "en"), viewer().timezone or "UTC"

    def moment(value: datetime) -> Markup:
        return _moment(value.replace(microsecond=0), locale, zone)

    return moment


@lru_cache(maxsize=16_384)
def _moment(value: datetime, locale: str, zone: str) -> Markup:
    """Language and zone are those of this request; they stand here to keep what others were shown apart."""
    at, words = iso(value), instant(value)
    return _TIME.format(at, words)


@dataclass(frozen=True, slots=True)
class PostFrame:
    """All that a post's looks depend on besides the post itself."""

    locale: str
    zone: str
    icons: str
    site_url: str
    thread_id: int
    is_question: bool
    accepted_by: str
    is_member: bool
    is_desk: bool
    may_reply: bool
    may_accept: bool
    may_settle: bool


@dataclass(frozen=True, slots=True)
class PageOfPosts:
    """Draws the posts of one page for one viewer."""

    viewer: Viewer
    page: ThreadPage
    frame: PostFrame

    def draw(self, post: PostView) -> Markup:
        """The post's HTML, with what other features add to its menu."""
        if not is_filled("post.actions"):
            return _post(post, self.frame, Markup(""))
        return _post(
            post, self.frame, slot("post.actions", viewer=self.viewer, thread=self.page.thread, post=post)
        )


def page_of_posts(asker: Viewer, page: ThreadPage) -> PageOfPosts:
    """What the rules say of the whole page, asked once."""
    head = page.thread
    by = page.people.get(head.accepted_by_id) if head.accepted_by_id != head.author_id else None
    frame = PostFrame(
        locale=str(get_locale() or "en"),
        zone=asker.timezone or "UTC",
        icons=asset("icons.svg"),
        site_url=settings().site_url,
        thread_id=head.id,
        is_question=head.kind == QUESTION,
        accepted_by=by.name if by else "",
        is_member=asker.is_member,
        is_desk=page.is_desk,
        may_reply=policy.may_reply(asker, head),
        may_accept=policy.may_accept_answer(asker, head),
        may_settle=page.is_desk and policy.may_settle_flags(asker),
    )
    return PageOfPosts(asker, page, frame)


def reply_fields(head: Any) -> Markup:
    """What stands in a thread's reply box, with the viewer's own draft."""
    draft = head.draft or {}
    body, reply_to = str(draft.get("body", "")), str(draft.get("reply_to", ""))
    where = (str(get_locale() or "en"), asset("icons.svg"))
    return _reply_fields(where, head.id, head.kind == QUESTION, body, reply_to)


@lru_cache(maxsize=1024)
def _reply_fields(
    where: tuple[str, str], thread_id: int, is_question: bool, body: str, reply_to: str
) -> Markup:
    """`where` is the language and the icons' address: they stand here to keep the kept ones apart."""
    drawing: Any = current_app.jinja_env.get_template("forum/reply_fields.html").module
    return Markup(drawing.fields(thread_id, is_question, body, reply_to))  # noqa: S704 - a macro's own output


def rows(rooms: Mapping[int, CategoryCard]) -> Callable[[ThreadRow], Markup]:
    """A function that draws threads of a list."""
    where = (str(get_locale() or "en"), viewer().timezone or "UTC", asset("icons.svg"))

    def draw(row: ThreadRow) -> Markup:
        return _row(row, rooms.get(row.category_id), where)

    return draw


def around(what: str, things: Sequence[CategoryCard] | Sequence[TagCard]) -> Markup:
    """A `tag_cloud`, `category_grid` or `room_list`."""
    return _around(what, tuple(things), str(get_locale() or "en"), asset("icons.svg"))


@lru_cache(maxsize=256)
def _around(what: str, things: tuple[Any, ...], locale: str, icons: str) -> Markup:
    drawing: Any = current_app.jinja_env.get_template("forum/around.html").module
    return Markup(getattr(drawing, what)(things))  # noqa: S704 - a macro's own output


@lru_cache(maxsize=8192)
def _row(row: ThreadRow, room: CategoryCard | None, where: tuple[str, str, str]) -> Markup:
    drawing: Any = current_app.jinja_env.get_template("forum/row.html").module
    tags = [(name, tag_path(name)) for name in row.tags]
    return Markup(drawing.row(row, room, tags))  # noqa: S704 - a macro's own output


@lru_cache(maxsize=4096)
def _post(post: PostView, frame: PostFrame, extra: Markup) -> Markup:
    drawing: Any = current_app.jinja_env.get_template("forum/post.html").module
    return Markup(drawing.post(post, frame, kit(), face, moments(), extra))  # noqa: S704 - a macro's own output
