"""Files of others are the ones that were pinned, and what a page loads stays small."""

import gzip
import hashlib
import re
from pathlib import Path

from core.assets import Assets

STATIC = Path(__file__).resolve().parents[2] / "static"
VENDOR = STATIC / "vendor"
BUDGET = 60_000  # bytes, compressed: all of it on a page with an editor, charts aside
ROW = re.compile(r"^\| (\S+) \| .+ \| .+ \| .+ \| ([0-9a-f]{64}) \|$", re.M)


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def test_every_vendored_file_is_the_one_that_was_pinned():
    pinned = dict(ROW.findall((VENDOR / "README.md").read_text(encoding="utf-8")))
    present = {path.name for path in VENDOR.iterdir() if path.suffix in {".js", ".css"}}
    assert present <= set(pinned)
    for name, digest in pinned.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_what_a_page_with_an_editor_loads_stays_under_sixty_kilobytes():
    scripts = [*(STATIC / "js").glob("*.js"), *VENDOR.glob("*.js")]
    carried = [path for path in scripts if path.name not in {"chart.js", "uplot.js"}]
    total = sum(map(packed, carried)) + len(Assets(STATIC).read("app.css")[1] or b"")
    assert total <= BUDGET, f"{total} bytes"


def test_scripts_run_nothing_from_strings_and_fetch_nothing_from_elsewhere():
    for path in (STATIC / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"\beval\(|new Function\(|innerHTML|outerHTML|document\.write|https?://", text
        ), path.name


def test_modules_import_files_that_exist():
    for path in (STATIC / "js").glob("*.js"):
        for name in re.findall(
            r"""(?:from|import)\s*\(?["'](\.[^"']+)["']""", path.read_text(encoding="utf-8")
        ):
            assert (path.parent / name).resolve().is_file(), f"{path.name}: {name}"
