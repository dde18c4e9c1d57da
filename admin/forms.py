"""What owners type into the administration."""

from pydantic import Field

from core.forms import Form, Line


class SiteForm(Form):
    """Name and colours of the community."""

    name: Line = Field(min_length=2, max_length=60)
    tagline: Line = Field(default="", max_length=160)
    brand_hue: int = Field(default=262, ge=0, le=360)
    brand_chroma: float = Field(default=0.16, ge=0.0, le=0.3)


class CategoryForm(Form):
    """A room of the forum."""

    name: Line = Field(min_length=2, max_length=60)
    description: Line = Field(default="", max_length=300)
    access: int = Field(default=0, ge=0, le=2)
    default_kind: Line = Field(default="question", pattern="^(question|discussion|idea|release)$")


class RoleForm(Form):
    """A role to give or take."""

    handle: Line = Field(max_length=40)
    role: Line = Field(max_length=20)


class InvitationForm(Form):
    """Somebody to invite."""

    email: Line = Field(max_length=254)
    roles: list[Line] = Field(default_factory=lambda: ["customer"])


class BanForm(Form):
    """Why and for how many days."""

    reason: Line = Field(min_length=3, max_length=500)
    days: int = Field(default=7, ge=1, le=3650)
