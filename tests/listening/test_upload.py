"""Files are checked whole: what is wrong is told line by line, and then nothing is stored."""

import io
import json

import pytest
import sqlalchemy as sa

from core.db import db
from listening.connectors import Unreadable, upload
from listening.models import Mention
from tests import make


def read(text: str | bytes, name: str = "posts.csv") -> upload.Checked:
    return upload.read(text.encode() if isinstance(text, str) else text, name)


def refusal(text: str | bytes, name: str = "posts.csv") -> str:
    with pytest.raises(Unreadable) as caught:
        read(text, name)
    return caught.value.message


def told(text: str, name: str = "posts.csv") -> list[tuple[int, int, str]]:
    found = read(text, name)
    assert found.items == ()
    return [(part.first, part.last, part.reason) for part in found.bad]


def test_csv_gives_posts_in_the_documented_columns():
    found = read(
        "id,url,title,text,author_name,author_id,author_url,published_at,language\n"
        '7,https://x.example/7,Title,"Two\nlines, ""quoted""",Ana,a1,https://x.example/@ana,2026-03-01T10:00:00+01:00,de\n'
    )
    assert found.bad == ()
    (item,) = found.items
    assert (item.external_id, item.title, item.text) == ("7", "Title", 'Two\nlines, "quoted"')
    assert item.published_at.isoformat() == "2026-03-01T09:00:00+00:00"
    assert (item.author_external_id, item.language) == ("a1", "de")


@pytest.mark.parametrize(
    "text",
    ["text;id\nhello;1\n", "text\tid\nhello\t1\n", "Text , ID\r\nhello,1\r\n", "\ufefftext,id\nhello,1\n"],
)
def test_csv_of_other_programs_is_understood(text):
    (item,) = read(text).items
    assert (item.external_id, item.text) == ("1", "hello")


def test_jsonl_gives_posts_and_passes_over_empty_lines():
    rows = [{"id": 1, "text": "one"}, {"id": "2", "text": "two", "published_at": None}]
    found = read("\n\n".join(json.dumps(row) for row in rows) + "\n", "posts.jsonl")
    assert [(item.external_id, item.text) for item in found.items] == [("1", "one"), ("2", "two")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n  \n", "empty"),
        ("id,title\n1,x\n", "“text” is missing"),
        ("text,auhtor\nx,y\n", "Unknown columns: auhtor"),
        ("text,id,text\nx,1,y\n", "twice"),
        ("text,id\n", "no rows"),
        ("x" * (upload.MAX_BYTES + 1), "larger than 20 MB"),
        ("text\n" + "x\n" * (upload.MAX_ROWS + 1), "50,000 rows"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(text, words):
    assert words in refusal(text)


def test_one_json_list_is_no_jsonl():
    assert "one JSON list" in refusal('[{"text": "x"}]', "posts.json")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("text\nok\nGröße\n".encode("latin-1"), "line 3 holds the byte 0xF6"),
        ("text\nx\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\x1f\x8b\x08rest", "gzip"),
    ],
)
def test_a_wrong_encoding_is_explained(data, words):
    assert words in refusal(data)


def test_every_bad_line_is_told_with_its_number_and_reason():
    text = (
        'text,url,published_at\ngood,,\n ,https://x.example,\nx,javascript:1,\nx,,yesterday\nx,y\n"open,,\n'
    )
    lines = told(text)
    assert [(first, last) for first, last, _ in lines] == [(3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]
    reasons = [reason for _, _, reason in lines]
    assert "text" in reasons[0]
    assert "https://" in reasons[1]
    assert "2026-03-01T12:00:00Z" in reasons[2]
    assert "2 cells" in reasons[3]
    assert "quote" in reasons[4]


def test_lines_are_counted_as_an_editor_counts_them():
    assert told('text,url\n"one\ntwo\nthree",\nx,bad\n') == [
        (5, 5, "The field “url” must begin with https:// or http://.")
    ]


def test_neighbours_with_one_reason_are_told_together():
    assert [(first, last) for first, last, _ in told("text,id\n" + ",1\n" * 5 + "x,1\n" + ",2\n")] == [
        (2, 6),
        (8, 8),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", "not JSON"),
        ("[1]", "not an object"),
        ("7", "not an object"),
        ('{"text": ["x"]}', "must be text"),
        ('{"text": {"a": 1}}', "must be text"),
        ('{"text": "x", "id": true}', "must be text"),
        ('{"text": "x", "admin": 1}', "no field “admin”"),
        ('{"text": "' + "x" * 20_001 + '"}', "more than 20000 characters"),
        ('{"text": "x", "published_at": 5}', "not a time"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_jsonl_lines_that_do_not_fit_are_told(line, words):
    ((first, _last, reason),) = told('{"text": "fine"}\n' + line, "posts.jsonl")
    assert first == 2
    assert words in reason


# --- in the browser ---


@pytest.fixture
def sender(context):
    """Dev, who manages sources, with a source for files."""
    dev = make.actor("Dev", "agent", "moderator")
    return make.client_of(dev), make.source("Old forum", kind="upload", channel="Old forum")


def send(sender, data: str | bytes, name: str = "posts.csv", **more):
    client, source = sender
    body = data.encode() if isinstance(data, str) else data
    return make.post(client, f"/sources/{source.id}/uploads", file=(io.BytesIO(body), name), **more)


def stored() -> int:
    return db.session.execute(sa.select(sa.func.count()).select_from(Mention)).scalar_one()


def test_a_good_file_comes_in_and_a_second_time_adds_nothing(sender):
    assert send(sender, "text,id\none,1\ntwo,2\n").status_code == 303
    assert stored() == 2
    send(sender, "text,id\none,1\ntwo,2\nthree,3\n")
    assert stored() == 3


def test_only_checking_stores_nothing_and_shows_the_first_rows(sender):
    answer = send(sender, "text,id\nfirst words,1\n", step="check")
    assert answer.status_code == 200
    assert "first words" in answer.text
    assert stored() == 0


def test_one_bad_line_keeps_the_whole_file_out(sender):
    answer = send(sender, "text,id\nfine,1\n,2\nfine,3\n")
    assert answer.status_code == 422
    assert "nothing was stored" in answer.text
    assert "The field “text” is empty." in answer.text
    assert stored() == 0


def test_wrong_columns_are_told_on_the_page(sender):
    answer = send(sender, "body,id\nx,1\n")
    assert answer.status_code == 422
    assert "“text” is missing" in answer.text


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(sender):
    answer = send(sender, b"x" * (upload.MAX_BYTES + 200_000))
    assert answer.status_code == 413
    assert stored() == 0


def test_a_large_file_within_the_limit_comes_in(sender):
    rows = "".join(f"{n},{'word ' * 60}\n" for n in range(45_000))
    assert 12_000_000 < len(rows) < upload.MAX_BYTES
    assert send(sender, "id,text\n" + rows).status_code == 303
    assert stored() == 45_000


def test_agents_may_not_upload(context):
    source = make.source("Files", kind="upload")
    client = make.client_of(make.actor("Ada", "agent"))
    assert send((client, source), "text\nx\n").status_code == 403
    assert stored() == 0
