"""What pages repeat, drawn once: words and icons by language, faces, moments, and posts as a viewer sees them.

A page of twenty posts says "Reply" twenty times; looking that up and drawing its icon each time would cost more than
all the rest of the page. And most readers of a post see the same of it: it is drawn from plain values and kept.
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
from core.templates import drawn, spliced
from core.viewer import Viewer
from core.web import form_token, instant, iso
from forum import addresses, policy
from forum.models import QUESTION
from forum.queries import CategoryCard, ThreadPage, ThreadRow, status_of
from forum.queries.rooms import TagCard, hue_of
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
    name, url = (card.name, card.avatar_url) if card else ("?", "")
    return drawn("parts/people.html", "avatar", name, url, size)


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
class ThreadCounts:
    """How much there is in a thread, and whether the viewer left off somewhere in it."""

    thread_id: int
    is_question: bool
    answers: int
    replies: int
    posts: int
    has_unread: bool


@dataclass(frozen=True, slots=True)
class DiscussionFrame:
    """All that a discussion's looks depend on besides its posts."""

    post: PostFrame
    counts: ThreadCounts
    path: str
    page: int
    pages: int
    first_new: int
    is_opening_apart: bool
    is_closed: bool
    draft: str
    draft_reply_to: str


@dataclass(frozen=True, slots=True)
class ThreadHead:
    """What stands above the posts of a thread."""

    title: str
    is_question: bool
    status: str
    is_waiting: bool
    is_pinned: bool
    access: int
    category_name: str
    category_url: str
    hue: int
    tags: str
    author: PersonCard
    created_at: datetime
    origin_label: str
    origin_url: str


def thread_head(page: ThreadPage) -> Markup:
    """Title and marks of a thread, with the way there."""
    row = page.thread
    head = ThreadHead(
        title=row.title,
        is_question=row.kind == QUESTION,
        status=status_of(row),
        is_waiting=row.waiting_on_author_at is not None,
        is_pinned=row.pinned_at is not None,
        access=row.access,
        category_name=row.category_name,
        category_url=f"/c/{row.category_slug}",
        hue=hue_of(row.category_id, row.category_colour),
        tags=row.tags,
        author=page.author,
        created_at=row.created_at,
        origin_label=row.origin_label,
        origin_url=row.origin_url,
    )
    return drawn("forum/thread_parts.html", "head", head)


def follow(head: Any) -> Markup:
    """The button by which a member follows, unfollows or mutes a thread."""
    return drawn("forum/thread_parts.html", "follow", _following(head))


def thread_card(asker: Viewer, head: Any, menu: str) -> Markup:
    """What a member can do with a thread, the `menu` of those who moderate it among it, and when and how much."""
    following = _following(head) if asker.is_member else None
    numbers = (head.created_at, head.last_post_at, head.reply_count, head.view_count)
    return drawn("forum/thread_parts.html", "card", following, menu, head.kind == QUESTION, *numbers)


def _following(head: Any) -> tuple[int, bool, bool]:
    """A thread's number, whether its reader follows it, and whether they muted it."""
    return head.id, head.followed_at is not None, head.muted_at is not None


def posts_head(asker: Viewer, head: Any) -> Markup:
    """How many replied, empty while nobody did: for pages that show the opening post by themselves."""
    if not head.reply_count:
        return Markup("")
    return drawn("forum/discussion_parts.html", "posts_head", _counts(asker, head))


def discussion(asker: Viewer, page: ThreadPage) -> Markup:
    """The posts of a page with pages and reply box, and what other features add to the posts' menus."""
    head = page.thread
    draft = head.draft or {}
    frame = DiscussionFrame(
        post=_post_frame(asker, page),
        counts=_counts(asker, head),
        path=addresses.thread_path(head),
        page=page.page,
        pages=page.pages,
        first_new=page.first_new,
        is_opening_apart=page.is_opening_apart,
        is_closed=head.closed_at is not None,
        draft=str(draft.get("body", "")),
        draft_reply_to=str(draft.get("reply_to", "")),
    )
    extras: tuple[tuple[int, Markup], ...] = ()
    if is_filled("post.actions"):
        added = ((p.id, slot("post.actions", viewer=asker, thread=head, post=p)) for p in page.posts)
        extras = tuple(added)
    parts = spliced("forum/discussion_parts.html", "discussion", page.seen, frame, extras)
    return drawn("forum/discussion_parts.html", "forms", form_token()) + parts if asker.is_member else parts


def _counts(asker: Viewer, head: Any) -> ThreadCounts:
    has_unread = asker.is_member and 0 < (head.read_position or 0) < head.post_count
    numbers = (head.answer_count, head.reply_count, head.post_count)
    return ThreadCounts(head.id, head.kind == QUESTION, *numbers, has_unread)


def _post_frame(asker: Viewer, page: ThreadPage) -> PostFrame:
    """What the rules say of the whole page, asked once."""
    head = page.thread
    by = page.people.get(head.accepted_by_id) if head.accepted_by_id != head.author_id else None
    return PostFrame(
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


def rows(rooms: Mapping[int, CategoryCard]) -> Callable[[ThreadRow], Markup]:
    """A function that draws threads of a list."""

    def draw(row: ThreadRow) -> Markup:
        return drawn("forum/row.html", "row", row, rooms.get(row.category_id))

    return draw


def around(what: str, things: Sequence[CategoryCard] | Sequence[TagCard]) -> Markup:
    """A `tag_cloud`, `category_grid` or `room_list`."""
    return drawn("forum/around.html", what, tuple(things))
