"""One post as JSON or CSV gives it: the documented fields, and a plain reason when a row does not fit."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from flask_babel import gettext as _
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from listening.connectors.item import MAX_HTML, MAX_LINK, MAX_TEXT, Item, safe_link

COLUMNS: Final = (
    "id", "url", "title", "text", "author_name", "author_id", "author_url", "published_at", "language",
)  # fmt: skip


def _id(value: Any) -> Any:
    """Numbers are ids too; everything else must be text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _link(value: str) -> str:
    if value.strip() and not safe_link(value):
        raise ValueError(_("must begin with https:// or http://"))
    return value.strip()


def _moment(value: Any) -> Any:
    """ISO 8601; without a zone it is UTC."""
    if value in ("", None):
        return None
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if moment is None or not 1970 < moment.year < 9999:
            raise ValueError
    except ValueError:
        raise ValueError(_("is not a time like 2026-03-01T12:00:00Z")) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Link = Annotated[str, Field(max_length=MAX_LINK), AfterValidator(_link)]


class Row(BaseModel):
    """A post in a file. Unknown fields are refused: a misspelt name would lose data without a word."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, BeforeValidator(_id), Field(max_length=300)] = ""
    url: Link = ""
    title: Annotated[str, Field(max_length=300)] = ""
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    author_name: Annotated[str, Field(max_length=120)] = ""
    author_id: Annotated[str, BeforeValidator(_id), Field(max_length=300)] = ""
    author_url: Link = ""
    published_at: Annotated[datetime | None, BeforeValidator(_moment)] = None
    language: Annotated[str, Field(max_length=10)] = ""

    def item(self, html: str = "") -> Item:
        """The post in the one shape."""
        return Item(
            external_id=self.id,
            url=self.url,
            title=self.title,
            text=self.text,
            html=html,
            author_name=self.author_name,
            author_external_id=self.author_id,
            author_url=self.author_url,
            published_at=self.published_at,
            language=self.language,
        )


class HookRow(Row):
    """A post sent by a program, which may bring HTML too."""

    html: Annotated[str, Field(max_length=MAX_HTML)] = ""


def read_row(model: type[Row], values: dict[str, Any]) -> Item | str:
    """The post, or the reason why it is none."""
    try:
        row = model.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as problem:
        return _reason(problem.errors(include_url=False)[0])
    html = row.html if isinstance(row, HookRow) else ""
    if not row.text.strip() and not html.strip():
        return _("The field “text” is empty.")
    return row.item(html)


def _reason(error: ErrorDetails) -> str:
    name = str(error["loc"][0])[:60] if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return _("There is no field “%(name)s”. Known are: %(known)s.", name=name, known=", ".join(COLUMNS))
    return _("The field “%(name)s” %(problem)s.", name=name, problem=_problem(error))


def _problem(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error", "")) or _("cannot be used")
    if kind == "string_too_long":
        return _("has more than %(number)s characters", number=context.get("max_length"))
    return _("must be text")
