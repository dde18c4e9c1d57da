"""A community of 5,000 threads and 50,000 posts, one thread of 1,000, written straight into the tables."""

import random
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core import clock, text
from core.db import db, take_stock, writing
from core.viewer import Viewer
from forum.models import Category, Post, Thread
from people import actions as people
from people.models import Person

THREADS, POSTS, LONG = 5_000, 50_000, 1_000
PASSWORD = "a long enough phrase for the bench"  # noqa: S105 - of a throw-away database
COMMON: Final = (
    "invoice", "export", "report", "total", "customer", "line", "error", "login", "mobile", "sync",
    "bank", "import", "column", "filter", "date", "team", "access", "price", "plan", "tax", "number",
    "format", "update", "version", "backup", "restore", "search", "mail", "reminder", "draft",
    "template",
)  # fmt: skip
VOCABULARY: Final = 6_000
_SYLLABLES: Final = ("ba", "de", "fi", "go", "ka", "lu", "mi", "no", "pe", "ra", "si", "to", "ve", "zu")


def _words() -> tuple[list[str], list[float]]:
    """A vocabulary in which few words are frequent and most are rare, as in every language (Zipf 1949)."""
    dice = random.Random(3)
    made = {"".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4))) for _ in range(3 * VOCABULARY)}
    words = [*COMMON, *sorted(made)][:VOCABULARY]
    dice.shuffle(words)
    return words, [1.0 / rank for rank in range(8, 8 + len(words))]


WORDS, WEIGHTS = _words()


def fill(threads: int = THREADS, posts: int = POSTS, long_thread: int = LONG) -> int:
    """Fill an empty database; returns the id of the long thread. The same every time (seeded)."""
    dice = random.Random(7)
    bodies = [text.render(_body(dice)) for _ in range(400)]
    with writing():
        author_ids = _people()
        category = Category(name="Questions", slug="questions", created_at=clock.now())
        db.session.add(category)
        db.session.flush()
        sizes = _sizes(threads, posts, long_thread)
        start = clock.now() - timedelta(days=300)
        db.session.execute(
            sa.insert(Thread),
            [_thread(i, n, category.id, author_ids, dice, start) for i, n in enumerate(sizes, 1)],
        )
        _posts(sizes, author_ids, bodies, dice, start)
        category.thread_count = threads
    with writing():
        take_stock()  # as after an import, and as any PostgreSQL does by itself
    return 1


def _people() -> list[int]:
    actor = Viewer.system()
    people.create_person(actor, name="Ana", handle="ana", email="ana@example.org", password=PASSWORD)
    rows = [
        {"kind": "imported", "name": f"Member {n}", "handle": f"member{n}", "created_at": clock.now()}
        for n in range(200)
    ]
    db.session.execute(sa.insert(Person), rows)
    return list(db.session.execute(sa.select(Person.id)).scalars())


def _sizes(threads: int, posts: int, long_thread: int) -> list[int]:
    rest = posts - long_thread - 20
    each, more = divmod(rest, threads - 2)
    return [long_thread, 20, *(each + (n < more) for n in range(threads - 2))]


def _body(dice: random.Random) -> str:
    lines = [
        " ".join(dice.choices(WORDS, WEIGHTS, k=dice.randint(12, 40))).capitalize() + "."
        for _ in range(dice.randint(1, 3))
    ]
    if dice.random() < 0.2:
        lines.append("```python\nprint('" + dice.choice(WORDS) + "')\n```")
    return "\n\n".join(lines)


def _thread(
    number: int, size: int, category_id: int, authors: list[int], dice: random.Random, start: object
) -> dict[str, object]:
    words = " ".join(dice.choices(WORDS, WEIGHTS, k=7)).capitalize()
    moment = clock.now() - timedelta(minutes=number)
    return {
        "id": number,
        "category_id": category_id,
        "kind": "question",
        "title": words,
        "slug": words.lower().replace(" ", "-"),
        "author_id": dice.choice(authors),
        "post_count": size,
        "answer_count": size - 1,
        "created_at": start,
        "last_post_at": moment,
        "last_post_by_id": dice.choice(authors),
    }


def _posts(
    sizes: list[int], authors: list[int], bodies: list[text.Rendered], dice: random.Random, start: object
) -> None:
    rows = []
    for thread_id, size in enumerate(sizes, 1):
        for position in range(1, size + 1):
            body = dice.choice(bodies)
            rows.append(
                {
                    "thread_id": thread_id,
                    "position": position,
                    "kind": "opening" if position == 1 else "answer",
                    "author_id": dice.choice(authors),
                    "source": body.source,
                    "html": body.html,
                    "text_version": body.version,
                    "created_at": start,
                }
            )
        if len(rows) > 5000:
            db.session.execute(sa.insert(Post), rows)
            rows = []
    db.session.execute(sa.insert(Post), rows)
