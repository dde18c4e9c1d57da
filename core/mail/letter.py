"""Letters and how they become messages that no name or subject can break out of."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.header import Header
from email.headerregistry import (
    Address,
    BaseHeader,
    HeaderRegistry,
    UniqueSingleAddressHeader,
    UnstructuredHeader,
)
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import clock
from core.errors import ProductError, Refused

MAX_SUBJECT: Final = 200  # characters
MAX_NAME: Final = 80
_PUBLIC: Final = ".example.com"

# A letter's frame is built here alone; a caller may add headers beside it, never in its place.
_FRAME: Final = frozenset(
    {
        *("from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "received", "date", "message-id"),
        *("subject", "mime-version", "content-type", "content-transfer-encoding", "auto-submitted"),
        *("list-unsubscribe", "list-unsubscribe-post"),
    }
)
_BLANK: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, half characters, line and paragraph ends
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,120}(@[A-Za-z0-9][A-Za-z0-9.-]{0,120})?")


class _Words(UnstructuredHeader, BaseHeader):
    """A header of free text. The library's own folding loses blanks between words that are not ASCII."""

    def fold(self, *, policy: Policy) -> str:
        if self.isascii():
            return str(super().fold(policy=policy))
        return f"{self.name}: {_encoded(str(self), self.name, policy.linesep)}{policy.linesep}"


class _OneAddress(UniqueSingleAddressHeader, BaseHeader):  # type: ignore[misc]  # meant to be mixed so
    """A header of one address, its name folded like free text."""

    def fold(self, *, policy: Policy) -> str:
        name = self.address.display_name
        if name.isascii():
            return str(super().fold(policy=policy))
        words = _encoded(name, self.name, policy.linesep)
        return f"{self.name}: {words}{policy.linesep} <{self.address.addr_spec}>{policy.linesep}"


class _Whole(UnstructuredHeader, BaseHeader):
    """A header that programs read: in one piece, where the library would write a long one as encoded words."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _encoded(text: str, header: str, line_end: str) -> str:
    return Header(text, header_name=header, maxlinelen=76).encode(linesep=line_end)


def _headers() -> HeaderRegistry:
    registry = HeaderRegistry(default_class=_Words)
    registry.map_to_type("from", _OneAddress)
    registry.map_to_type("to", _OneAddress)
    registry.map_to_type("subject", _Words)
    registry.map_to_type("list-unsubscribe", _Whole)
    return registry


POLICY: Final = SMTP.clone(cte_type="7bit", header_factory=_headers())


class MailRefused(Refused):
    """This letter can never be delivered as it is: trying again changes nothing."""


class MailFailed(ProductError):
    """The mail server did not take the letter this time."""

    status = 503
    title = _l("Mail could not be sent")


@dataclass(frozen=True)
class Letter:
    """A letter to one address. `message_id` is the caller's lasting name for it: same letter, same id.

    `to` is an address or `Name <address>`; `list_unsubscribe` the https address of one-click unsubscribing.
    """

    to: str
    subject: str
    text: str
    html: str | None = None
    message_id: str = field(kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    list_unsubscribe: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Post:
    """A letter made ready: the recipient's bare address, the lasting key, and the message."""

    key: str
    sender: str
    recipient: str
    message: EmailMessage


def one_line(text: str, limit: int) -> str:
    """Text fit for a header: line ends and other controls become spaces, runs of blanks one, cut at `limit`.

    Marks that turn the direction of writing go, and `=?`, which would begin an encoded word, is taken apart.
    """
    spaced = "".join(" " if unicodedata.category(c) in _BLANK or c in _TURNS else c for c in text)
    return " ".join(spaced.replace("=?", "= ?").split())[:limit].rstrip()


def unlinked(text: str) -> str:
    """A name for use in text mail: mail programs make no link of it, however much it looks like an address.

    An invisible word joiner goes behind each dot, colon, slash and @ that touches a letter or digit.
    """
    return re.sub(
        r"(?<=\w)([.:/@])(?=[\w/])|([/:@])(?=\w)", "\\g<0>\N{WORD JOINER}", one_line(text, MAX_NAME)
    )


def checked(address: str) -> str:
    """The address in its plain form. Raises MailRefused. Whether mail arrives there only mail can tell."""
    from email_validator import EmailNotValidError, validate_email

    try:
        # Judged under a public domain: the library refuses names of closed networks such as desk.local.
        found = validate_email(address + _PUBLIC, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise _no_address(address) from None
    # Some mail servers decode this form inside an address and so deliver elsewhere than was checked.
    if "=?" in address or found.ascii_email is None:
        raise _no_address(address)
    return found.ascii_email.removesuffix(_PUBLIC)


def _no_address(text: str) -> MailRefused:
    return MailRefused(_("%(address)s is not a mail address.", address=one_line(text, 100)))


def build(letter: Letter, sender: Address) -> Post:
    """The message as it will be sent. Raises MailRefused for a recipient that is no address."""
    name, bare = _recipient(letter.to)
    message_id = _message_id(letter.message_id, sender.domain)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = Address(display_name=name, addr_spec=bare)
    message["Subject"] = one_line(letter.subject, MAX_SUBJECT)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    for header, value in _extra_headers(letter).items():
        message[header] = value
    message.set_content(letter.text)
    if letter.html is not None:
        message.add_alternative(letter.html, subtype="html")
    return Post(key_of(message_id), sender.addr_spec, bare, message)


def _recipient(to: str) -> tuple[str, str]:
    """Name and bare address. The last `<` begins the address, so a name cannot bring a second one."""
    name, found, rest = to.rpartition("<")
    if not found:
        return "", checked(to.strip())
    return one_line(name.strip().strip('"'), MAX_NAME), checked(rest.strip().removesuffix(">"))


def _extra_headers(letter: Letter) -> dict[str, str]:
    headers = {name: one_line(value, 900) for name, value in letter.headers.items()}
    for name in headers:
        if name.lower() in _FRAME or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"a letter's {name!r} header is not the caller's to set")
    if letter.list_unsubscribe:
        # RFC 8058: mail programs show one button and post to this address.
        headers["List-Unsubscribe"] = f"<{one_line(letter.list_unsubscribe, 900)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _message_id(name: str, domain: str) -> str:
    """The caller's name as a Message-ID; unusual ones are hashed, so that two never fall together."""
    bare = name.strip().removeprefix("<").removesuffix(">")
    if not bare:
        raise ValueError("a letter needs a message id")
    if not _PLAIN_ID.fullmatch(bare):
        bare = hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"<{bare}>" if "@" in bare else f"<{bare}@{domain}>"


def key_of(message_id: str) -> str:
    """The lasting key of a letter, made from its Message-ID: 32 hex digits."""
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]
