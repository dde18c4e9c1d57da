"""What people type about releases."""

from typing import Final

from pydantic import Field

from core.forms import Form, Line, Prose
from forum.forms import BODY_LENGTH
from ideation.forms import Id, Written

DRAFT: Final = "release"


class ReleaseForm(Written):
    """A release's words."""

    title: Line = Field(min_length=3, max_length=150)
    version: Line = Field(default="", max_length=40)
    body: Prose = Field(default="", max_length=BODY_LENGTH)


class ShippingForm(Form):
    """Which idea."""

    idea_id: Id


class ChoiceForm(Form):
    """Which release; none means a new one."""

    release_id: Id | None = None
