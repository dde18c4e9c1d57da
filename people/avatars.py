"""Faces: an uploaded picture becomes a small square, kept under the hash of its content."""

import io
from typing import Final

from core import files

SIDE: Final = 256  # pixels


def square(data: bytes) -> tuple[bytes, str]:
    """The middle of a picture as a square, with its content type. Raises Refused for what is no picture."""
    from PIL import Image, ImageOps

    accepted = files.accept_picture(data)
    with Image.open(io.BytesIO(accepted.data)) as image:
        has_holes = image.has_transparency_data
        fitted = ImageOps.fit(
            image.convert("RGBA" if has_holes else "RGB"), (SIDE, SIDE), Image.Resampling.LANCZOS
        )
    out = io.BytesIO()
    if has_holes:
        fitted.save(out, "PNG", optimize=True)
        return out.getvalue(), "image/png"
    fitted.save(out, "JPEG", quality=88, progressive=True)
    return out.getvalue(), "image/jpeg"
