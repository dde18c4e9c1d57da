"""Measures the importer: posts a second until they can be read, the background after it, memory, longest write.

    python -m bench.imports [--dump FOLDER] [--posts 100000] [--background-all]

The dump is the real community beside the project where there is one, else a made-up one of the same shape; the
large one is made from it by repeating it under new numbers. Each import runs in a process of its own, into an empty
database (SQLite, or an empty one at DATABASE_URL for the first import alone), and so does what follows in the
background, as the running site does it. Counts are compared with the dump. The last line is JSON.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import sqlalchemy as sa
from flask import Flask

from app import create_app
from core import schema, worker
from core.db import db
from forum.importing import dump, queries, stackexchange
from forum.models import Post, PostVote, Thread
from forum.tasks import tend_search

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "community" / "travel-stackexchange"
SHIFTED = {
    "Posts.xml": ("Id", "ParentId", "AcceptedAnswerId"),
    "Votes.xml": ("Id", "PostId"),
    "Comments.xml": ("Id", "PostId"),
    "PostLinks.xml": ("Id", "PostId", "RelatedPostId"),
}
APART = 10_000_000
_WORDS = (
    "the export of my device stops when a larger file is sent by mail and nobody knows why it happens".split()  # noqa: SIM905
)
Row = Mapping[str, str]


# Dumps


def write_rows(path: Path, root: str, rows: Iterator[Row]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write(f'<?xml version="1.0" encoding="utf-8"?>\n<{root}>\n')
        for row in rows:
            out.write(
                "<row " + " ".join(f"{name}={quoteattr(value)}" for name, value in row.items()) + " />\n"
            )
        out.write(f"</{root}>\n")


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    return (row for _line, row in dump.rows(path, dump.FILES[path.name], lambda _size: None))


def repeated(source: Path, target: Path, copies: int) -> Path:
    """The same community several times over: new numbers for posts, votes and links, the same people and tags."""
    target.mkdir()
    for name, path in dump.find(source).items():
        number = copies if name in SHIFTED else 1
        write_rows(target / name, dump.FILES[name], _copies(path, number))
    return target


def _copies(path: Path, number: int) -> Iterator[Row]:
    for copy in range(number):
        for row in rows_of(path):
            changed = {
                name: str(int(row[name]) + copy * APART) for name in SHIFTED.get(path.name, ()) if name in row
            }
            yield row | changed


def made_up(target: Path, questions: int = 2_700) -> Path:
    """A dump of the real one's shape: two answers a question, six votes a post, bodies of about 800 characters."""
    choose = random.Random(11)
    target.mkdir()
    posts = list(_made_up_posts(choose, questions))
    write_rows(target / "Posts.xml", "posts", iter(posts))
    write_rows(target / "Users.xml", "users", _made_up_users())
    votes = [_vote(n, choose) | {"PostId": choose.choice(posts)["Id"]} for n in range(1, 6 * len(posts))]
    write_rows(target / "Votes.xml", "votes", iter(votes))
    return target


def _made_up_posts(choose: random.Random, questions: int) -> Iterator[dict[str, str]]:
    for number in range(1, 3 * questions + 1):
        is_question = number % 3 == 1
        words = " ".join(choose.choices(_WORDS, k=140))
        common = {
            "Id": str(number),
            "CreationDate": f"2020-{1 + number % 12:02d}-11T10:00:00.000",
            "Body": f"<p>{words[:400]}</p>\n<ul><li>{words[400:]}</li></ul>",
            "OwnerUserId": str(1 + choose.randrange(1_700)),
        }
        if is_question:
            title = words[:60].strip() + "?"
            more = {
                "PostTypeId": "1",
                "Title": title,
                "Tags": "<export><mail>",
                "AcceptedAnswerId": str(number + 1),
            }
        else:
            more = {"PostTypeId": "2", "ParentId": str(number - (number - 1) % 3)}
        yield common | more


