"""What people type about releases."""

from pydantic import Field

from core.forms import Form, Line, Prose
from core.text import Rendered, render


class ReleaseForm(Form):
    """A release's words."""

    title: Line = Field(min_length=3, max_length=150)
    version: Line = Field(default="", max_length=40)
    body: Prose = Field(default="", max_length=32_000)

    @property
    def rendered(self) -> Rendered:
        """The notes as they will be shown."""
        return render(self.body)
