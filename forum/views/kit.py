"""What pages repeat for every post and row, made once: words and icons by language, faces, moments.

A page of twenty posts says "Reply" twenty times; looking it up, drawing its icon and escaping both each time would
cost more than all the rest of the page.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from flask import current_app
from flask_babel import get_locale
from markupsafe import Markup

from core.assets import asset
from core.sign_in import viewer
from core.web import instant, iso
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
