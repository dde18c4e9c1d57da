"""What owners type into the administration."""

from typing import Annotated

from pydantic import Field

from core.forms import Form, Line


class SiteForm(Form):
    """Name and colours of the community."""

    name: Annotated[Line, Field(min_length=2, max_length=60)]
    tagline: Annotated[Line, Field(max_length=160)] = ""
    brand_hue: Annotated[int, Field(ge=0, le=360)] = 262
    brand_chroma: Annotated[float, Field(ge=0.0, le=0.3, allow_inf_nan=False)] = 0.16
    drop_logo: bool = False
