"""Files are checked whole: what is wrong is told line by line, and then nothing is stored."""

import io
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from core import clock, files
from core.db import db, writing
from listening.connectors import Unreadable, upload
from listening.models import Mention, WaitingFile
from listening.tasks import forget_old_things
from tests import make


def read(text: str | bytes, name: str = "posts.csv") -> upload.Checked:
    return upload.read(text.encode() if isinstance(text, str) else text, name)


def refusal(text: str | bytes, name: str = "posts.csv") -> str:
    with pytest.raises(Unreadable) as caught:
        read(text, name)
    return caught.value.message


def told(text: str, name: str = "posts.csv") -> list[tuple[int, int, str]]:
    found = read(text, name)
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
        pytest.param("text\n" + "x\n" * (upload.MAX_ROWS + 1), "50,000 rows", marks=pytest.mark.slow),
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


def test_good_lines_are_there_beside_bad_ones():
    found = read("text,id\nfine,1\n,2\nfine,3\n")
    assert [item.external_id for item in found.items] == ["1", "3"]
    assert found.bad_count == 1


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
    assert "2 posts came in.<" in sender[0].get("/inbox").text
    send(sender, "text,id\none,1\ntwo,2\nthree,3\n")
    assert stored() == 3
    assert "1 post came in. 2 were here already.<" in sender[0].get("/inbox").text


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


# --- files that wait ---


def offered(answer: TestResponse) -> str:
    """Where the page's button takes the file in that was just looked at; empty when there is none."""
    found = re.search(r'action="(/sources/\d+/uploads/[\w-]+/intake)"', answer.text)
    answer.close()  # what is put off until the response is sent happens now
    return found.group(1) if found else ""


def waiting() -> list[str]:
    """Keys of the files that wait."""
    return list(db.session.execute(sa.select(WaitingFile.key)).scalars())


def test_the_good_lines_of_a_file_come_in_by_one_click(sender):
    path = offered(send(sender, "text,id\nfine,1\n,2\nfine too,3\n"))
    (key,) = waiting()
    assert files.exists(key)
    assert make.post(sender[0], path).status_code == 303
    assert stored() == 2
    assert (waiting(), files.exists(key)) == ([], False)


def test_a_checked_file_comes_in_without_being_chosen_again(sender):
    path = offered(send(sender, '{"text": "one"}\n{"text": "two"}\n', "posts.jsonl", step="check"))
    assert make.post(sender[0], path).status_code == 303
    assert stored() == 2


def test_a_second_click_says_that_the_file_is_gone(sender):
    path = offered(send(sender, "text,id\nfine,1\n,2\n"))
    make.post(sender[0], path)
    again = make.post(sender[0], path)
    assert again.status_code == 410
    assert "Please choose it again." in again.text
    assert stored() == 1


def test_a_file_without_a_good_line_and_one_that_cannot_be_read_do_not_wait(sender):
    assert offered(send(sender, "text,id\n,1\n,2\n")) == ""
    assert offered(send(sender, "body,id\nx,1\n")) == ""
    assert waiting() == []


def test_files_wait_for_a_day(sender):
    path = offered(send(sender, "text,id\nfine,1\n,2\n"))
    (key,) = waiting()
    with writing():
        db.session.execute(sa.update(WaitingFile).values(at=clock.now() - timedelta(hours=25)))
    assert make.post(sender[0], path).status_code == 410
    forget_old_things()
    assert (waiting(), files.exists(key)) == ([], False)
    assert stored() == 0


def test_the_same_content_that_somebody_else_waits_with_stays(sender):
    text = "text,id\nfine,1\n,2\n"
    first, second = offered(send(sender, text)), offered(send(sender, text))
    make.post(sender[0], first)
    (key,) = waiting()
    assert files.exists(key)
    assert make.post(sender[0], second).status_code == 303


def test_a_source_can_be_removed_with_its_waiting_files(sender):
    client, source = sender
    offered(send(sender, "text,id\nfine,1\n,2\n"))
    assert make.post(client, f"/sources/{source.id}/removal").status_code == 303
    assert waiting() == []


def test_a_waiting_file_is_no_agents_business_nor_another_sources(sender):
    path = offered(send(sender, "text,id\nfine,1\n,2\n"))
    agent = make.client_of(make.actor("Ada", "agent"))
    assert make.post(agent, path).status_code == 403
    other = make.source("Other", kind="upload")
    elsewhere = path.replace(f"/sources/{sender[1].id}/", f"/sources/{other.id}/")
    assert make.post(sender[0], elsewhere).status_code == 410
    assert stored() == 0


def test_a_paused_source_takes_no_waiting_file(sender):
    client, source = sender
    path = offered(send(sender, "text,id\nfine,1\n,2\n"))
    make.post(client, f"/sources/{source.id}/pause")
    assert make.post(client, path).status_code == 422
    assert stored() == 0
    make.post(client, f"/sources/{source.id}/resumption")
    assert make.post(client, path).status_code == 303


def test_wrong_columns_are_told_on_the_page(sender):
    answer = send(sender, "body,id\nx,1\n")
    assert answer.status_code == 422
    assert "“text” is missing" in answer.text


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(sender):
    answer = send(sender, b"x" * (upload.MAX_BYTES + 200_000))
    assert answer.status_code == 413
    assert stored() == 0


@pytest.mark.slow
def test_a_large_file_within_the_limit_comes_in(sender):
    page = "https://forum.example/" + "long" * 115
    rows = "".join(f"{n},Words,{page},{page}\n" for n in range(13_000))
    assert 12_000_000 < len(rows) < upload.MAX_BYTES
    assert send(sender, "id,text,url,author_url\n" + rows).status_code == 303
    assert stored() == 13_000


def test_agents_may_not_upload(context):
    source = make.source("Files", kind="upload")
    client = make.client_of(make.actor("Ada", "agent"))
    assert send((client, source), "text\nx\n").status_code == 403
    assert stored() == 0
