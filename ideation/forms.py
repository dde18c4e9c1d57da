"""What people type about ideas; Markdown is rendered here, before a write transaction opens."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from core import text
from core.errors import Refused
from core.forms import Form, Line, Prose
from core.text import Rendered
from forum.forms import BODY_LENGTH, Tags, tag_names

DRAFT: Final = "idea"
Id = Annotated[int, Field(ge=1, lt=2**53)]


class Written(Form):
    """Something with a text in Markdown."""

    body: Prose

    def rendered(self) -> Rendered:
        """The text as it will be stored. Raises Refused at the field."""
        try:
            return text.render(self.body)
        except Refused as refused:
            raise Refused(refused.message, fields={"body": refused.message}) from refused


class WishForm(Written):
    """A wish in one line and in full."""

    title: Line = Field(min_length=8, max_length=200)
    body: Prose = Field(min_length=10, max_length=BODY_LENGTH)
    category_id: Id | None = None


class IdeaForm(WishForm):
    """A new idea; `step` look asks for similar ones and a preview first."""

    tags: Annotated[Tags, AfterValidator(lambda value: " ".join(tag_names(value)))] = ""
    step: Literal["raise", "look"] = "raise"

    def tag_list(self) -> tuple[str, ...]:
        """The checked names."""
        return tuple(self.tags.split())


class TurnForm(WishForm):
    """A thread becomes an idea."""


class LinkForm(Form):
    """An idea that stands already."""

    idea_id: Id


class VoteForm(Form):
    """The vote as it shall stand: a second click on an old page cannot undo by accident."""

    vote: Literal["1", "0"]


class StatusForm(Form):
    """Where an idea stands, with the public reason."""

    status: Line = Field(max_length=16)
    reason: Prose = Field(default="", max_length=1_000)
