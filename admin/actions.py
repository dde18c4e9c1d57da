"""Writes of the administration that belong to no other feature: the site's name and brand, dead letters."""

from collections.abc import Sequence

from admin import policy
from core import files, outbox
from core.errors import require
from core.files import Picture
from core.site import set_site
from core.viewer import Viewer


def name_site(actor: Viewer, *, name: str, tagline: str, brand_hue: int, brand_chroma: float) -> None:
    """Name, line and colours, on every page at once."""
    require(policy.may_administer(actor))
    set_site(actor, name=name, tagline=tagline, brand_hue=str(brand_hue), brand_chroma=f"{brand_chroma:g}")


def set_logo(actor: Viewer, picture: Picture) -> None:
    """Show this picture instead of the mark."""
    require(policy.may_administer(actor))
    set_site(actor, logo_key=files.put(picture.data, picture.content_type))


def replay_letters(actor: Viewer, delivery_ids: Sequence[int]) -> int:
    """Try dead letters of the outbox again."""
    require(policy.may_administer(actor))
    return outbox.replay(delivery_ids)
