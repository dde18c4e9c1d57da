"""Small values that the forum's templates are made of: addresses of lists, choices of forms, words of help."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from flask_babel import gettext as _
from flask_babel import ngettext

from core import text
from forum import addresses, policy
from forum.models import Post
from forum.queries import CategoryCard, Wanted, status_of
from forum.queries.rooms import hue_of, tag_path
from forum.views.kit import (
    around,
    discussion,
    face,
    follow,
    kit,
    moments,
    posts_head,
    rows,
    thread_card,
    thread_head,
)

Numbers = list[tuple[int, str, bool] | None]


def list_path(here: str, state: str, sort: str = "latest", page: int = 1) -> str:
    """Address of a list with its state, order and page; what is usual is left out."""
    values = {"state": state, "sort": "" if sort == "latest" else sort, "page": page if page > 1 else ""}
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{here}?{query}" if query else here


def state_tabs(here: str, wanted: Wanted, for_member: bool) -> list[tuple[str, str, bool]]:
    """The states of threads as tabs; whose turn it is matters to those who take part."""
    labels = [("", _("Latest")), ("unanswered", _("Unanswered")), ("unsolved", _("Unsolved"))]
    if for_member:
        labels += [("needs_staff", _("Needs staff")), ("waiting_on_author", _("Waiting on author"))]
    labels.append(("solved", _("Solved")))
    return [(label, list_path(here, state, wanted.sort), wanted.state == state) for state, label in labels]


def page_numbers(page: int, pages: int, base: str) -> Numbers:
    """The first, the last, and the pages around this one; None is a gap."""
    if pages < 2:
        return []
    wanted = sorted({1, pages, *range(max(1, page - 2), min(pages, page + 2) + 1)})
    found: Numbers = []
    for number in wanted:
        if found and found[-1] is not None and number - found[-1][0] > 1:
            found.append(None)
        found.append((number, base if number == 1 else f"{base}?page={number}", number == page))
    return found


def search_pages(words: str, page: int, pages: int) -> Numbers:
    """The same for pages of search."""
    numbers = page_numbers(page, pages, "")
    base = f"/search?q={quote(words)}"
    return [n and (n[0], base if n[0] == 1 else f"{base}&page={n[0]}", n[2]) for n in numbers]


def tag_links(names: Sequence[str]) -> list[tuple[str, str]]:
    """Tags with their addresses."""
    return [(name, tag_path(name)) for name in names]


def category_options(categories: Sequence[CategoryCard]) -> list[tuple[int, str]]:
    """Categories as choices, saying which are not public."""
    marks = {1: _("members only"), 2: _("staff only")}
    return [(c.id, f"{c.name} ({marks[c.access]})" if c.access else c.name) for c in categories]


def hour_options() -> list[tuple[int, str]]:
    """Deadlines of cases."""
    hours = [(n, ngettext("%(num)s hour", "%(num)s hours", n)) for n in (1, 4, 8, 24)]
    return hours + [(24 * n, ngettext("%(num)s day", "%(num)s days", n)) for n in (2, 3, 7, 14)]


def colour_options() -> list[tuple[str, str]]:
    """The hues of category marks."""
    names = [_("Red"), _("Orange"), _("Yellow"), _("Lime"), _("Green"), _("Teal")]
    names += [_("Cyan"), _("Azure"), _("Blue"), _("Violet"), _("Magenta"), _("Pink")]
    return [("", _("By itself")), *((str(i), name) for i, name in enumerate(names, 1))]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A search with one more (or one fewer) condition."""

    text: str
    is_on: bool


def search_filters(words: str) -> list[tuple[str, Narrowed]]:
    """Conditions that one click adds to a search or takes away."""
    offered = [("is:solved", _("Solved")), ("is:unsolved", _("Unsolved")), ("in:title", _("In titles"))]
    offered += [("kind:question", _("Questions")), ("kind:idea", _("Ideas"))]
    used = words.split()
    return [(label, _narrowed(used, condition)) for condition, label in offered]


def _narrowed(used: list[str], condition: str) -> Narrowed:
    if condition in used:
        return Narrowed(" ".join(w for w in used if w != condition), True)
    kind = condition.partition(":")[0] + ":"
    kept = [w for w in used if not (w.startswith(kind) and kind in ("is:", "kind:"))]
    return Narrowed(" ".join([*kept, condition]), False)


def search_grammar() -> list[tuple[str, str]]:
    """What a search may say, with what it means."""
    return [
        ("paper jam", _("both words, in any form")),
        ('"paper jam"', _("these words in this order")),
        ("printer OR scanner", _("either")),
        ("-fax", _("without this word")),
        ("in:title", _("titles only")),
        ("is:solved", _("solved, or is:unsolved")),
        ("tag:wifi", _("with this tag")),
        ("category:help", _("in this category")),
        ("by:ana", _("written by @ana")),
        ("kind:question", _("questions, ideas, discussions")),
        ("after:2026-01-31", _("since that day; before: works too")),
    ]


def editable_source(post: Post) -> str:
    """A post's text as its editor begins with: imported HTML as its plain words."""
    return post.source if post.format == "markdown" else text.plain(post.html)


class ForTemplates:
    """What templates know as `forum`: one name, because each more of them slows down every import of a part."""

    may = policy
    kit = staticmethod(kit)
    face = staticmethod(face)
    moments = staticmethod(moments)
    thread_head = staticmethod(thread_head)
    thread_card = staticmethod(thread_card)
    follow = staticmethod(follow)
    discussion = staticmethod(discussion)
    posts_head = staticmethod(posts_head)
    rows = staticmethod(rows)
    around = staticmethod(around)
    thread_path = staticmethod(addresses.thread_path)
    plain_path = staticmethod(addresses.plain_path)
    tag_path = staticmethod(tag_path)
    category_hue = staticmethod(hue_of)
    status_of = staticmethod(status_of)
    list_path = staticmethod(list_path)
    state_tabs = staticmethod(state_tabs)
    page_numbers = staticmethod(page_numbers)
    search_pages = staticmethod(search_pages)
    tag_links = staticmethod(tag_links)
    category_options = staticmethod(category_options)
    hour_options = staticmethod(hour_options)
    colour_options = staticmethod(colour_options)
    search_filters = staticmethod(search_filters)
    search_grammar = staticmethod(search_grammar)
    editable_source = staticmethod(editable_source)
