"""What the administration answers to the seams: which file is the logo."""

from core import files
from core.site import site


@files.holder
def holds_logo(key: str) -> bool:
    """Whether a stored file is the site's logo."""
    return bool(key) and key == site().logo_key
