"""What the administration answers to the seams, and does by itself: which file is the logo, dropping old receipts."""

from datetime import timedelta

from core import files, outbox
from core.db import writing
from core.outbox.receipts import AT_ONCE
from core.site import site
from core.worker import every


@files.holder
def holds_logo(key: str) -> bool:
    """Whether a stored file is the site's logo."""
    return bool(key) and key == site().logo_key


@every(timedelta(hours=24), name="admin.sweep_receipts")
def sweep_receipts() -> None:
    """Receipts of what was done a month ago serve nobody; a few at a time, so that nobody waits."""
    dropped = AT_ONCE
    while dropped == AT_ONCE:
        with writing():
            dropped = outbox.sweep()
