"""Pictures from people: judged by what they are and drawn anew, free of places, comments and surprises."""

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask_babel import gettext as _
from PIL import ExifTags, GifImagePlugin, Image, ImageCms, UnidentifiedImageError

from core.errors import Refused, Unavailable
from core.files import Picture

MAX_BYTES: Final = 8_000_000
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 2560
MAX_ANIMATION_BYTES: Final = 2_000_000
MAX_ANIMATION_PIXELS: Final = 12_000_000  # of all frames together
MAX_FRAMES: Final = 120
MAX_PROFILE: Final = 500_000  # bytes of a colour profile worth reading
WAIT_SECONDS: Final = 10.0
FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_ENCODING: Final[dict[str, dict[str, Any]]] = {
    "PNG": {"compress_level": 6},
    "JPEG": {"quality": 85, "progressive": True},
    "WEBP": {"quality": 85, "method": 4},
}
# How a camera was held (EXIF orientation) and the turn that sets its picture upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BROKEN: Final = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    struct.error,
)

# A picture of 40 megapixels takes some 300 MB while it is drawn; a burst of them must not take the memory.
_desk: Final = threading.BoundedSemaphore(2)
# Sizes are judged here, before anything is decoded, with an answer instead of a warning.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def accept_picture(data: bytes) -> Picture:
    """Draw an uploaded picture anew. Raises Refused with words for the person who sent it.

    PNG, JPEG, GIF and WebP of at most 8 MB and 40 megapixels (WebP: 20) are taken, whatever the file is
    called. The longer side becomes 2560 at most; of animations but small GIFs the first frame stays.
    """
    if len(data) > MAX_BYTES:
        raise Refused(_("The picture is larger than %(size)s MB.", size=MAX_BYTES // 1_000_000))
    with _seat(), _mended(data):
        image = Image.open(io.BytesIO(data), formats=tuple(FORMATS))
        allowed = MAX_PIXELS // 2 if image.format == "WEBP" else MAX_PIXELS  # WebP takes 16 bytes a pixel
        if image.width * image.height > allowed:
            raise _too_many_pixels(allowed)
        frames = _frames(image, len(data))
        return _animated(image, frames) if len(frames) > 1 else _still(image)


@contextmanager
def _seat() -> Iterator[None]:
    """One of the two places where pictures are drawn. Raises Unavailable when both stay taken."""
    if not _desk.acquire(timeout=WAIT_SECONDS):
        raise Unavailable(_("Many pictures are being prepared right now. Please try again in a moment."))
    try:
        yield
    finally:
        _desk.release()


@contextmanager
def _mended(data: bytes) -> Iterator[None]:
    """Turn whatever a damaged or foreign file makes the decoders say into plain words."""
    try:
        yield
    except UnidentifiedImageError:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise Refused(
                _("SVG and HTML files are not taken as pictures. Use PNG, JPEG, GIF or WebP.")
            ) from None
        raise Refused(_("This is not a picture that can be shown. Use PNG, JPEG, GIF or WebP.")) from None
    except Image.DecompressionBombError:
        raise _too_many_pixels(MAX_PIXELS) from None
    except _BROKEN as problem:
        raise Refused(_("The picture is damaged. Please save it anew and try again.")) from problem


def _too_many_pixels(allowed: int) -> Refused:
    return Refused(_("The picture has more than %(count)s megapixels.", count=allowed // 1_000_000))


def _frames(image: Image.Image, size: int) -> list[tuple[Image.Image, int]]:
    """The frames of a small animation with their milliseconds; none for stills and larger animations."""
    if (
        not isinstance(image, GifImagePlugin.GifImageFile)
        or size > MAX_ANIMATION_BYTES
        or max(image.size) > MAX_SIDE
    ):
        return []
    allowed = min(MAX_FRAMES, MAX_ANIMATION_PIXELS // (image.width * image.height))
    frames: list[tuple[Image.Image, int]] = []
    try:
        while len(frames) <= allowed:
            image.seek(len(frames))
            frames.append((_bare(image.convert("RGBA")), int(image.info.get("duration", 100))))
    except EOFError:
        return frames
    image.seek(0)
    return []


def _animated(image: Image.Image, frames: list[tuple[Image.Image, int]]) -> Picture:
    first, *rest = [frame for frame, _duration in frames]
    out = io.BytesIO()
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=rest,
        duration=[max(20, min(duration, 60_000)) for _frame, duration in frames],
        loop=int(image.info.get("loop", 0)),
        disposal=2,
    )
    return Picture(out.getvalue(), "image/gif", first.width, first.height)


def _still(image: Image.Image) -> Picture:
    kind = image.format or ""
    if kind == "JPEG":
        image.draft(None, (MAX_SIDE, MAX_SIDE))  # decodes at a fraction of the size where that is enough
    profile = image.info.get("icc_profile")
    turn = _TURNS.get(int(image.getexif().get(ExifTags.Base.Orientation, 1)))
    drawn = _in_plain_mode(image)
    drawn.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    drawn = _in_usual_colours(drawn, profile)
    if turn is not None:
        drawn = drawn.transpose(turn)
    kind = "PNG" if kind == "GIF" else kind
    return Picture(_encoded(_bare(drawn), kind), FORMATS[kind], drawn.width, drawn.height)


def _in_plain_mode(image: Image.Image) -> Image.Image:
    """The picture in grey, RGB, RGBA or (for the sake of its colour profile) CMYK."""
    if image.mode in ("L", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGB")


def _in_usual_colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as sRGB, so that the profile itself, which is bytes of a stranger, need not be kept."""
    plain = "RGBA" if image.mode == "RGBA" else "L" if image.mode == "L" else "RGB"
    if profile and len(profile) <= MAX_PROFILE and image.mode != "L":
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            changed = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode=plain
            )
            return _bare(changed) if changed is not None else image.convert(plain)
        except ImageCms.PyCMSError:  # not a profile for this picture: its colours are taken as they are
            return image.convert(plain)
    return image.convert(plain) if image.mode != plain else image


def _encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **_ENCODING[kind])
    return out.getvalue()


def _bare(image: Image.Image) -> Image.Image:
    """The same pixels with nothing told beside them."""
    return Image.frombytes(image.mode, image.size, image.tobytes())
