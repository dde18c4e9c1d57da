"""The style sheets keep rule 12: layers, tokens for every colour and size of type, and no left or right."""

import re
from pathlib import Path

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
ORDER = (CSS / "order.txt").read_text(encoding="utf-8").split()
LAYERS = {"base.css": ("reset", "base"), "layout.css": ("layout", "features")}


def sheets() -> dict[str, str]:
    """Every sheet's text without comments, by its name under css/."""
    return {
        path.relative_to(CSS).as_posix(): re.sub(
            r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S
        )
        for path in sorted(CSS.rglob("*.css"))
    }


def guilty(pattern: str, *, but: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{name}: {found.group(0)}"
        for name, text in sheets().items()
        if name not in but
        for found in re.finditer(pattern, text)
    ]


def test_every_sheet_is_served_once_and_tokens_come_first():
    assert sorted(ORDER) == sorted(sheets())
    assert ORDER[0] == "tokens.css"


def test_no_property_knows_left_from_right():
    names = r"(?:margin|padding|border|inset)-(?:left|right)|(?<=[\s;{])(?:left|right)(?=\s*:)"
    values = r"(?:text-align|float|clear)\s*:\s*(?:left|right)|border-(?:top|bottom)-(?:left|right)-radius"
    assert guilty(f"{names}|{values}") == []


def test_four_valued_shorthands_treat_both_sides_alike():
    found = []
    for name, text in sheets().items():
        for rule in re.finditer(r"(?:margin|padding|border-width|inset)\s*:\s*([^;}]+)", text):
            parts = re.findall(r"[a-z-]+\([^)]*(?:\([^)]*\)[^)]*)*\)|[^\s]+", rule.group(1))
            if len(parts) == 4 and parts[1] != parts[3]:
                found.append(f"{name}: {rule.group(0)}")
    assert found == []


def test_colours_come_from_tokens_alone():
    pattern = r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\b(?:rgba?|hsla?|oklch|oklab|lab|lch)\((?!in )"
    assert guilty(pattern, but=("tokens.css",)) == []


def test_every_token_that_is_used_is_declared():
    text = "\n".join(sheets().values())
    declared = set(re.findall(r"(--[a-z0-9-]+)\s*:", text))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) <= declared


def test_every_rule_stands_in_the_layer_of_its_folder():
    for name, text in sheets().items():
        if name == "tokens.css":
            continue
        allowed = LAYERS.get(name, (name.split("/")[0],))
        assert set(re.findall(r"@layer\s+([a-z]+)\s*\{", text)) <= set(allowed), name
        assert re.match(r"\s*@layer", text), f"{name} has rules outside of a layer"


def test_movement_is_only_for_those_who_did_not_ask_for_less():
    for name, text in sheets().items():
        for found in re.finditer(r"animation\s*:|scroll-behavior\s*:", text):
            assert "prefers-reduced-motion: no-preference" in text[: found.start()], (
                f"{name}: {found.group(0)}"
            )
