"""Text can be read: every ink on its grounds meets WCAG 2.2 AA in both themes, whatever a brand picks."""

import math
import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text(encoding="utf-8")
HUES = range(0, 360, 10)
CHROMAS = (0.0, 0.08, 0.16, 0.24, 0.3)
THEMES = ("light", "dark")
TONES = ("grey", "blue", "green", "amber", "red", "violet", "brand")
GROUNDS = ("--ground", "--surface", "--sunken", "--hover", "--pressed")
VARIABLE = re.compile(r"var\((--[a-z0-9-]+)(?:,\s*([^()]*))?\)")
TEXT, SHAPE = 4.5, 3.0

PLAIN_PAIRS = [
    *(("--text", ground, TEXT) for ground in (*GROUNDS, "--brand-soft", "--code-ground", "--selection")),
    *(("--text-soft", ground, TEXT) for ground in (*GROUNDS, "--brand-soft")),
    *(("--text-faint", ground, TEXT) for ground in GROUNDS[:3]),
    *(("--brand-ink", ground, TEXT) for ground in (*GROUNDS[:4], "--brand-soft")),
    *(("--danger-ink", ground, TEXT) for ground in GROUNDS[:4]),
    *(("--text-on-fill", fill, TEXT) for fill in ("--brand", "--brand-hover", "--danger", "--danger-hover")),
    *((ink, "--code-ground", TEXT) for ink in re.findall(r"(--code-(?!ground)[a-z]+):", TOKENS)),
    *(("--line-field", ground, SHAPE) for ground in GROUNDS[:3]),
    *(("--focus", ground, SHAPE) for ground in GROUNDS[:4]),
    *(("--brand-mark", ground, SHAPE) for ground in GROUNDS[:3]),
]

Colour = tuple[float, float, float]


def declarations(block: str) -> dict[str, str]:
    return {name: value.strip() for name, value in re.findall(r"(--[a-z0-9-]+):\s*([^;]+);", block)}


def block(selector: str) -> dict[str, str]:
    """What the rule declares whose selector, or list of selectors, begins so."""
    found = re.search(rf"(?m)^{re.escape(selector)}(?![\w-])[^{{]*\{{([^}}]*)\}}", TOKENS)
    assert found, selector
    return declarations(found.group(1))


def own_block(selector: str) -> dict[str, str]:
    """What the rule declares that stands for this selector alone."""
    found = re.search(rf"(?m)^{re.escape(selector)} \{{([^}}]*)\}}", TOKENS)
    assert found, selector
    return declarations(found.group(1))


ROOT = block(":root")


def split(text: str) -> list[str]:
    """Arguments at the top level, split by commas."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def resolve(value: str, theme: str, values: dict[str, str]) -> str:
    """The value with its variables, its theme and its sums worked out."""
    while "var(" in value:
        value = VARIABLE.sub(lambda m: values.get(m.group(1)) or m.group(2) or "unknown", value, count=1)
    if value.startswith("light-dark("):
        value = split(value[len("light-dark(") : -1])[theme == "dark"]
    value = re.sub(r"min\(([\d.]+), ([\d.]+)\)", lambda m: min(m.groups(), key=float), value)
    return re.sub(r"calc\(([\d.]+) ([*+-]) ([\d.]+)\)", reckon, value)


def reckon(match: re.Match[str]) -> str:
    left, sign, right = float(match.group(1)), match.group(2), float(match.group(3))
    return str({"*": left * right, "+": left + right, "-": left - right}[sign])


def colour(name: str, theme: str, values: dict[str, str]) -> Colour:
    """Linear sRGB of a token as browsers draw it: oklch, clipped to the screen's colours."""
    text = resolve(values[name], theme, values)
    found = re.fullmatch(r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)", text)
    assert found, f"{name}: {text}"
    lightness, chroma, hue = (float(part) for part in found.groups())
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    mixed = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    red, green, blue = (min(1.0, max(0.0, part)) for part in mixed)
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """WCAG's ratio, from relative luminance (WCAG 2.2, 1.4.3)."""
    bright, dim = sorted((0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def shortfalls(pairs: list[tuple[str, str, float]], theme: str, values: dict[str, str]) -> list[str]:
    found = []
    for ink, ground, least in pairs:
        ratio = contrast(colour(ink, theme, values), colour(ground, theme, values))
        if ratio < least:
            brand = f"hue {values['--brand-hue']} chroma {values['--brand-chroma']}"
            found.append(f"{theme}: {ink} on {ground} {ratio:.2f} < {least} ({brand})")
    return found


def brands() -> list[dict[str, str]]:
    return [
        ROOT | {"--brand-hue": str(hue), "--ink-hue": str(hue), "--brand-chroma": str(chroma)}
        for hue in HUES
        for chroma in CHROMAS
    ]


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_every_ink_can_be_read_on_every_ground_it_is_used_on_in_any_brand(theme: str):
    found = [line for values in brands() for line in shortfalls(PLAIN_PAIRS, theme, values)]
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tone", TONES)
def test_the_words_of_a_pill_can_be_read(theme: str, tone: str):
    shared, own = block(".tone-grey, .tone-blue"), own_block(f".tone-{tone}")
    pairs = [("--tone-ink", ground, TEXT) for ground in ("--tone-soft", "--surface", "--ground")]
    pairs.append(("--text", "--tone-soft", TEXT))
    variants = brands() if tone == "brand" else [ROOT]
    found = [line for values in variants for line in shortfalls(pairs, theme, values | shared | own)]
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("number", range(13))
def test_initials_can_be_read_on_every_face(theme: str, number: int):
    shared = block(".hue-0, .hue-1")
    own = own_block(f".hue-{number}")
    values = ROOT | shared | {"--hue-chroma": "0.1"} | own
    assert not shortfalls([("--hue-ink", "--hue-soft", TEXT)], theme, values)


def test_the_sum_knows_black_from_white():
    values = {"--white": "oklch(1 0 0)", "--black": "oklch(0 0 0)"}
    white, black = (colour(name, "light", values) for name in values)
    assert contrast(white, black) == pytest.approx(21, abs=0.01)
