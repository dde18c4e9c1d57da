"""Routes of finding: the search page, feeds, robots and the sitemap."""

from collections.abc import Sequence
from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core.config import settings
from core.limits import limiter
from core.pages import keep_for_visitors
from core.search import SearchDamaged
from core.sign_in import viewer
from core.viewer import Viewer
from forum import addresses, queries
from forum.queries import feeds
from forum.views.base import LIST_STAMP, blueprint, page_number
from people.queries import cards


@blueprint.get("/search")
@limiter.limit("60/minute")
def search() -> ResponseReturnValue:
    """Search, with its grammar explained."""
    words = request.args.get("q", "").strip()[:400]
    page = page_number()
    rooms = queries.categories(viewer())
    values: dict[str, Any] = {"text": words, "rooms": {room.id: room for room in rooms}, "categories": rooms}
    try:
        found = queries.search(viewer(), words, page) if words else None
    except SearchDamaged:
        values |= {"found": None, "is_down": True, "building": queries.building()}
        return render_template("forum/search.html", search_text=words, **values), 503, {"Retry-After": "30"}
    return render_template("forum/search.html", search_text=words, found=found, is_down=False, **values)


@blueprint.get("/feeds")
def feed_list() -> ResponseReturnValue:
    """What can be subscribed to in a feed reader."""
    keep_for_visitors(LIST_STAMP)
    public = Viewer.visitor()
    values = {"categories": queries.categories(public), "tags": queries.tags(public, limit=40)}
    return render_template("forum/feeds.html", **values)


@blueprint.get("/feeds/latest.atom")
def latest_feed() -> ResponseReturnValue:
    """The newest public threads."""
    keep_for_visitors(LIST_STAMP)
    return atom("", url_for("forum.home"), feeds.newest())


@blueprint.get("/feeds/c/<slug>.atom")
def category_feed(slug: str) -> ResponseReturnValue:
    """The newest threads of a public category."""
    keep_for_visitors(LIST_STAMP)
    found = queries.category_by_slug(Viewer.visitor(), slug)
    return atom(found.name, url_for("forum.category", slug=slug), feeds.newest(category_id=found.id))


@blueprint.get("/feeds/tags/<name>.atom")
def tag_feed(name: str) -> ResponseReturnValue:
    """The newest public threads with a tag."""
    keep_for_visitors(LIST_STAMP)
    found = queries.tag(Viewer.visitor(), name)
    return atom(found.name, url_for("forum.tag", name=name), feeds.newest(tag=found.name))


def atom(title: str, path: str, threads: Sequence[Any]) -> Response:
    """Rows of `feeds.newest` as a feed of the page at `path`; each is linked to where it lives."""
    paths = addresses.paths_of(threads)
    page = render_template(
        "forum/feed.xml",
        title=title,
        path=path,
        threads=[row for row in threads if row.id in paths],
        paths=paths,
        people=cards(row.author_id for row in threads),
        base=settings().site_url,
    )
    return Response(page, mimetype="application/atom+xml")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """What crawlers should leave alone, and where the sitemap is."""
    closed = (
        "/search",
        "/ask",
        "/drafts",
        "/settings",
        "/sign-in",
        "/register",
        "/events",
        "/threads/",
        "/posts/",
    )
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    lines.append(f"Sitemap: {settings().site_url}{url_for('forum.sitemap')}")
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@blueprint.get("/sitemap.xml")
def sitemap() -> ResponseReturnValue:
    """Public threads where they live, ideas and releases too, the latest active first, five thousand a page."""
    keep_for_visitors(LIST_STAMP)
    rows = feeds.addresses(page_number())
    paths = addresses.paths_of(rows)
    listed = [(paths[row.id], row.last_post_at) for row in rows if row.id in paths]
    page = render_template("forum/sitemap.xml", listed=listed, base=settings().site_url)
    return Response(page, mimetype="application/xml")