def _made_up_users() -> Iterator[Row]:
    dated = "2020-01-01T00:00:00.000"
    return ({"Id": str(n), "DisplayName": f"Customer {n}", "CreationDate": dated} for n in range(1, 1_701))


def _vote(number: int, choose: random.Random) -> dict[str, str]:
    kind = "3" if choose.random() < 0.02 else "2"
    return {"Id": str(number), "VoteTypeId": kind, "CreationDate": "2020-12-24T00:00:00.000"}


def counted(folder: Path) -> dict[str, int]:
    """What should come in, counted by another parser than the importer's."""
    posts = {
        row["Id"]: row
        for row in _parsed(folder / "Posts.xml", ("Id", "PostTypeId", "ParentId", "AcceptedAnswerId"))
    }
    questions = {i for i, row in posts.items() if row["PostTypeId"] == "1"}
    answers = {i for i, row in posts.items() if row["PostTypeId"] == "2" and row.get("ParentId") in questions}
    votes = Counter(
        row["VoteTypeId"]
        for row in _parsed(folder / "Votes.xml", ("PostId", "VoteTypeId"))
        if row["PostId"] in questions or row["PostId"] in answers
    )
    accepted = sum(posts[i].get("AcceptedAnswerId") in answers for i in questions)
    return {
        "threads": len(questions), "answers": len(answers), "up": votes["2"], "down": votes["3"], "accepted": accepted,
    }  # fmt: skip


def _parsed(path: Path, names: Sequence[str]) -> Iterator[dict[str, str]]:
    for _event, element in ElementTree.iterparse(path):  # noqa: S314
        if element.tag == "row":
            yield {name: element.attrib[name] for name in names if name in element.attrib}
        element.clear()


# One import, in a process of its own


class Writes:
    """How long write transactions were open."""

    def __init__(self) -> None:
        self.began = 0.0
        self.longest = 0.0

    def watch(self, engine: sa.Engine) -> None:
        sa.event.listen(engine, "begin", self._begin)
        sa.event.listen(engine, "commit", self._end)

    def _begin(self, _connection: sa.Connection) -> None:
        self.began = time.perf_counter()

    def _end(self, connection: sa.Connection) -> None:
        if connection.get_execution_options().get("mode") == "write":
            self.longest = max(self.longest, time.perf_counter() - self.began)


def _app(var: Path) -> Flask:
    return create_app({**os.environ, "VAR_DIR": str(var), "DEMO": "0", "LOG_LEVEL": "ERROR"})


def import_one(folder: Path, var: Path) -> dict[str, Any]:
    with _app(var).app_context():
        schema.create_directly()
        writes = Writes()
        writes.watch(db.engine)
        busy = time.process_time()
        report = stackexchange.run(
            folder, category="Imported", site="community.example.com", is_terminal=sys.stderr.isatty()
        )
        return {
            "posts": report.posts_added,
            "seconds": report.seconds,
            "cpu_seconds": time.process_time() - busy,
            "peak_mb": _peak_mb(),
            "longest_write_ms": 1000 * writes.longest,
            "counts": _stored(),
        }


def _stored() -> dict[str, int]:
    kinds = dict(db.session.execute(sa.select(Post.kind, sa.func.count()).group_by(Post.kind)).all())
    values = dict(
        db.session.execute(sa.select(PostVote.value, sa.func.count()).group_by(PostVote.value)).all()
    )
    accepted = db.session.execute(sa.select(sa.func.count(Thread.accepted_post_id))).scalar_one()
    return {
        "threads": kinds.get("opening", 0), "answers": kinds.get("answer", 0), "up": values.get(1, 0),
        "down": values.get(-1, 0), "accepted": accepted,
    }  # fmt: skip


