"""Stored files: one contract over both backends, pictures drawn anew, safe ways of handing out."""

import hashlib
import io
import os
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from core import files
from core.config import SettingError, Settings
from core.errors import NotFound, Refused, Unavailable
from core.files import Files, accept_picture, disposition, pictures, safe_name
from core.files.local import LocalFiles
from core.files.s3 import S3Files
from tests.fakes.s3 import FakeS3

# --- one contract, two backends ---


@pytest.fixture
def store() -> Iterator[FakeS3]:
    with FakeS3() as fake:
        yield fake


@pytest.fixture(params=["folder", "s3"])
def kept(request: Any, tmp_path: Path) -> Files:
    if request.param == "folder":
        return Files(LocalFiles(tmp_path / "files"))
    return Files(S3Files.from_url(request.getfixturevalue("store").url))


def test_content_comes_back_as_it_was_under_a_key_of_its_own_hash(kept):
    data = os.urandom(100_000)
    key = kept.put(data, "image/png")
    assert key == f"{hashlib.sha256(data).hexdigest()}.png"
    assert kept.get(key) == (data, "image/png")
    assert kept.exists(key)


def test_the_same_content_twice_is_one_file(kept):
    assert kept.put(b"logo", "image/png") == kept.put(b"logo", "image/png")
    assert kept.get(kept.put(b"", "text/plain")).data == b""


def test_forgotten_content_is_gone_and_forgetting_again_is_no_error(kept):
    key = kept.put(b"draft", "text/csv")
    kept.delete(key)
    kept.delete(key)
    assert not kept.exists(key)
    with pytest.raises(NotFound):
        kept.get(key)


def test_content_that_was_never_there_is_not_found_also_before_the_first_file(kept):
    key = "0" * 64 + ".png"
    assert not kept.exists(key)
    kept.delete(key)
    with pytest.raises(NotFound):
        kept.get(key)


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "", "x", "text/javascript"]
)
def test_what_a_browser_could_run_is_kept_as_plain_bytes(kept, content_type):
    key = kept.put(b"<script>alert(1)</script>", content_type)
    assert key.endswith(".bin")
    assert kept.get(key).content_type == "application/octet-stream"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "../../secret_key",
        "/etc/passwd",
        "0" * 64,
        "0" * 64 + ".svg",
        "0" * 64 + ".png/..",
        "0" * 64 + ".png\n",
        "A" * 64 + ".png",
    ],
)
def test_nothing_but_a_key_names_a_file(kept, key, tmp_path):
    (tmp_path / "secret_key").write_text("secret")
    assert not kept.exists(key)
    kept.delete(key)
    with pytest.raises(NotFound):
        kept.get(key)
    assert (tmp_path / "secret_key").exists()


