"""The few errors of the product; `core/web.py` alone renders them, for HTML and for JSON."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l


class ProductError(Exception):
    """A refusal that a person can read. `status` is the HTTP status it is shown with; a page without a message
    gives the `advice`."""

    status = 400
    title: str | LazyString = _l("That did not work")
    advice: str | LazyString = ""

    def __init__(self, message: str = "", *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or {}


class NotFound(ProductError):
    """It does not exist, or the viewer may not know that it does."""

    status = 404
    title = _l("Not found")
    advice = _l(
        "There is nothing here, or it is not shown to you. Perhaps it was moved or deleted: a search may find it."
    )


class Gone(NotFound):
    """It was deleted, and whoever wrote it asks: the message says by whom and why."""

    status = 410
    title = _l("Deleted")


class Forbidden(ProductError):
    """The viewer may see it but not do this to it."""

    status = 403
    title = _l("Not allowed")
    advice = _l(
        "Your account may not open or do this. If you think that it should, please write to the team."
    )


class SignInRequired(Forbidden):
    """A visitor asked for what members may do; a browser is sent to the sign-in page."""

    status = 401
    title = _l("Please sign in")


class Refused(ProductError):
    """The input or the moment is wrong: the message says what and how to mend it."""

    status = 422
    title = _l("Please check this")


class Conflict(ProductError):
    """Someone else was faster; the message says what stands now."""

    status = 409
    title = _l("Nothing was changed")


class Unavailable(ProductError):
    """A part the answer needs is down for the moment; `retry_after` is in seconds."""

    status = 503
    title = _l("Please try again in a moment")
    retry_after = 10


def require(allowed: bool, message: str | LazyString = "") -> None:
    """Stop with Forbidden unless a policy said yes: the first line of every action."""
    if not allowed:
        raise Forbidden(str(message))
