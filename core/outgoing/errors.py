"""The two ways an outgoing call ends without an answer; each message is fit to be shown to an admin."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.errors import ProductError, Refused


class OutgoingRefused(Refused):
    """This address may not be called; calling again changes nothing."""


class OutgoingFailed(ProductError):
    """The call was made and brought no usable answer; a later one may."""

    status = 502
    title = _l("The other site did not answer as expected")
    nothing_sent = False  # True: it ended before the first byte of the request, so nothing happened there


def broken(host: str) -> OutgoingFailed:
    """The other side ended the talk or talked nonsense."""
    return OutgoingFailed(_("%(host)s broke off or did not speak proper HTTP.", host=host))


def too_large(limit: int) -> OutgoingFailed:
    """More than `limit` bytes."""
    return OutgoingFailed(_("The answer is larger than %(size)s kB.", size=limit // 1000))