def test_many_writers_of_the_same_content_do_not_harm_it(kept):
    data = os.urandom(300_000)
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(kept.put(data, "image/png"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert kept.get(keys[0]).data == data


# --- the folder ---


def test_a_crash_while_writing_leaves_no_half_file(tmp_path, monkeypatch):
    kept = Files(LocalFiles(tmp_path / "files"))

    def broken(*_args: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", broken)
        with pytest.raises(OSError, match="power cut"):
            kept.put(b"picture", "image/png")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept.get(kept.put(b"picture", "image/png")).data == b"picture"


def test_files_are_spread_over_folders_and_are_the_owners_alone(tmp_path):
    key = Files(LocalFiles(tmp_path / "files")).put(b"picture", "image/png")
    path = tmp_path / "files" / key[:2] / key[2:4] / key
    assert path.stat().st_mode & 0o077 == 0


# --- the store ---


def test_the_bucket_is_made_at_the_first_file_and_not_again(store):
    kept = Files(S3Files.from_url(store.url))
    kept.put(b"one", "image/png")
    kept.put(b"two", "image/png")
    assert [call for call in store.calls if call == "PUT /community"] == ["PUT /community"]


def test_a_stumbling_store_is_asked_again(store):
    kept = Files(S3Files.from_url(store.url))
    key = kept.put(b"one", "image/png")
    store.stumbles = 1
    assert kept.get(key).data == b"one"
    store.stumbles = 1
    kept.put(b"two", "image/png")
    store.stumbles = 1
    assert kept.exists(key)


@pytest.mark.slow
def test_a_store_that_stays_down_is_told_in_plain_words(store, monkeypatch):
    monkeypatch.setattr("core.files.s3.BACKOFF", 0.0)
    kept = Files(S3Files.from_url(store.url))
    key = kept.put(b"one", "image/png")
    store.stumbles = 1000
    for call in (lambda: kept.get(key), lambda: kept.put(b"two", "image/png"), lambda: kept.exists(key)):
        with pytest.raises(Unavailable, match="file store"):
            call()


def test_wrong_keys_of_the_store_are_no_missing_file(store):
    kept = Files(S3Files.from_url(store.url.replace("key:", "other:")))
    with pytest.raises(Unavailable):
        kept.get("0" * 64 + ".png")


# --- settings and handing out ---


def app_with(**changes: Any) -> Flask:
    app = Flask("files")
    files.init(app, Settings(**changes))
    return app


def test_the_setting_chooses_where_files_go(tmp_path, store):
    for changes, found in [
        ({}, tmp_path / "var" / "files"),
        ({"files_url": f"file:{tmp_path}/elsewhere"}, tmp_path / "elsewhere"),
        ({"files_url": f"file://{tmp_path}/third"}, tmp_path / "third"),
    ]:
        with app_with(var_dir=tmp_path / "var", **changes).app_context():
            key = files.put(b"x", "text/plain")
            assert files.get(key).content_type == "text/plain"
            assert list(found.rglob(key))
    with app_with(var_dir=tmp_path, files_url=store.url).app_context():
        assert files.put(b"x", "text/plain") in store.buckets["community"]


def test_a_picture_that_another_feature_holds_too_is_not_deleted(tmp_path, monkeypatch):
    rows = {"avatars": set[str](), "attachments": set[str]()}
    monkeypatch.setattr(files, "_holders", [])
    for held in rows.values():
        files.holder(held.__contains__)
    with app_with(var_dir=tmp_path).app_context():
        key = files.put(b"the same cat", "image/png")
        rows["attachments"].add(key)
        files.delete(key)
        assert files.exists(key)
        rows["attachments"].clear()
        files.delete(key)
        assert not files.exists(key)


@pytest.mark.parametrize(
    "url", ["/somewhere", "http://store", "s3://store/bucket", "s3://k:s@store", "s3://k:s@store/B!"]
)
def test_a_setting_that_names_no_store_is_told_at_start(url):
    with pytest.raises(SettingError, match="FILES_URL"):
        app_with(files_url=url)


def test_a_picture_is_shown_and_anything_else_is_saved_and_never_run(tmp_path):
    app = app_with(var_dir=tmp_path)
    with app.test_request_context():
        shown = files.answer(files.put(b"x", "image/png"))
        saved = files.answer(files.put(b"<script>", "text/html"), filename="über uns.html")
    assert shown.headers["Content-Disposition"].startswith("inline;")
    assert shown.headers["Content-Type"] == "image/png"
    assert saved.headers["Content-Disposition"].startswith("attachment;")
    assert saved.headers["Content-Type"] == "application/octet-stream"
    for response in (shown, saved):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response.headers["Cache-Control"] == "private, max-age=300"


def test_a_browser_that_has_the_file_is_told_so(tmp_path):
    app = app_with(var_dir=tmp_path)
    with app.app_context():
        key = files.put(b"x", "image/png")
    with app.test_request_context(headers={"If-None-Match": f'"{key[:64]}"'}):
        response = files.answer(key)
        assert (response.status_code, response.data) == (304, b"")
    with app.test_request_context(), pytest.raises(NotFound):
        files.answer("../secret_key")


NAMES = [
    'a"b.png',
    "a\r\nX-Evil: 1.png",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "\u202egnp.exe",
    "über uns.pdf",
    "",
    "...",
    "日本.txt",
]
NAMES += [
    "a;b=c.png",
    "a%00b",
    "\0",
    "x" * 500 + ".png",
    ".htaccess",
    "con:stream",
    "a\u2028b",
    "a＂b＼c.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_file_name_breaks_out_of_its_header(name):
    _is_one_safe_name(disposition("attachment", name))


@given(st.text(max_size=300))
def test_whatever_the_file_name_the_header_is_one_safe_line(name):
    _is_one_safe_name(disposition("attachment", name))


def _is_one_safe_name(header: str) -> None:
    assert re.fullmatch(
        r"attachment; filename=\"[^\"\\/;%\x00-\x1f\x7f]+\"; filename\*=UTF-8''[A-Za-z0-9._~%-]+", header
    )
    message = Message()
    message["Content-Disposition"] = header
    name = message.get_filename() or ""
    assert 0 < len(name) <= 101
    assert not set(name) & set('/\\"\r\n\0\u202e')


def test_a_usual_name_stays_as_it_is_and_a_long_one_keeps_its_ending():
    assert safe_name("Quarterly report (2).pdf") == "Quarterly report (2).pdf"
    assert safe_name("x" * 500 + ".png").endswith("x.png")
    assert "filename*=UTF-8''%C3%BCber%20uns.pdf" in disposition("attachment", "über uns.pdf")


# --- pictures ---


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def two_colours(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (width // 2, 0, width, height))
    return image.convert(mode)


def drawn(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def colour_at(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    """Red, green, blue and opacity of one pixel."""
    return cast(tuple[int, ...], image.convert("RGBA").getpixel(place))


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/png")],
)
def test_the_four_kinds_of_pictures_are_taken_and_look_the_same(kind, content_type):
    picture = accept_picture(encoded(two_colours(), kind))
    assert (picture.content_type, picture.width, picture.height) == (content_type, 40, 20)
    shown = drawn(picture.data)
    for place, wanted in [((5, 10), (255, 0, 0, 255)), ((35, 10), (0, 0, 255, 255))]:
        assert all(abs(a - b) < 20 for a, b in zip(colour_at(shown, place), wanted, strict=True))


SECRETS = [b"Secret", b"Exif", b"GPS", b"xpacket", b"ICC", b"Photoshop", b"<script"]


def _telling_pictures() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SecretCamera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    xmp = b"<?xpacket begin?>SecretPlace<?xpacket end?>"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "SecretComment <script>")
    notes.add_itxt("XML:com.adobe.xmp", "SecretXmp")
    image = two_colours()
    frames = [two_colours(), two_colours().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    return {
        "png": encoded(image, "PNG", exif=exif, pnginfo=notes, icc_profile=profile),
        "jpeg": encoded(image, "JPEG", exif=exif, xmp=xmp, comment=b"SecretComment", icc_profile=profile),
        "webp": encoded(image, "WEBP", exif=exif, xmp=xmp, icc_profile=profile),
        "gif": encoded(image, "GIF", comment=b"SecretComment"),
        "animated gif": encoded(
            frames[0], "GIF", save_all=True, append_images=frames[1:], comment=b"SecretComment"
        ),
        "appended": encoded(image, "PNG") + b"<script>Secret</script>",
    }


@pytest.mark.parametrize("kind", list(_telling_pictures()))
def test_place_camera_comments_and_anything_appended_are_gone(kind):
    telling = _telling_pictures()[kind]
    assert any(secret in telling for secret in SECRETS)
    picture = accept_picture(telling)
    assert not any(secret in picture.data for secret in SECRETS)
    assert not drawn(picture.data).getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_as_the_camera_was_held(orientation):
    upright = two_colours(48, 16)
    turns = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    held = upright.transpose(Image.Transpose[turns[orientation]]) if orientation in turns else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = accept_picture(encoded(held, "PNG", exif=exif))
    assert (picture.width, picture.height) == (48, 16)
    assert drawn(picture.data).tobytes() == upright.tobytes()


@pytest.mark.slow
def test_a_large_picture_becomes_smaller_and_keeps_its_shape():
    picture = accept_picture(encoded(two_colours(5000, 1000), "JPEG"))
    assert (picture.width, picture.height) == (2560, 512)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_pictures_of_every_colour_mode_keep_light_and_dark(mode):
    grey = Image.new("L", (20, 10), 0)
    grey.paste(255, (10, 0, 20, 10))
    wide = grey.convert("I").point(lambda value: value * 257).convert("I;16")
    picture = accept_picture(encoded(wide if mode == "I;16" else grey.convert(mode), "PNG"))
    shown = drawn(picture.data)
    assert max(colour_at(shown, (3, 5))[:3]) < 10
    assert min(colour_at(shown, (16, 5))[:3]) > 245


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_holes_stay_holes(kind):
    image = two_colours().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 10, 10))
    shown = drawn(accept_picture(encoded(image, kind)).data)
    assert colour_at(shown, (2, 2))[3] < 10
    assert colour_at(shown, (30, 15))[3] > 245


def test_a_print_picture_is_shown_in_screen_colours():
    picture = accept_picture(encoded(two_colours().convert("CMYK"), "JPEG"))
    red, green, blue, _opacity = colour_at(drawn(picture.data), (5, 10))
    assert red > 200 > 100 > max(green, blue)


def test_a_small_animation_stays_animated_with_its_times():
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "green", "blue")]
    data = encoded(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0
    )
    shown: Any = drawn(accept_picture(data).data)
    assert shown.n_frames == 3
    times = []
    for place in range(3):
        shown.seek(place)
        times.append(shown.info["duration"])
    assert times == [100, 200, 300]


@pytest.mark.slow
@pytest.mark.parametrize(("count", "side"), [(pictures.MAX_FRAMES + 1, 8), (4, 1800)])
def test_of_a_large_animation_the_first_frame_stays(count, side):
    frames = [Image.new("L", (side, side), place % 250) for place in range(count)]
    picture = accept_picture(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.content_type == "image/png"
    assert colour_at(drawn(picture.data), (0, 0)) == (0, 0, 0, 255)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_of_other_animations_the_first_frame_stays(kind):
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "blue")]
    shown = drawn(accept_picture(encoded(frames[0], kind, save_all=True, append_images=frames[1:])).data)
    assert getattr(shown, "n_frames", 1) == 1
    assert colour_at(shown, (5, 5))[0] > 240


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "data", [SVG, b"\xef\xbb\xbf <?xml version='1.0'?>" + SVG, b"<!doctype html><script>", b"\n\n<html>"]
)
def test_svg_and_html_are_refused_by_name_whatever_they_are_called(data):
    with pytest.raises(Refused, match="SVG and HTML"):
        accept_picture(data)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "TGA", "PDF", "EPS"])
