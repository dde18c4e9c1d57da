"""The frame of every page: what stands around its title, its main part and what is beside that.

It is put together by hand from pieces that are kept (`templates/parts/chrome.html`): through a template's blocks it
would cost more than all that it frames. Templates reach it by `base.html`, the hottest pages call `framed` themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flask import get_flashed_messages
from markupsafe import Markup, escape

from core.assets import asset
from core.sign_in import THEMES

CHROME: Final = "parts/chrome.html"
Draw = Callable[..., Markup]
Waiting = tuple[int, int]
_tellers: dict[str, Callable[[Any], Any]] = {}


@dataclass(frozen=True, slots=True)
class Around:
    """Who asks, and what the frame says to them besides the page."""

    viewer: Any
    site: Any
    lang: str
    direction: str
    root: str
    token: str = ""  # proves that a form came from here; visitors have none
    nonce: str | None = None
    bell: int = 0
    sees_desk: bool = False
    waiting: Waiting | None = None  # in the inbox and at the desk, for staff


def tells(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Let a feature say a value of `Around` (bell, sees_desk, waiting), asked with the viewer once for each page."""

    def register(teller: Callable[[Any], Any]) -> Callable[[Any], Any]:
        _tellers[name] = teller
        return teller

    return register


def told(viewer: Any) -> dict[str, Any]:
    """What all features say for this viewer."""
    return {name: teller(viewer) for name, teller in _tellers.items()}


def framed(
    around: Around,
    draw: Draw,
    *,
    title: str,
    main: str,
    section: str = "",
    head: str = "",
    page_class: str = "",
    live: str = "",
    aside: str = "",
    dialogs: str = "",
    search_text: str = "",
) -> Markup:
    """The whole page; `draw` is `core.templates.spliced`, or plainer where there is no app behind the pages.

    `title`, `live` and `search_text` are text, the other parts safe HTML. `section` is the place of the site that the
    page belongs to, `live` the channels that it listens to besides its reader's own.
    """
    asker, site, root = around.viewer, around.site, around.root
    is_member = asker.is_member
    is_staff = is_member and asker.is_staff
    theme = asker.theme if is_member and asker.theme in THEMES else ""
    me = (asker.name, asker.handle, asker.avatar_url, theme, is_staff) if is_member else None
    own = [f"person:{asker.id}" if is_member else "", "staff" if is_staff else "", live.strip()]
    top = (root, section, site.name, site.logo_url, me, around.token, around.bell, search_text)
    nonce = f' nonce="{around.nonce}"' if around.nonce else ""
    parts = (
        draw(CHROME, "opening", around.lang, around.direction, theme, site.brand_url),
        f"\n<title>{escape(title)}</title>\n",
        f'<meta name="csrf-token" content="{escape(around.token)}">\n' if is_member else "",
        f'<script type="module" src="{asset("js/app.js")}"{nonce}></script>\n{head}</head>\n',
        f'<body data-root="{escape(root)}" data-live="{escape(",".join(filter(None, own)))}">\n',
        draw(CHROME, "top", *top, around.sees_desk, around.waiting),
        f'\n<div class="page {page_class}{" has-aside" if aside else ""}">\n',
        f'<main class="main" id="main" tabindex="-1">\n{_toasts(draw)}\n{main}\n</main>\n',
        f"{draw(CHROME, 'beside')}{aside}</aside>\n" if aside else "",
        "</div>\n",
        draw(CHROME, "bottom", root, section, site.name, site.tagline, is_member, is_staff, around.sees_desk),
        f"\n{dialogs}</body>\n</html>",
    )
    return Markup("".join(parts))  # noqa: S704 - parts are drawn by templates or escaped here


def _toasts(draw: Draw) -> str:
    """What was said to the reader before this page."""
    flashed: list[Any] = get_flashed_messages(with_categories=True)
    said = "".join(
        draw("parts/boxes.html", "toast", text, "info" if kind == "message" else kind)
        for kind, text in flashed
    )
    return f'<div class="toasts" id="toasts" aria-live="polite">{said}</div>'
