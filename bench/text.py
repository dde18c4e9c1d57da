"""Measures text: CommonMark examples passed, the worst post, posts a second, and how often the parsers agree.

    python -m bench.text [--spec spec.txt] [--dump Posts.xml] [--posts 400]

`--spec` is CommonMark's own spec.txt (its licence keeps it out of this repository); without it only the cases
of the tests are counted. They are compared without the house's rules (line breaks, headings, `rel`), and once
more with all of them except line breaks, both sides made safe. `--dump` is the Posts.xml of a Stack Exchange
dump, whose posts are HTML. Times are processor time. The last line is JSON.
"""

import argparse
import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from html import unescape
from pathlib import Path

from core import text
from core.text import sanitise
from core.text.markdown import to_html
from core.text.rules import COMMONMARK, Rules
from tests.core.spec import hostile
from tests.core.spec.sameness import same

ROOT = Path(__file__).resolve().parent.parent
HOUSE_WITHOUT_BREAKS = Rules(line_breaks=False, known_tags_only=True, extras=True)

_EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n(.*?)^`{32}$", re.M | re.S)
_SENTENCES = (
    "The export stops at 90 % when the file is larger than 2 GB.",
    "I tried **both** settings, and `retry = 3` does not help either.",
    "See [the guide](https://docs.example/export?from=forum&page=2) or ask @ana.",
    "It worked in version *4.1*, before the change of last week.",
    "> Which browser do you use?\n\nFirefox, on a laptop with 16 GB.",
    "- log in as an owner\n- open **Settings**\n  - then *Export*\n- wait",
    "```python\nfor row in rows:\n    print(row < limit)\n```",
    "| plan | limit |\n|------|------:|\n| free | 2 GB |\n| team | 50 GB |",
)

Example = tuple[str, str]


class Disagreements(logging.Handler):
    """Counts the texts that the two parsers read differently."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def own_cases() -> list[Example]:
    read = json.loads((ROOT / "tests/core/spec/cases.json").read_text())
    return [(source, html) for listed in read.values() for source, html in listed]


def spec_examples(path: Path) -> list[Example]:
    """The examples of CommonMark's spec.txt, in which an arrow stands for a tab."""
    spec = path.read_text(encoding="utf-8").replace("→", "\t")
    return [(source, html) for source, html in _EXAMPLE.findall(spec)]


def passed(examples: Iterable[Example]) -> int:
    return sum(same(to_html(source, rules=COMMONMARK), html) for source, html in examples)


def passed_in_the_house(examples: Iterable[Example]) -> int:
    return sum(
        same(
            sanitise.make_safe(to_html(source, rules=HOUSE_WITHOUT_BREAKS), headings_down=2),
            sanitise.make_safe(html, headings_down=2),
        )
        for source, html in examples
    )


def made_up_posts(count: int) -> list[str]:
    """Posts of about 800 characters; always the same."""
    choose = random.Random(7)
    weights = [4] * 4 + [1] * (len(_SENTENCES) - 4)
    return ["\n\n".join(choose.choices(_SENTENCES, weights, k=choose.randint(6, 18))) for _ in range(count)]


def dumped_posts(path: Path) -> list[str]:
    bodies = re.findall(r""" Body=(?:"([^"]*)"|'([^']*)')""", path.read_text(encoding="utf-8"))
    return [unescape(one or other) for one, other in bodies]


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def worst(make: Callable[[str], object], texts: dict[str, str]) -> tuple[float, str]:
    return max((seconds(lambda source=source: make(source)), name) for name, source in texts.items())  # type: ignore[misc]


def rate(make: Callable[[str], object], posts: Sequence[str]) -> float:
    return len(posts) / seconds(lambda: [make(post) for post in posts])


def speeds(posts: Sequence[str]) -> dict[str, float]:
    html = [text.render(post).html for post in posts]
    return {
        "render_per_s": rate(text.render, posts),
        "render_html_per_s": rate(text.render_html, html),
        "second_pass_per_s": rate(text.second_pass, html),
        "plain_per_s": rate(text.plain, html),
        "mentions_per_s": rate(text.mentions, posts),
    }


def import_speeds(dump: Path | None, heard: Disagreements) -> dict[str, float]:
    if dump is None:
        return {}
    posts = dumped_posts(dump)
    heard.count = 0
    return {
        "dumped_posts": len(posts),
        "dump_render_html_per_s": rate(text.render_html, posts),
        "dump_second_pass_per_s": rate(text.second_pass, posts),
        "dumped_posts_read_differently": heard.count,
    }


def slowest() -> dict[str, float | str]:
    """The worst of the hostile posts; for imports, the same texts made as long as an import may be."""
    found: dict[str, float | str] = {}
    imports = {
        name: source * (text.MAX_IMPORT // len(source))
        for name, source in hostile.ALL.items()
        if "<" in source
    }
    for name, make, texts in (
        ("render", text.render, hostile.ALL),
        ("render_html", text.render_html, imports),
        ("second_pass", text.second_pass, imports),
        ("plain", text.plain, imports),
    ):
        found[f"{name}_worst_s"], found[f"{name}_worst_input"] = worst(make, texts)
    return found


def spec_results(spec: Path | None) -> dict[str, int]:
    own = own_cases()
    found = {"own_cases_passed": passed(own), "own_cases": len(own)}
    if spec:
        examples = spec_examples(spec)
        found |= {"spec_passed": passed(examples), "spec_passed_in_the_house": passed_in_the_house(examples)}
        found["spec"] = len(examples)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--posts", type=int, default=400)
    options = parser.parse_args()
    heard = Disagreements()
    sanitise.log.addHandler(heard)
    sanitise.log.setLevel(logging.INFO)
    results: dict[str, object] = {**spec_results(options.spec)}
    heard.count = 0
    posts = made_up_posts(options.posts)
    results |= {name: round(value) for name, value in speeds(posts).items()}
    results["posts_read_differently"] = heard.count
    results |= {name: round(value) for name, value in import_speeds(options.dump, heard).items()}
    results |= {
        name: round(value, 3) if isinstance(value, float) else value for name, value in slowest().items()
    }
    for name, value in results.items():
        print(f"  {name}: {value}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