def test_other_formats_are_refused(kind):
    with pytest.raises(Refused, match="Use PNG, JPEG, GIF or WebP"):
        accept_picture(encoded(two_colours(32, 32), kind))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        b"RIFF\x00\x00\x00\x00WEBP",
        os.urandom(1000),
    ],
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(Refused):
        accept_picture(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_cut_short_or_bent_is_refused_or_drawn_but_never_crashes(kind):
    whole = encoded(Image.effect_noise((64, 64), 90).convert("RGB"), kind)
    with pytest.raises(Refused):
        accept_picture(whole[: len(whole) // 2])
    for place in range(8, len(whole), max(1, len(whole) // 60)):
        bent = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            assert accept_picture(bent).content_type in pictures.FORMATS.values()
        except Refused as refusal:
            assert refusal.message


def _png_bomb(width: int, height: int) -> bytes:
    """A PNG of one colour whose few bytes unfold to the given size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" * (width // 8 + 2)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.slow
def test_a_picture_that_unfolds_beyond_the_limit_is_refused_unread():
    bomb = _png_bomb(20_000, 10_000)
    assert len(bomb) < 100_000
    with pytest.raises(Refused, match="40 megapixels"):
        accept_picture(bomb)


@pytest.mark.slow
def test_a_text_bomb_inside_a_picture_is_refused():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "x" * 50_000_000, zip=True)
    with pytest.raises(Refused):
        accept_picture(encoded(two_colours(), "PNG", pnginfo=notes))


def test_a_picture_of_too_many_bytes_is_refused():
    with pytest.raises(Refused, match="larger than 8 MB"):
        accept_picture(b"\x89PNG\r\n\x1a\n" + b"\0" * 8_000_000)


def test_pictures_wait_for_a_place_and_say_so_when_there_is_none(monkeypatch):
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.01)
    with pictures._seat(), pictures._seat(), pytest.raises(Unavailable, match="try again"):
        accept_picture(encoded(two_colours(), "PNG"))
    assert accept_picture(encoded(two_colours(), "PNG")).width == 40
