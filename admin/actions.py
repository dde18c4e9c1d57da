"""Writes of the administration that belong to no other feature: the site's name and brand, dead letters."""

from collections.abc import Sequence

from admin import policy
from admin.forms import SiteForm
from core import files, outbox
from core.db import after_commit
from core.errors import require
from core.files import Picture
from core.site import set_site, site
from core.viewer import Viewer


def name_site(actor: Viewer, form: SiteForm) -> None:
    """Name, line and colours, on every page at once."""
    require(policy.may_administer(actor))
    hue, chroma = str(form.brand_hue), f"{form.brand_chroma:g}"
    set_site(actor, name=form.name, tagline=form.tagline, brand_hue=hue, brand_chroma=chroma)


def set_logo(actor: Viewer, picture: Picture | None) -> None:
    """Show this picture instead of the mark, or the mark again (None). The former logo's file goes."""
    require(policy.may_administer(actor))
    former = site().logo_key
    key = files.put(picture.data, picture.content_type) if picture else ""
    set_site(actor, logo_key=key)
    if former and former != key:
        after_commit(lambda: files.delete(former))


def replay_letters(actor: Viewer, delivery_ids: Sequence[int]) -> int:
    """Try dead letters of the outbox again. Returns how many."""
    require(policy.may_administer(actor))
    return outbox.replay(delivery_ids)
