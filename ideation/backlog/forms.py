"""What people type about the backlog."""

from pydantic import Field

from core.forms import Form, Line, Prose, WebAddress


class ItemForm(Form):
    """Work in the team's tracker."""

    title: Line = Field(min_length=3, max_length=200)
    tracker_url: WebAddress = Field(default="", max_length=500)


class ReopeningForm(Form):
    """Why work is not done after all."""

    reason: Prose = Field(min_length=3, max_length=300)
