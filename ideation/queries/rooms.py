"""Where a new idea or release goes: the categories made for it, as far as its writer may use them."""

from collections.abc import Sequence

from flask_babel import gettext as _

from core.errors import Refused
from core.viewer import Viewer
from forum import queries as forum
from forum.models import IDEA
from forum.queries import CategoryCard


def idea_rooms(viewer: Viewer) -> list[CategoryCard]:
    """The categories made for ideas that the viewer may write in, the most public first."""
    return _made_for(IDEA, _open_rooms(viewer))


def room_for(viewer: Viewer, kind: str, category_id: int | None = None) -> int:
    """The category of a new thread of this kind: the wanted one, if it is made for the kind, else the first.

    Where none is made for it, the first that anybody may see takes it. Raises Refused.
    """
    rooms = _open_rooms(viewer)
    choices = _made_for(kind, rooms) or sorted(rooms, key=_is_special)[:1]
    if not choices:
        raise Refused(_("There is no category yet. An owner can make one under Administration."))
    if category_id is None:
        return choices[0].id
    if category_id not in {room.id for room in choices}:
        words = _("Please choose one of the given categories.")
        raise Refused(words, fields={"category_id": words})
    return category_id


def _open_rooms(viewer: Viewer) -> list[CategoryCard]:
    rooms = [room for room in forum.categories(viewer) if not room.is_archived]
    return sorted(rooms, key=lambda room: (room.access, room.position, room.id))


def _made_for(kind: str, rooms: Sequence[CategoryCard]) -> list[CategoryCard]:
    return [room for room in rooms if room.default_kind == kind]


def _is_special(room: CategoryCard) -> tuple[int, bool]:
    """Rooms of ideas and releases come last for anything else, private ones later still."""
    return (room.access, room.default_kind not in ("question", "discussion"))
