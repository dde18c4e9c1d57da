"""What people type about ideas; Markdown is rendered here, before a write transaction opens."""

from pydantic import Field

from core.forms import Form, Line, Prose
from core.text import Rendered, render


class IdeaForm(Form):
    """A new idea."""

    title: Line = Field(min_length=8, max_length=200)
    body: Prose = Field(min_length=10, max_length=32_000)
    category_id: int | None = None

    @property
    def rendered(self) -> Rendered:
        """The body as it will be shown."""
        return render(self.body)


class StatusForm(Form):
    """Where an idea stands, with the public reason."""

    status: Line = Field(max_length=16)
    reason: Prose = Field(default="", max_length=1000)


class EvidenceForm(Form):
    """A post of ours as evidence."""

    post_id: int


class TurnForm(Form):
    """A thread becomes an idea."""

    title: Line = Field(min_length=8, max_length=200)
    body: Prose = Field(min_length=10, max_length=32_000)

    @property
    def rendered(self) -> Rendered:
        """The body as it will be shown."""
        return render(self.body)
