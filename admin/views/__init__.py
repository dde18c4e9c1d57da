"""Every route of the desk and the administration, by subject."""

from admin.views import desk, mail, operations, site
from admin.views.base import blueprint

__all__ = ["blueprint", "desk", "mail", "operations", "site"]
