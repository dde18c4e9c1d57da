"""What people type about sources, mentions and replies."""

from typing import Annotated, Literal

from flask_babel import gettext as _
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from core.forms import Form, Line, Prose, WebAddress
from forum.forms import tag_names
from listening.models import FEED, NEW, UPLOAD, WEBHOOK

KINDS = (FEED, WEBHOOK, UPLOAD)
# How often a feed is looked at, in minutes.
PERIODS = (5, 15, 30, 60, 180, 720, 1440)


def _period(value: int) -> int:
    if value not in PERIODS:
        raise ValueError(_("Please choose one of the given values."))
    return value


class SourceForm(Form):
    """A source as its page asks for it."""

    name: Line = Field(min_length=2, max_length=80)
    channel: Line = Field(default="Web", min_length=2, max_length=40)
    kind: Literal["feed", "webhook", "upload"] = "feed"
    url: WebAddress = Field(default="", max_length=500, validate_default=True)
    reply_url: WebAddress = Field(default="", max_length=500)
    every_minutes: Annotated[int, AfterValidator(_period)] = 15

    @field_validator("url")
    @classmethod
    def _needs_address(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("kind") == FEED:
            raise ValueError(_("Please fill this in."))
        return value


class ThreadForm(Form):
    """A mention becomes a thread."""

    category_id: int
    title: Line = Field(min_length=4, max_length=200)
    tags: Line = Field(default="", max_length=300)
    seen: Line = Field(default=NEW, max_length=10)

    @field_validator("tags")
    @classmethod
    def _are_tags(cls, value: str) -> str:
        return " ".join(tag_names(value))

    @property
    def names(self) -> tuple[str, ...]:
        """The tags one by one."""
        return tuple(self.tags.split())


class LinkForm(Form):
    """A mention supports an idea."""

    idea_id: int
    seen: Line = Field(default=NEW, max_length=10)


class IdeaForm(Form):
    """A mention becomes an idea."""

    title: Line = Field(min_length=8, max_length=200)
    category_id: int | None = None
    seen: Line = Field(default=NEW, max_length=10)


class SeenForm(Form):
    """What the actor looked at when deciding."""

    seen: Line = Field(default=NEW, max_length=10)


class SeveralForm(Form):
    """The posts that were chosen in a list, or all that it showed."""

    mention_id: list[int] = Field(default_factory=list, max_length=100)
    shown: list[int] = Field(default_factory=list, max_length=100)
    which: Literal["chosen", "shown"] = "chosen"

    @property
    def ids(self) -> list[int]:
        """Which posts are meant."""
        return self.shown if self.which == "shown" else self.mention_id


class ReplyForm(Form):
    """The words of a reply."""

    body: Prose = Field(min_length=1, max_length=5000)


class PostedForm(Form):
    """Where a reply stands that was posted by hand."""

    url: WebAddress = Field(max_length=500)


class SettleForm(Form):
    """What somebody found out about a reply nobody could tell of."""

    outcome: Literal["arrived", "lost"]
    url: WebAddress = Field(default="", max_length=500)


class RefusalForm(Form):
    """Why a person is not to be contacted."""

    note: Line = Field(default="", max_length=300)
