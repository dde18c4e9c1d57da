"""Words for what is stored as keys: roles, languages, browsers."""

import functools
from collections.abc import Sequence
from typing import Final
from zoneinfo import available_timezones

from babel import Locale
from flask_babel import gettext as _

from core.config import settings
from core.viewer import ROLES

# The first that fits counts: every browser names several others for the sake of old pages.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def role_name(role: str) -> str:
    """A role in the reader's language."""
    names = {
        "customer": _("Customer"),
        "agent": _("Agent"),
        "moderator": _("Moderator"),
        "product_manager": _("Product manager"),
        "supervisor": _("Supervisor"),
        "owner": _("Owner"),
    }
    return names.get(role, role)


def role_options() -> list[tuple[str, str]]:
    """Every role as (key, name)."""
    return [(role, role_name(role)) for role in ROLES]


def language_options() -> list[tuple[str, str]]:
    """The languages offered, each in itself; the first follows the browser."""
    named = [
        (key, (Locale.parse(key).get_display_name() or key).capitalize()) for key in settings().language_list
    ]
    return [("", _("As the browser says")), *named]


def browser_name(user_agent: str) -> str:
    """`Firefox on Linux`, as far as the browser tells."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("Unknown browser")


@functools.cache
def zone_options() -> Sequence[tuple[str, str]]:
    """Time zones as (key, name), UTC first. Finding them reads some hundred files, so they are found once."""
    zones = ("UTC", *sorted(z for z in available_timezones() if "/" in z and not z.startswith("Etc/")))
    return tuple((zone, zone.replace("_", " ")) for zone in zones)
