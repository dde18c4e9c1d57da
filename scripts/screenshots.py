"""Takes the README's pictures from the running demo: `python scripts/screenshots.py http://127.0.0.1:8000 var`."""

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests import services

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "img"
SHOTS: Final = (
    # name, who, path, width, height, colour scheme
    ("thread", "ben", "/t/4", 1280, 1000, "light"),
    ("release", "ana", "/releases/1", 1280, 1000, "light"),
    ("inbox", "dev", "/inbox/4", 1280, 1000, "light"),
    ("circle-page", "olu", "/circle", 1280, 1000, "light"),
    ("ideas-phone-dark", "ana", "/ideas", 390, 760, "dark"),
)


def main() -> None:
    """Sign everybody in once and take their pictures."""
    address, var_dir = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    passwords = json.loads((var_dir / "demo_sign_ins.json").read_text(encoding="utf-8"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(services.find_chromium()), args=[*services.CHROMIUM_ARGS]
        )
        for shot in SHOTS:
            take(browser, address, passwords, *shot)
            print(shot[0])
        browser.close()


def take(
    browser: Browser,
    address: str,
    passwords: dict[str, str],
    name: str,
    who: str,
    path: str,
    width: int,
    height: int,
    scheme: Any,
) -> None:
    """One picture, as the person sees the page, kept small."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("input[name=email]", f"{who}@tidewater.example")
    page.fill("input[name=password]", passwords[who])
    page.click("main form button[type=submit]")
    page.wait_for_load_state()
    page.goto(address + path)
    page.wait_for_timeout(1200)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(TARGET / f"{name}.png", optimize=True)
    context.close()


if __name__ == "__main__":
    main()
