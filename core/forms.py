"""Parsing what people type: pydantic models over HTML forms and JSON, errors in the reader's words, field by field."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_origin
from urllib.parse import urlsplit

from flask import render_template, request
from flask_babel import gettext as _
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.datastructures import MultiDict

from core.errors import Refused

_LISTS = (list, tuple, set, frozenset)
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
# Marks that turn the direction of the text behind them, or cannot be seen: a name may not carry them.
_HIDDEN = re.compile("[\u00ad\u200b\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


class Form(BaseModel):
    """Base of every form: unknown fields are passed over, so that nobody can set what the form does not ask for."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


F = TypeVar("F", bound=BaseModel)


def parse(model: type[F], source: "MultiDict[str, str] | Mapping[str, Any]") -> F:
    """The checked form. An empty field counts as not sent. Raises Refused with `fields` {name: what to mend}."""
    given = _of_form(model, source) if isinstance(source, MultiDict) else dict(source)
    try:
        return model.model_validate(given)
    except ValidationError as problem:
        raise Refused(_("Please check the marked fields."), fields=_field_errors(problem)) from None


def _of_form(model: type[BaseModel], source: "MultiDict[str, str]") -> dict[str, Any]:
    """One value for each plain field, all values for a list; a plain field sent twice is refused."""
    given: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        values = [value for value in source.getlist(key) if value != ""]
        if get_origin(info.annotation) in _LISTS:
            given[key] = values
        elif len(values) > 1:
            raise Refused(
                _("Please check the marked fields."), fields={key: _("This was sent more than once.")}
            )
        elif values:
            given[key] = values[0]
    return given


def errors_of(refused: Refused) -> dict[str, str]:
    """What a template's `error_summary` shows: errors by field, or the whole form's under the empty name."""
    return refused.fields or {"": refused.message}


def shown_again(template: str, refused: Refused, **values: Any) -> tuple[str, int]:
    """The page of a refused form: what was typed stays (as `typed`), what is wrong is told (as `errors`)."""
    page = render_template(template, typed=request.form, errors=errors_of(refused), **values)
    return page, refused.status


def _field_errors(problem: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for error in problem.errors(include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        found.setdefault(name, _words(error))
    return found


def _words(error: ErrorDetails) -> str:
    """One sentence that says what to mend."""
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error", "")) or _("This cannot be used.")
    if kind == "missing" or (kind == "string_too_short" and not error["input"]):
        return _("Please fill this in.")
    if kind.startswith("string_too_"):
        return _length_words(context)
    if kind in ("too_long", "too_short"):
        return _("That is too many or too few.")
    return _value_words(kind, context)


def _length_words(context: Mapping[str, Any]) -> str:
    if "min_length" in context:
        return _("At least %(number)s characters, please.", number=context["min_length"])
    return _("At most %(number)s characters, please.", number=context["max_length"])


def _value_words(kind: str, context: Mapping[str, Any]) -> str:
    if kind in ("literal_error", "enum"):
        return _("Please choose one of the given values.")
    if kind in ("greater_than_equal", "greater_than"):
        return _("This is too small: at least %(number)s.", number=context.get("ge", context.get("gt")))
    if kind in ("less_than_equal", "less_than"):
        return _("This is too large: at most %(number)s.", number=context.get("le", context.get("lt")))
    if kind.startswith(("int", "float", "decimal", "finite")):
        return _("This must be a number.")
    if kind.startswith(("date", "time")):
        return _("This is not a date or time.")
    return _("This cannot be used.")


def _clean_line(value: Any) -> Any:
    """One line: NFC, controls and line ends as blanks, hidden marks gone, runs of blanks one."""
    if not isinstance(value, str):
        return value
    text = _HIDDEN.sub("", unicodedata.normalize("NFC", value))
    return " ".join("".join(" " if unicodedata.category(c) in _CONTROLS else c for c in text).split())


def _clean_prose(value: Any) -> Any:
    """Text of many lines: line ends as \\n, no other controls, no half characters, no blanks at the ends."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", "".join(kept)).strip("\n").rstrip()


# Types of text: `title: Line = Field(min_length=3, max_length=150)`. Lengths are counted after cleaning.
Line = Annotated[str, BeforeValidator(_clean_line)]
Prose = Annotated[str, BeforeValidator(_clean_prose)]


def _email(value: str) -> str:
    """Lower case, plain ASCII: two spellings of one mailbox are one account."""
    from email_validator import EmailNotValidError, validate_email

    # Some mail servers decode "=?" inside an address and would deliver elsewhere than was checked.
    if len(value) > 254 or "=?" in value:
        raise ValueError(_("This is not an e-mail address."))
    try:
        found = validate_email(
            value, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
        )
    except EmailNotValidError:
        raise ValueError(_("This is not an e-mail address.")) from None
    return (found.ascii_email or "").lower()


def one_line(text: str) -> str:
    """Text from elsewhere as the type Line cleans it."""
    return str(_clean_line(text))


def web_address(text: str, most: int) -> str:
    """A web address from elsewhere; empty when it is none or has more than `most` characters."""
    try:
        address = _web_address(one_line(text))
    except ValueError:
        return ""
    return address if len(address) <= most else ""


Email = Annotated[str, BeforeValidator(_clean_line), AfterValidator(_email)]


def _web_address(value: str) -> str:
    """http or https with a host and nothing hidden; empty stays empty."""
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        is_good = False
    if not is_good or re.search(r"[\s\"'<>\\^`{|}]", value):
        raise ValueError(_("Please give an address that begins with https:// or http://."))
    return value


WebAddress = Annotated[str, BeforeValidator(_clean_line), AfterValidator(_web_address)]
