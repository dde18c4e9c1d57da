"""What the company calls its community and how it looks: a few stored values, shown on every page."""

import time
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.config import settings
from core.context import here
from core.db import BigId, Model, after_commit, db, glance, upsert
from core.viewer import Viewer

_KEY = "fullcircle.site"
_SECONDS = 5.0


class SiteValue(Model):
    """One stored value of the site, who set it and when."""

    __tablename__ = "site_value"
    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(BigId)


@dataclass(frozen=True)
class Site:
    """The values with their defaults. Colours are a hue (0-360) and a chroma (0-0.3) that the tokens build on."""

    name: str = "Fullcircle"
    tagline: str = ""
    logo_key: str = ""
    brand_hue: str = "262"
    brand_chroma: str = "0.16"
    welcome: str = ""
    is_demo: str = ""

    @property
    def url(self) -> str:
        """The public address."""
        return settings().site_url

    @property
    def logo_url(self) -> str:
        """Where the logo is served, empty when the mark stands in."""
        return f"/site/logo/{self.logo_key}" if self.logo_key else ""

    @property
    def brand_url(self) -> str:
        """Where the brand's tokens are served, empty while the colours are the product's own."""
        own = (Site.brand_hue, Site.brand_chroma)
        return (
            ""
            if (self.brand_hue, self.brand_chroma) == own
            else f"/site/brand-{self.brand_hue}-{self.brand_chroma}.css"
        )


def site() -> Site:
    """The site's values; a process sees a change of another within five seconds."""
    extensions = here().app.extensions
    kept: tuple[float, Site] | None = extensions.get(_KEY)
    if kept and time.monotonic() - kept[0] < _SECONDS:
        return kept[1]
    known = {f.name for f in fields(Site)}
    stored = {r.name: r.value for r in glance(sa.select(SiteValue.name, SiteValue.value)) if r.name in known}
    found = Site(**({"name": settings().site_name} | stored))
    extensions[_KEY] = (time.monotonic(), found)
    return found


def forget() -> None:
    """Read the values anew at the next question: the database was replaced."""
    current_app.extensions.pop(_KEY, None)


def set_site(actor: Viewer, **values: str) -> None:
    """Store values in the current transaction. The caller has asked its policy."""
    for name, value in values.items():
        change = {"value": value, "changed_at": clock.now(), "changed_by_id": actor.id}
        upsert(SiteValue.__table__, {"name": name} | change, key=["name"], change=change)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    after_commit(lambda: app.extensions.pop(_KEY, None) and None)
    app.extensions.pop(_KEY, None)


def stored(name: str) -> str:
    """A stored value read afresh, empty when there is none (for values that are no part of `Site`)."""
    return str(db.session.execute(sa.select(SiteValue.value).where(SiteValue.name == name)).scalar() or "")