def _peak_mb() -> float:
    """The most memory this process ever had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 if sys.platform != "darwin" else 2**20)


def background(var: Path) -> dict[str, Any]:
    """What the worker does afterwards: points, index, second sanitiser."""
    app = _app(var)
    with app.app_context():
        began, busy = time.perf_counter(), time.process_time()
        worker.drain()
        while (left := queries.waiting()) != queries.Waiting(0, None):
            waits = f"search {_percent(left.indexed)}, {left.second_look:,} texts wait"
            print(f"  background: {waits}", file=sys.stderr)
            tend_search()
        found = {
            "background_seconds": time.perf_counter() - began,
            "background_cpu_seconds": time.process_time() - busy,
            "background_peak_mb": _peak_mb(),
        }
        return found | _pages(app)


def _percent(share: float | None) -> str:
    return "ready" if share is None else f"{100 * share:.0f} %"


def _pages(app: Flask) -> dict[str, Any]:
    """Pages that did not open: of a hundred threads, the lists, and searches for words of titles."""
    rows = db.session.execute(
        sa.select(Thread.id, Thread.slug).order_by(Thread.score.desc()).limit(100)
    ).all()
    db.session.rollback()
    words = {max(slug.split("-"), key=len) for _id, slug in rows}
    paths = [f"/t/{thread_id}/{slug}" for thread_id, slug in rows]
    paths += [
        "/",
        "/questions",
        "/c/imported",
        "/tags",
        *(f"/search?q={word}" for word in sorted(words)[:30]),
    ]
    client = app.test_client()
    failed = [path for path in paths if client.get(path).status_code != 200]
    return {"pages_opened": len(paths) - len(failed), "pages_failed": failed}


def measured(folder: Path, work: Path, *, with_background: bool) -> dict[str, Any]:
    var = tempfile.mkdtemp(dir=work)
    found = _in_a_process("--one", str(folder), "--var", var)
    found["counts_agree"] = found.pop("counts") == counted(folder)
    return found | _in_a_process("--behind", "--var", var) if with_background else found


def _in_a_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.imports", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return found


def tell(name: str, found: Mapping[str, Any]) -> None:
    rate = found["posts"] / found["seconds"]
    print(f"{name}: {found['posts']:,} posts readable after {found['seconds']:.1f} s: {rate:,.0f} posts/s")
    for key, value in found.items():
        print(f"  {key}: {value:.1f}" if isinstance(value, float) else f"  {key}: {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument(
        "--background-all", action="store_true", help="wait for the large dump's background too"
    )
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--behind", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--var", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.var:
        print(json.dumps(background(options.var) if options.behind else import_one(options.one, options.var)))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))


def compare(options: argparse.Namespace, work: Path) -> None:
    """The dump itself, then the large one made from it."""
    source = options.dump or (REAL if REAL.is_dir() else made_up(work / "made-up"))
    small = measured(source, work, with_background=True)
    tell(source.name, small)
    copies = -(-options.posts // max(1, small["posts"]))
    large = measured(repeated(source, work / "large", copies), work, with_background=options.background_all)
    tell(f"{copies} times that", large)
    results = {
        "posts_per_second": round(small["posts"] / small["seconds"]),
        "posts_per_second_100k": round(large["posts"] / large["seconds"]),
        "posts_per_cpu_second": round(small["posts"] / small["cpu_seconds"]),
        "posts_per_cpu_second_100k": round(large["posts"] / large["cpu_seconds"]),
        "peak_mb": round(small["peak_mb"]),
        "peak_mb_100k": round(large["peak_mb"]),
        "background_peak_mb": round(small["background_peak_mb"]),
        "background_peak_mb_100k": round(large.get("background_peak_mb", 0.0)) or None,
        "background_seconds": round(small["background_seconds"], 1),
        "background_cpu_seconds": round(small["background_cpu_seconds"], 1),
        "background_seconds_100k": round(large.get("background_seconds", 0.0), 1) or None,
        "longest_write_ms": round(max(small["longest_write_ms"], large["longest_write_ms"])),
        "counts_agree": small["counts_agree"] and large["counts_agree"],
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
