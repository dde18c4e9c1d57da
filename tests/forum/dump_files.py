"""Small dumps in the public Stack Exchange form, with texts of our own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

ROOTS: Final = {
    "Posts": "posts",
    "Users": "users",
    "Votes": "votes",
    "Tags": "tags",
    "PostLinks": "postlinks",
    "Comments": "comments",
}
Row = Mapping[str, Any]


def at(day: int, hour: int = 12) -> str:
    """A date as dumps write it, in June 2020."""
    return f"2020-06-{day:02d}T{hour:02d}:00:00.000"


def question(number: int, title: str = "", **more: Any) -> Row:
    """A question's row; `more` are attributes by their names in the dump."""
    return {
        "Id": number,
        "PostTypeId": 1,
        "CreationDate": at(1, number % 24),
        "Title": title or f"How do I set up device {number}?",
        "Body": f"<p>Device {number} does not start.</p>",
        "Tags": "<setup><devices>",
        "OwnerUserId": 1,
        "ViewCount": 10 * number,
        "ContentLicense": "CC BY-SA 4.0",
        **more,
    }


def answer(number: int, parent: int, **more: Any) -> Row:
    """An answer's row."""
    return {
        "Id": number,
        "PostTypeId": 2,
        "ParentId": parent,
        "CreationDate": at(2, number % 24),
        "Body": f"<p>Hold the button, says answer {number}.</p>",
        "OwnerUserId": 2,
        "ContentLicense": "CC BY-SA 4.0",
        **more,
    }


def comment(number: int, post: int, **more: Any) -> Row:
    """A comment's row."""
    return {
        "Id": number,
        "PostId": post,
        "Text": "Which model is it?",
        "CreationDate": at(3),
        "UserId": 2,
        **more,
    }


def user(number: int, name: str, **more: Any) -> Row:
    """A user's row."""
    return {"Id": number, "DisplayName": name, "CreationDate": at(1), **more}


def vote(number: int, post: int, kind: int = 2, **more: Any) -> Row:
    """A vote's row: 2 up, 3 down, 1 accepted."""
    return {"Id": number, "PostId": post, "VoteTypeId": kind, "CreationDate": at(4, 0), **more}


def link(number: int, post: int, target: int, kind: int = 1) -> Row:
    """A link's row: 1 linked, 3 duplicate."""
    return {"Id": number, "PostId": post, "RelatedPostId": target, "LinkTypeId": kind, "CreationDate": at(5)}


def xml(root: str, rows: Sequence[Row]) -> str:
    """A whole file: line 1 the declaration, line 2 the outermost element, then a row a line."""
    lines = [
        "<row " + " ".join(f"{name}={quoteattr(str(v))}" for name, v in row.items()) + " />" for row in rows
    ]
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', f"<{root}>", *lines, f"</{root}>"])


def write(folder: Path, **files: Sequence[Row] | str | bytes) -> Path:
    """A dump in `folder`: `Posts=[question(1)]`, or the very text of a file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str | bytes) else xml(ROOTS[name], content)
        (folder / f"{name}.xml").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def community(folder: Path) -> Path:
    """Five questions, seven answers, comments, votes, tags, links, and nothing wrong with any of them."""
    posts = [
        question(1, AcceptedAnswerId=11, ClosedDate=at(20)),
        question(2, "Is the export slow?", OwnerUserId=2, Tags="|export|speed|"),
        question(3, OwnerUserId=3, Tags=""),
        question(4, LastEditDate=at(9), LastEditorUserId=3),
        question(5, "Where is the invoice?", AcceptedAnswerId=15),
        answer(11, 1, CreationDate=at(2)),
        answer(12, 1, CreationDate=at(5), OwnerUserId=3),
        answer(13, 2),
        answer(14, 2, OwnerUserId=1),
        answer(15, 5),
        answer(16, 5, OwnerUserId=3),
        answer(17, 4),
    ]
    return write(
        folder,
        Posts=posts,
        Users=[user(1, "Ana"), user(2, "Ben"), user(3, "Cleo", AboutMe="<p>I <b>like</b> maps.</p>")],
        Votes=[
            *[vote(number, 11) for number in range(1, 5)],
            vote(5, 11, 3),
            vote(6, 1),
            vote(7, 11, 1, CreationDate=at(6, 0)),
            vote(8, 2, 3),
            vote(9, 1, 5),
        ],
        Tags=[{"Id": 1, "TagName": "setup", "Count": 3}, {"Id": 2, "TagName": "unused", "Count": 0}],
        Comments=[
            comment(1, 1, CreationDate=at(1, 23)),
            comment(
                2, 11, CreationDate=at(3), UserId=1, Text="Thanks, *that* works. See https://example.com/a_b."
            ),
        ],
        PostLinks=[link(1, 2, 1), link(2, 3, 13, 3)],
    )


def real_dump() -> Path | None:
    """The folder of a real community beside the project, where there is one. Nothing of it is kept here."""
    root = Path(__file__).resolve().parents[2]
    folder = root.parent / "shared" / "data" / "community" / "travel-stackexchange"
    return folder if (folder / "Posts.xml").exists() else None
