"""How many posts a second listening takes in: reading, cleaning, deduplicating and storing, in batches.

    .venv/bin/python -m bench.listening [--items 20000] [--database URL]

`received_vs_bare_inserts` compares with the same rows written by a bare executemany in the same run, which neither
looks for known posts nor announces anything. The last line is JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from app import create_app
from core import schema
from core.db import db, writing
from core.viewer import Viewer
from listening import actions
from listening.connectors import Item, feed, upload
from listening.models import Mention, Source

SYSTEM: Final = Viewer.system()
BATCH: Final = 500
ROUNDS: Final = 3
WORDS: Final = (
    "The lamp in my kitchen forgets its colour whenever the power goes. Can it remember what it was set to? "
)
START: Final = datetime(2026, 3, 1, tzinfo=UTC)


def items(count: int, name: str) -> list[Item]:
    """Plain posts of about 200 characters, each its own."""
    return [
        Item(
            external_id=f"{name}-{n}",
            url=f"https://social.example/posts/{n}",
            text=f"{WORDS}{WORDS} #{n}",
            author_name=f"Author {n % 997}",
            author_url=f"https://social.example/@{n % 997}",
            published_at=START + timedelta(seconds=n),
        )
        for n in range(count)
    ]


def source(name: str) -> Source:
    """A source of its own for each run."""
    with writing():
        return actions.create_source(SYSTEM, name=name, kind="upload")


def take(place: Source, posts: Sequence[Item]) -> None:
    """Receive in batches, each its own transaction."""
    for start in range(0, len(posts), BATCH):
        with writing():
            actions.receive(place, posts[start : start + BATCH])


def seconds(work: Callable[[], object]) -> float:
    """How long it took."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bare_inserts(posts: Sequence[Item], turn: int) -> float:
    """The ceiling: the same rows by a bare executemany, without looking whether they are known."""
    place = source(f"Bare {turn}")
    rows = [
        {
            "source_id": place.id,
            "external_id": item.external_id,
            "text": item.text,
            "title": "",
            "url": item.url,
            "author_name": item.author_name,
            "author_url": item.author_url,
            "published_at": item.published_at,
            "received_at": START,
        }
        for item in posts
    ]

    def insert() -> None:
        for start in range(0, len(rows), BATCH):
            with writing():
                db.session.execute(sa.insert(Mention.__table__), rows[start : start + BATCH])  # type: ignore[arg-type]

    return seconds(insert)


def document(count: int) -> bytes:
    """An RSS feed of posts with some HTML."""
    posts = "".join(
        f"<item><guid isPermaLink='false'>f{n}</guid><title>Post {n}</title><link>https://x.example/{n}</link>"
        f"<description>&lt;p&gt;{WORDS}&lt;b&gt;{n}&lt;/b&gt;&lt;/p&gt;</description></item>"
        for n in range(count)
    )
    return f'<rss version="2.0"><channel><title>T</title>{posts}</channel></rss>'.encode()


def csv_file(count: int) -> bytes:
    """A CSV file of posts."""
    return ("id,text\n" + "".join(f'{n},"{WORDS}"\n' for n in range(count))).encode()


def measure(count: int) -> dict[str, float]:
    """Every figure, in items a second; what is compared is run in turns, and the best of three counts."""
    received, known, bare = [], [], []
    for turn in range(ROUNDS):
        posts, place = items(count, f"turn{turn}"), source(f"Turn {turn}")
        received.append(seconds(partial(take, place, posts)))
        known.append(seconds(partial(take, place, posts)))
        bare.append(bare_inserts(posts, turn))
    whole, rows = document(feed.MAX_ENTRIES), min(count, upload.MAX_ROWS)
    file = csv_file(rows)
    found = {
        "items_made_per_s": count / best(lambda: items(count, "made")),
        "items_received_per_s": count / min(received),
        "known_items_per_s": count / min(known),
        "bare_inserts_per_s": count / min(bare),
        "feed_items_read_per_s": feed.MAX_ENTRIES / best(lambda: _read(whole)),
        "csv_rows_checked_per_s": rows / best(lambda: upload.read(file, "posts.csv")),
    }
    found["received_vs_bare_inserts"] = min(bare) / min(received)
    return found


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three runs."""
    return min(seconds(work) for _ in range(ROUNDS))


def _read(document: bytes) -> None:
    feed.read(document, url="https://x.example/feed", content_type="")


def main() -> None:
    """Measure in a database of its own and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--database", default="", help="default: a SQLite file that is thrown away")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {"VAR_DIR": str(Path(folder)), "DEMO": "0", "LOG_LEVEL": "ERROR"}
        app = create_app(environ | ({"DATABASE_URL": given.database} if given.database else {}))
        with app.app_context():
            schema.create_directly()
            found = measure(given.items)
    for name, value in found.items():
        print(f"{name:28} {value:12,.2f}")
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))


if __name__ == "__main__":
    main()
