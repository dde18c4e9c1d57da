"""Texts that make parsers slow: each unit fills a whole post, the others nest, grow or mix."""

SIZE = 32_000

_UNITS = """
[ ] [] []( ]( [a](b [a](<b [a][ [a](b) [a] ![ ![a](b) ![[] [[ ([ [(
* _ ~~ *a\\s a**b *a_\\s _* **\\s a*** *a**a\\s ***a*\\s *x*\\s **x**\\s *_~~a\\s a_ _a __a
> >\\s >\\n >\\sa\\n >-\\s >\\s-\\sa\\n -\\s -\\n -\\sa\\n -\\sa\\n\\n *\\s* 1.\\s 1)\\sa\\n -\\s[\\s]\\sa\\n
< </ <a <a\\s <a\\sb= <a\\sb=" <a\\sb=' <!-- <!--\\sa\\n\\n <? <![CDATA[ <!A <div> <div>\\n <b> <b>x\\n\\n <x>
<ul> <p> <li> <table> <table><tr><td> <a><p> <b><p> <blockquote> <svg><p> <math><mi> <select> <details>
</p> <br>
& &amp; &# &#x41; &lt; &nosuch; \\\\ \\\\* | |-|\\n a| ` `a ``a` `| '
a\\n a\\s\\s\\n \\n a\\n\\n #\\s #\\n a\\n=\\n ---\\n ```\\n ```\\n\\n ~~~ \\s\\s\\s\\sa\\n \\ta\\n
[a]:\\sb\\n [a]:\\sb\\s" [a]:\\sb\\n\\n [a]:\\n [a]:\\s<
@ana\\s @a@ @ @a- http://a.b\\s http://a.b/(( www.a.b\\s http:// a@b.cd\\s x@x. .a <http://a> <a@b.c>
"""


def _spelt(word: str) -> str:
    spelt = word.replace("\\\\", "\0").replace("\\s", " ").replace("\\n", "\n").replace("\\t", "\t")
    return spelt.replace("\0", "\\")


def _filled(unit: str) -> str:
    return (unit * (SIZE // len(unit) + 1))[:SIZE]


def _growing(mark: str, between: str) -> str:
    return "".join(mark * length + between for length in range(1, 250))[:SIZE]


def _nested(indent: str, line: str) -> str:
    return "".join(indent * depth + line for depth in range(250))[:SIZE]


FILLED = {repr(unit)[1:-1]: _filled(unit) for unit in map(_spelt, _UNITS.split())}
"""One unit over and over, SIZE characters long."""

SHAPED = {
    "8,000 open brackets": "[" * 8_000,
    "brackets closed with targets": "[" * 10_000 + "a" + "](b)" * 5_000,
    "pictures in pictures": "![" * 6_000 + "a" + "](b)" * 5_000,
    "stars around a letter": "*" * 15_999 + "a" + "*" * 15_999,
    "a row of stars, then text": "*" * 600 + "a" * 31_000,
    "emphasis in emphasis": "*a **b " * 3_000 + "b** a* " * 1_500,
    "emphasis that crosses": "*a _b " * 3_000 + "_ *" * 3_000,
    "emphasis in many paragraphs": ("_*" * 290 + "\n\n") * 54,
    "growing runs of backticks": _growing("`", "a"),
    "growing runs of tildes": _growing("~", "\n"),
    "deep lists": _nested("  ", "- a\n"),
    "deep quotes": _nested("> ", "a\n"),
    "lists on one line": "- - - - - - - - - a\n" * 1_500,
    "lazy lines": "> > > > > > a\n" + "b\n" * 15_000,
    "definitions": "".join(f"[{n}]: /u{n}\n" for n in range(2_300)),
    "a long target repeated": "[a]: /" + "u" * 15_000 + "\n\n" + "[a]" * 5_000,
    "5,000 columns": "|".join("a" * 5_000) + "\n" + "|".join("-" * 5_000) + "\n" + "|".join("a" * 5_000),
    "short rows of a wide table": "a|" * 49 + "a\n" + "-|" * 49 + "-\n" + "|\n" * 15_000,
    "code in table cells": "`a`|" * 25 + "\n" + "-|" * 24 + "-\n" + "`a`|" * 7_000,
    "many small tables": "a|b\n-|-\nc|d\n\n" * 2_200,
    "many attributes": "<a " + "x " * 15_000,
    "quotes in attributes": "<a b='\"' c=\"'\" " * 2_000,
    "open formatting, then paragraphs": "<p>" + "".join(f"<b a{n}>" for n in range(1_500)) + "x<p>" * 5_000,
    "formatting around tables": "".join(f"<i a{n}><table><td></i></table>" for n in range(800))
    + "<p>" * 2_000,
    "spaces": " " * 31_999 + "a",
    "a heading of spaces": "# " + " " * 31_000 + "a",
    "a long address": "http://" + "a." * 15_000,
    "a long mail address": "a." * 8_000 + "@" + "b." * 7_900,
}
"""What nests, grows or mixes."""

ALL = {name: text[:SIZE] for name, text in {**FILLED, **SHAPED}.items()}

WORST = (
    "[", "<", "<div>", "many small tables", "www.a.b ", "- [ ] a\\n", "emphasis in emphasis",
    "stars around a letter", "growing runs of backticks", "open formatting, then paragraphs",
)  # fmt: skip
"""The slowest of ALL, and those that were slow before they were bounded."""
