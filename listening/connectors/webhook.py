"""Posts that a program sends us, signed: one JSON object, a list of them, or {"items": [...]}."""

import json
from typing import Any, Final

from flask_babel import gettext as _

from listening.connectors.item import Item, Unreadable
from listening.connectors.rows import HookRow, read_row

MAX_BYTES: Final = 1_000_000
MAX_ITEMS: Final = 500


class NotJson(Unreadable):
    """The body is no JSON at all."""

    status = 400


def read(body: bytes) -> tuple[Item, ...]:
    """The items of a delivery, all or none. Raises NotJson, or Unreadable with `fields` {"items[2]": why}."""
    rows = _rows(_parsed(body))
    if not rows:
        raise Unreadable(_("There are no items in this delivery."))
    if len(rows) > MAX_ITEMS:
        raise Unreadable(_("At most %(number)s items fit into one delivery.", number=MAX_ITEMS))
    found = [_read(row) for row in rows]
    wrong = {f"items[{place}]": reason for place, reason in enumerate(found) if isinstance(reason, str)}
    if wrong:
        raise Unreadable(_("Some items cannot be used; none was stored."), fields=wrong)
    return tuple(item for item in found if isinstance(item, Item))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NotJson(_("The body is not JSON in UTF-8.")) from None


def _rows(given: Any) -> list[Any]:
    if isinstance(given, dict) and set(given) == {"items"} and isinstance(given["items"], list):
        return list(given["items"])
    return given if isinstance(given, list) else [given]


def _read(row: Any) -> Item | str:
    return read_row(HookRow, row) if isinstance(row, dict) else _("This is not an object.")
