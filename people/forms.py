"""What people type about themselves and others: signing in, registering, profile, invitations, bans."""

import re
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

from flask_babel import gettext as _
from pydantic import AfterValidator, BeforeValidator, Field

from core import clock
from core.config import settings
from core.forms import Email, Form, Line, Prose, WebAddress
from core.text import Rendered, render
from core.viewer import ROLES
from people.accounts import RESERVED
from people.passwords import LONGEST
from people.words import zone_options

# Longer input than any password may be is refused before it is hashed; the rule itself is told by people.passwords.
Password = Annotated[str, Field(max_length=4 * LONGEST)]
LONGEST_BIO: Final = 2000
LONGEST_BAN_DAYS: Final = 3650


def _handle(value: str) -> str:
    """Lower-case letters, digits, - and _; begins with a letter or digit."""
    handle = value.lower().removeprefix("@")
    if handle and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{1,39}", handle):
        raise ValueError(_("Use 2 to 40 letters (a to z), digits, - or _."))
    if handle in RESERVED:
        raise ValueError(_("This handle is kept for the house."))
    return handle


Handle = Annotated[Line, AfterValidator(_handle)]


class SignIn(Form):
    """Address and password; `remember` asks for the longer session."""

    email: Line = Field(max_length=254)
    password: Password
    remember: bool = False

    @property
    def address(self) -> str:
        """The e-mail address as accounts hold it."""
        return self.email.lower()


class Again(Form):
    """The password once more."""

    password: Password


@cache
def _zones() -> frozenset[str]:
    return frozenset(key for key, _name in zone_options())


def _zone_or_none(value: str) -> str:
    """What a browser said of itself; nobody is stopped by a zone that we do not know."""
    return value if value in _zones() else ""


BrowserZone = Annotated[Line, AfterValidator(_zone_or_none)]


class Registration(Form):
    """A new account. The handle comes with the proof of the address: a taken one must not tell of addresses."""

    name: Line = Field(min_length=2, max_length=60)
    email: Email
    password: Password


class Confirmation(Form):
    """The handle; an empty one stays as the product made it from the name."""

    handle: Handle = ""
    timezone: BrowserZone = ""


class Acceptance(Form):
    """What an invited person chooses; the address is the invitation's."""

    name: Line = Field(min_length=2, max_length=60)
    handle: Handle = ""
    password: Password
    timezone: BrowserZone = ""


class Setup(Registration):
    """The first owner, with the token from the terminal."""

    handle: Handle = ""
    token: Line = Field(max_length=100)
    timezone: BrowserZone = ""


class Address(Form):
    """An e-mail address to send something to."""

    email: Email


class NewPassword(Form):
    """A password chosen after a reset link."""

    password: Password


class PasswordChange(Form):
    """The password now and the one to come."""

    current: Password
    password: Password


def _bio(value: Any) -> Rendered:
    """Rendered here, before any transaction is open."""
    if not isinstance(value, str):
        raise ValueError(_("This cannot be used."))
    if len(value) > LONGEST_BIO:
        raise ValueError(_("At most %(number)s characters, please.", number=LONGEST_BIO))
    return render(value)


def _empty_bio() -> Rendered:
    return Rendered("", "", 0, "markdown")


def _time_zone(value: str) -> str:
    if value and value not in _zones():
        raise ValueError(_("Please choose one of the given values."))
    return value


def _locale(value: str) -> str:
    if value and value not in settings().language_list:
        raise ValueError(_("Please choose one of the given values."))
    return value


class Profile(Form):
    """What others see of a person, and how the site speaks to them."""

    name: Line = Field(min_length=2, max_length=60)
    bio: Annotated[Rendered, BeforeValidator(_bio)] = Field(default_factory=_empty_bio)
    location: Line = Field(default="", max_length=80)
    company: Line = Field(default="", max_length=80)
    website: WebAddress = Field(default="", max_length=200)
    timezone: Annotated[Line, AfterValidator(_time_zone)] = ""
    locale: Annotated[Line, AfterValidator(_locale)] = ""


class Theme(Form):
    """Light, dark, or as the device says."""

    theme: Literal["light", "dark", "system"]


class Language(Form):
    """One of the languages offered; empty follows the browser."""

    locale: Annotated[Line, AfterValidator(_locale)] = ""


class Invitation(Form):
    """An address and the roles it will have."""

    email: Email
    roles: list[Literal[ROLES]] = Field(default=["customer"], max_length=len(ROLES))  # type: ignore[valid-type]


class Role(Form):
    """One role."""

    role: Literal[ROLES]  # type: ignore[valid-type]


def _ban_end(value: date) -> date:
    days = (value - clock.now().date()).days
    if not 0 < days <= LONGEST_BAN_DAYS:
        raise ValueError(_("Please choose a day after today, within ten years."))
    return value


class Ban(Form):
    """Why somebody is shut out, and the day it ends."""

    reason: Prose = Field(min_length=3, max_length=500)
    until: Annotated[date, AfterValidator(_ban_end)]

    @property
    def end(self) -> datetime:
        """The beginning of that day in UTC."""
        return datetime(self.until.year, self.until.month, self.until.day, tzinfo=UTC)


class Linking(Form):
    """Which member somebody from outside is, and how they showed it."""

    member: Annotated[Line, AfterValidator(lambda value: value.removeprefix("@"))] = Field(max_length=41)
    proof: Prose = Field(min_length=3, max_length=300)


class Search(Form):
    """Part of a name or handle, and where the page before ended."""

    q: Line = Field(default="", max_length=60)
    after: Line = Field(default="", max_length=30)
