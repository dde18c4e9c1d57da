"""The field's words for where an idea stands, in the reader's language."""

from flask_babel import gettext as _


def status_label(status: str) -> str:
    """What a status is called."""
    return {
        "open": _("Open"),
        "under_review": _("Under review"),
        "planned": _("Planned"),
        "in_progress": _("In progress"),
        "shipped": _("Shipped"),
        "declined": _("Declined"),
    }.get(status, status)
