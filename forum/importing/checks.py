"""What can only be said of a dump once all of it was read: who belongs to what, and what is missing."""

import sqlite3
from typing import Final

from flask_babel import gettext as _

from forum.importing.mapping import NOBODY

# (file, table, condition, word, is it kept, reason, detail): a row for the report each.
_PROBLEMS: Final = (
    ("Posts.xml", "post", "kind = 2 AND thread IS NULL", "post", 0, "its question is not in the dump",
     "'question ' || parent"),
    ("Posts.xml", "post", f"author = '{NOBODY}' OR author LIKE 'name:%'", "post", 1,
     "it has no owner; the name given, or nobody, stands for the author", "author_name"),
    ("Posts.xml", "post", "thread IS NOT NULL AND author LIKE 'user:%' AND author NOT IN (SELECT key FROM "
     "author)", "post", 1, "its owner is not in Users.xml; a person without a profile stands for the author", "author"),
    ("Posts.xml", "post", "accepted IS NOT NULL AND NOT EXISTS (SELECT 1 FROM post AS answer WHERE answer.id = "
     "post.accepted AND answer.kind = 2 AND answer.thread = post.id)", "post", 1,
     "its accepted answer is not in the dump", "'answer ' || accepted"),
    ("Posts.xml", "post", "kind IN (4, 5) AND id NOT IN (SELECT excerpt FROM tag WHERE excerpt IS NOT NULL UNION "
     "SELECT wiki FROM tag WHERE wiki IS NOT NULL)", "post", 0, "Tags.xml does not say which tag this text describes",
     "''"),
    ("Comments.xml", "comment", "thread IS NULL", "comment", 0, "its post is not in the dump", "'post ' || post"),
    ("Comments.xml", "comment", "thread IS NOT NULL AND author LIKE 'user:%' AND author NOT IN (SELECT key FROM "
     "author)", "comment", 1, "its owner is not in Users.xml; a person without a profile stands for the author",
     "author"),
    ("Comments.xml", "comment", f"author = '{NOBODY}' OR author LIKE 'name:%'", "comment", 1,
     "it has no owner; the name given, or nobody, stands for the author", "author_name"),
    ("Votes.xml", "vote", "value != 0 AND thread IS NULL", "vote", 0, "its post is not in the dump", "'post ' || post"),
    ("PostLinks.xml", "link", "from_thread IS NULL OR to_thread IS NULL", "link", 0,
     "one of its posts is not in the dump", "'posts ' || post || ' and ' || target"),
    ("PostLinks.xml", "link", "from_thread = to_thread", "link", 0, "it leads from a thread to itself",
     "'post ' || post"),
)  # fmt: skip

_THREADS: Final = (
    "UPDATE post SET thread = CASE kind WHEN 1 THEN id WHEN 2 THEN "
    "(SELECT question.id FROM post AS question WHERE question.id = post.parent AND question.kind = 1) END",
    "UPDATE comment SET thread = (SELECT post.thread FROM post WHERE post.id = comment.post)",
    "UPDATE vote SET thread = (SELECT post.thread FROM post WHERE post.id = vote.post)",
    "UPDATE link SET from_thread = (SELECT thread FROM post WHERE post.id = link.post), "
    "to_thread = (SELECT thread FROM post WHERE post.id = link.target)",
    "CREATE INDEX post_thread ON post (thread)",
    "CREATE INDEX comment_thread ON comment (thread)",
    "CREATE INDEX vote_thread ON vote (thread)",
    "CREATE INDEX vote_post ON vote (post, kind)",
)

# Whoever wrote something that is kept but is not in Users.xml.
_AUTHORS: Final = """
    INSERT INTO author (key, name, about, location, website, at)
    SELECT written.author,
        CASE WHEN written.author LIKE 'user:%' AND max(written.author_name) = ''
            THEN 'user' || substr(written.author, 6) ELSE max(written.author_name) END,
        '', '', '', min(written.at)
    FROM (SELECT author, author_name, at FROM post WHERE thread IS NOT NULL
        UNION ALL SELECT author, author_name, at FROM comment WHERE thread IS NOT NULL) AS written
    WHERE written.author NOT IN (SELECT key FROM author) GROUP BY written.author
"""


def settle(connection: sqlite3.Connection) -> None:
    """Give every row its thread and every text its author, and note what does not fit together."""
    for statement in _THREADS:
        connection.execute(statement)
    for file, table, condition, word, is_kept, reason, detail in _PROBLEMS:
        connection.execute(
            f"INSERT INTO problem SELECT ?, line, ? || ' ' || id, ?, {detail}, ? FROM {table} WHERE {condition}",  # noqa: S608
            [file, word, reason, is_kept],
        )
    connection.execute(_AUTHORS)
    connection.execute(
        "UPDATE author SET name = 'user' || substr(key, 6) WHERE name = '' AND key LIKE 'user:%'"
    )
    connection.execute("UPDATE author SET name = ? WHERE name = ''", [_("Somebody (imported)")])
