"""Importing a Stack Exchange dump: what comes in, what is left out, and that it may be stopped at any moment."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import cli
from core import db as edge
from core import text, worker
from core.clock import now
from core.config import settings
from core.db import db, writing
from core.errors import Forbidden, Refused
from core.outbox import Event
from core.viewer import Viewer
from forum import actions, indexer, policy
from forum.importing import dump, mapping, queries, stackexchange, staging
from forum.importing.progress import Progress
from forum.importing.report import Report
from forum.models import Category, ImportRun, Post, PostVote, Tag, Thread, ThreadLink, ThreadTag
from forum.tasks import tend_search
from notices.models import Notice
from people.models import IMPORTED, Person
from tests.forum import dump_files
from tests.forum.dump_files import answer, at, comment, link, question, user, vote

ROOT = Path(__file__).resolve().parents[2]
SITE = "help.example.com"
TABLES = (Person, Category, Thread, Post, PostVote, Tag, ThreadTag, ThreadLink, Event)


def bring(folder: Path, **more: Any) -> Report:
    """Import a dump as the command does."""
    return stackexchange.run(folder, **{"category": "Devices", "site": SITE, "is_terminal": False, **more})


def numbers() -> dict[str, int]:
    """Rows in every table that an import writes."""
    tables = {table.__tablename__: sa.select(sa.func.count()).select_from(table) for table in TABLES}
    found = {name: db.session.execute(statement).scalar_one() for name, statement in tables.items()}
    db.session.rollback()
    return found


def thread_of(number: int) -> Thread:
    key = f"stackexchange:{SITE}:post:{number}"
    return db.session.execute(sa.select(Thread).where(Thread.origin_key == key)).scalar_one()


def posts_in(thread: Thread) -> list[Post]:
    statement = sa.select(Post).where(Post.thread_id == thread.id).order_by(Post.position)
    return list(db.session.execute(statement).scalars())


def post_of(number: int, kind: str = "post") -> Post:
    key = f"stackexchange:{SITE}:{kind}:{number}"
    return db.session.execute(sa.select(Post).where(Post.origin_key == key)).scalar_one()


def person_of(key: str) -> Person:
    key = f"stackexchange:{SITE}:{key}"
    return db.session.execute(sa.select(Person).where(Person.origin_key == key)).scalar_one()


def reasons(report: Report) -> dict[str, tuple[str, ...]]:
    return {f"{problem.file}: {problem.reason}": problem.examples for problem in report.problems}


def finish_background() -> None:
    """Let the worker do all that an import leaves to it."""
    worker.drain()
    for _ in range(50):
        tend_search()
        if queries.waiting() == queries.Waiting(0, None):
            return
    raise AssertionError("the background never came to an end")


# --- what comes in ---


@pytest.mark.both
def test_everything_in_the_dump_comes_in(context, tmp_path):
    report = bring(dump_files.community(tmp_path / "dump"))
    found = numbers()
    assert (found["thread"], found["post"], found["post_vote"], found["thread_link"]) == (5, 14, 7, 2)
    assert (found["person"], found["tag"], found["category"], found["thread_tag"]) == (3, 5, 1, 8)
    assert report.added == report.found
    assert report.found["answers"] == 7
    assert report.found["accepted"] == 2
    assert report.problems == ()


def raw(path: Path, name: str) -> list[dict[str, str]]:
    return [dict(row.attrib) for row in ElementTree.parse(path / f"{name}.xml").getroot()]


def some_dump(folder: Path) -> Path:
    """The first posts of a real community where there is one, else the small one of these tests."""
    real = dump_files.real_dump()
    if real is None:
        return dump_files.community(folder)
    posts = [attributes for _line, attributes in _first(dump.rows(real / "Posts.xml", "posts", ignore), 500)]
    ids = {row["Id"] for row in posts}
    votes = [a for _line, a in dump.rows(real / "Votes.xml", "votes", ignore) if a["PostId"] in ids]
    for name in ("Users", "Tags"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.xml").write_bytes((real / f"{name}.xml").read_bytes())
    return dump_files.write(folder, Posts=posts, Votes=votes)


def _first(rows: Iterator[dump.Row], most: int) -> Iterator[dump.Row]:
    return (row for row, _number in zip(rows, range(most), strict=False))


def ignore(_size: int) -> None:
    pass


@pytest.mark.slow
def test_counts_agree_with_the_dump(context, tmp_path):
    folder = some_dump(tmp_path / "dump")
    bring(folder)
    posts = {row["Id"]: row for row in raw(folder, "Posts")}
    questions = {i for i, row in posts.items() if row["PostTypeId"] == "1"}
    answers = {i for i, row in posts.items() if row["PostTypeId"] == "2" and row["ParentId"] in questions}
    votes = [v for v in raw(folder, "Votes") if v["PostId"] in questions | answers]
    ups, downs = (sum(v["VoteTypeId"] == kind for v in votes) for kind in "23")
    accepted = [i for i in questions if posts[i].get("AcceptedAnswerId") in answers]
    stored = dict(
        db.session.execute(sa.select(PostVote.value, sa.func.count()).group_by(PostVote.value)).all()
    )
    kinds = dict(db.session.execute(sa.select(Post.kind, sa.func.count()).group_by(Post.kind)).all())
    with_accepted = sa.select(sa.func.count()).where(Thread.accepted_post_id.is_not(None))
    assert (kinds["opening"], kinds["answer"]) == (len(questions), len(answers))
    assert (stored.get(1, 0), stored.get(-1, 0)) == (ups, downs)
    assert db.session.execute(with_accepted).scalar() == len(accepted)


@pytest.mark.both
def test_positions_have_no_gaps_and_follow_the_dates(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    posts = posts_in(thread_of(1))
    assert [post.position for post in posts] == [1, 2, 3, 4, 5]
    assert [post.kind for post in posts] == ["opening", "comment", "answer", "comment", "answer"]
    assert [post.reply_to_id for post in posts] == [None, posts[0].id, None, posts[2].id, None]
    for thread in db.session.execute(sa.select(Thread)).scalars():
        there = posts_in(thread)
        assert [post.position for post in there] == list(range(1, thread.post_count + 1))
        assert thread.reply_count == thread.post_count - 1
        assert thread.answer_count == sum(post.kind == "answer" for post in there)
        assert thread.last_post_at == max(post.created_at for post in there)


def test_the_question_stands_first_even_when_an_answer_is_older(context, tmp_path):
    posts = [question(1, CreationDate=at(9)), answer(2, 1, CreationDate=at(1))]
    remarks = [comment(1, 2, CreationDate=at(1, 1)), comment(2, 1, CreationDate=at(1, 1))]
    bring(dump_files.write(tmp_path / "dump", Posts=posts, Comments=remarks))
    found = posts_in(thread_of(1))
    assert [post.kind for post in found] == ["opening", "answer", "comment", "comment"]
    assert thread_of(1).last_post_at == found[0].created_at


def test_votes_are_rows_without_a_voter_and_make_the_score(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    votes = db.session.execute(sa.select(PostVote).where(PostVote.post_id == post_of(11).id)).scalars().all()
    assert sorted(vote.value for vote in votes) == [-1, 1, 1, 1, 1]
    assert {vote.person_id for vote in votes} == {None}
    assert (post_of(11).score, thread_of(1).score, thread_of(2).score) == (3, 1, -1)


def test_the_accepted_answer_is_the_one_the_question_names(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    with_vote, without = thread_of(1), thread_of(5)
    assert with_vote.accepted_post_id == post_of(11).id
    assert with_vote.accepted_at == post_of(11).accepted_at == mapping_date(at(6, 0))
    assert with_vote.accepted_by_id == with_vote.author_id
    assert without.accepted_post_id == post_of(15).id
    assert without.accepted_at == post_of(15).created_at
    assert thread_of(2).accepted_post_id is None


def mapping_date(value: str) -> Any:
    from datetime import UTC, datetime

    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def test_closing_editing_views_tags_and_links_are_kept(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    assert thread_of(1).closed_at == mapping_date(at(20))
    assert SITE in thread_of(1).closed_reason
    assert (post_of(4).edited_at, post_of(4).edited_by_id) == (mapping_date(at(9)), person_of("user:3").id)
    assert (thread_of(2).view_count, thread_of(2).tags, thread_of(3).tags) == (20, "export speed", "")
    links = db.session.execute(sa.select(ThreadLink.from_thread_id, ThreadLink.to_thread_id, ThreadLink.kind))
    assert set(links) == {
        (thread_of(2).id, thread_of(1).id, "linked"),
        (thread_of(3).id, thread_of(2).id, "duplicate"),
    }


def test_a_thread_names_its_origin_and_licence(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    assert thread_of(1).origin_label == "help.example.com · CC BY-SA, CC BY-SA 4.0"
    assert thread_of(1).origin_url == "https://help.example.com/questions/1"


def test_without_a_site_the_folder_names_the_origin(context, tmp_path):
    bring(dump_files.write(tmp_path / "devices-2020", Posts=[question(1)]), site="", category="")
    thread = db.session.execute(sa.select(Thread)).scalar_one()
    assert (thread.origin_label, thread.origin_url) == ("devices-2020 · CC BY-SA 4.0", "")
    assert db.session.get_one(Category, thread.category_id).name == "devices-2020"


def test_imported_people_cannot_sign_in(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    people = db.session.execute(sa.select(Person)).scalars().all()
    assert {person.kind for person in people} == {IMPORTED}
    assert {(person.email, person.password_hash) for person in people} == {(None, None)}
    assert person_of("user:3").bio_html == "<p>I <b>like</b> maps.</p>"


@pytest.mark.both
def test_handles_are_unique_and_none_of_the_house(context, tmp_path):
    names = ["Ana", "ANA", "ana", "Admin", "", "日本", "x" * 90, "x" * 90]
    users = [user(number, name) for number, name in enumerate(names, 1)]
    bring(dump_files.write(tmp_path / "dump", Posts=[question(1)], Users=users))
    people = [person_of(f"user:{number}") for number in range(1, 9)]
    assert [person.handle for person in people[:5]] == ["ana", "ana-2", "ana-3", "member-admin", "user5"]
    assert len({person.handle for person in people}) == 8
    assert max(len(person.handle) for person in people) <= 40
    assert [len(person.name) for person in people[4:]] == [5, 2, 60, 60]


def test_authors_without_an_account_keep_the_name_the_dump_gives(context, tmp_path):
    posts = [
        question(1, OwnerUserId="", OwnerDisplayName="Olu"),
        answer(2, 1, OwnerUserId="", OwnerDisplayName="Olu"),
        answer(3, 1, OwnerUserId=""),
        answer(4, 1, OwnerUserId=77),
    ]
    report = bring(dump_files.write(tmp_path / "dump", Posts=posts, Users=[user(1, "Ana")]))
    names = [db.session.get_one(Person, post.author_id).name for post in posts_in(thread_of(1))]
    assert names == ["Olu", "Olu", "Somebody (imported)", "user77"]
    no_owner = reasons(report)["Posts.xml: it has no owner; the name given, or nobody, stands for the author"]
    assert no_owner == ("line 3 (post 1: Olu)", "line 4 (post 2: Olu)", "line 5 (post 3)")


def test_scripts_in_texts_do_not_get_in_and_the_source_is_kept(context, tmp_path):
    source = '<p onclick="x()">Hi<script>alert(1)</script> <a href="javascript:x()">you</a></p>'
    posts = [
        question(1, Body=source, Title="<b>Bold?</b>"),
        answer(2, 1, Body="<img src=x onerror=alert(1)>"),
    ]
    remarks = [comment(1, 1, Text="<script>alert(1)</script> [x](javascript:alert(1)) `<b>` **a**")]
    users = [user(1, "<i>Ana</i>", AboutMe=source, WebsiteUrl="javascript:alert(1)")]
    bring(dump_files.write(tmp_path / "dump", Posts=posts, Comments=remarks, Users=users))
    assert (post_of(1).source, post_of(1).format) == (source, "html")
    assert post_of(1).html == person_of("user:1").bio_html == "<p>Hi you</p>"
    assert post_of(2).html == ""
    assert "<script" not in post_of(1, "comment").html
    assert post_of(1, "comment").html.endswith("<code>&lt;b&gt;</code> <strong>a</strong></p>")
    assert (thread_of(1).title, person_of("user:1").name) == ("<b>Bold?</b>", "<i>Ana</i>")
    assert person_of("user:1").website == ""


def test_links_from_the_root_of_the_origin_lead_there(context, tmp_path):
    body = '<p><a href="/questions/9/x">nine</a> <a href="//other.example/">o</a> <a href="https://a.example/">a</a></p>'
    bring(dump_files.write(tmp_path / "dump", Posts=[question(1, Body=body)]))
    assert 'href="https://help.example.com/questions/9/x"' in post_of(1).html
    assert 'href="https://a.example/"' in post_of(1).html
    assert post_of(1).source == body


def test_comments_are_shown_with_their_marks(context):
    shown = mapping.comment_html(
        "a_b_c _d_ *e* **f** [g](https://x.example/?a=1&b=2) https://y.example/z_z_. <h>"
    )
    assert shown == (
        '<p>a_b_c <em>d</em> <em>e</em> <strong>f</strong> <a href="https://x.example/?a=1&amp;b=2">g</a> '
        '<a href="https://y.example/z_z_">https://y.example/z_z_</a>. &lt;h&gt;</p>'
    )


def test_tags_are_described_by_their_wikis(context, tmp_path):
    posts = [
        question(1, Tags="<setup><Ex.Port>"),
        {"Id": 2, "PostTypeId": 4, "CreationDate": at(1), "Body": "How to <b>begin</b>."},
        {"Id": 3, "PostTypeId": 5, "CreationDate": at(1), "Body": "<p>Files out.</p>"},
    ]
    tags = [
        {"Id": 1, "TagName": "setup", "Count": 1, "ExcerptPostId": 2, "WikiPostId": 3},
        {"Id": 2, "TagName": "ex.port", "Count": 1, "WikiPostId": 3},
    ]
    bring(dump_files.write(tmp_path / "dump", Posts=posts, Tags=tags))
    described = dict(db.session.execute(sa.select(Tag.name, Tag.description)).all())
    assert described == {"setup": "How to begin.", "ex.port": "Files out."}
    assert thread_of(1).tags == "ex.port setup"


# --- where it goes, and what follows ---


def test_the_category_is_public_and_for_questions_and_counts_its_threads(context, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    category = db.session.execute(sa.select(Category)).scalar_one()
    assert (category.name, category.access, category.default_kind, category.thread_count) == (
        "Devices",
        0,
        "question",
        5,
    )


def test_threads_of_a_closed_category_are_as_private_as_it_is(context, client, tmp_path):
    with writing():
        actions.create_category(Viewer.system(), name="Devices", access=1)
    bring(dump_files.community(tmp_path / "dump"))
    assert {thread.access for thread in db.session.execute(sa.select(Thread)).scalars()} == {1}
    assert client.get(f"/t/{thread_of(1).id}").status_code == 404


@pytest.mark.both
def test_one_event_tells_of_a_batch_and_nobody_gets_a_notice(context, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "MOST_THREADS", 3)
    bring(dump_files.community(tmp_path / "dump"))
    finish_background()
    events = db.session.execute(sa.select(Event).where(Event.kind.startswith("forum.thread"))).scalars().all()
    assert [event.kind for event in events] == ["forum.threads_imported"] * 2
    stretches = [(event.payload["first_thread_id"], event.payload["last_thread_id"]) for event in events]
    assert [last - first for first, last in stretches] == [2, 1]
    assert db.session.execute(sa.select(sa.func.count()).select_from(Notice)).scalar() == 0


def test_a_thread_too_heavy_for_a_batch_is_a_batch_of_its_own(context, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "MOST_WEIGHT", 3)
    bring(dump_files.community(tmp_path / "dump"))
    imported = sa.select(sa.func.count()).where(Event.kind == "forum.threads_imported")
    assert db.session.execute(imported).scalar() == 4  # the third, which has no replies, goes with the fourth
    assert numbers()["post"] == 14


@pytest.mark.both
def test_pages_and_search_work_on_what_came_in(context, client, tmp_path):
    bring(dump_files.community(tmp_path / "dump"))
    finish_background()
    thread = thread_of(2)
    page = client.get(f"/t/{thread.id}/{thread.slug}")
    assert page.status_code == 200
    assert "Is the export slow?" in page.text
    assert "help.example.com · CC BY-SA 4.0" in page.text
    assert "says answer 13" in page.text
    assert "1 thread found" in client.get("/search?q=export").text
    assert "Is the export slow?" in client.get("/tags/export").text
    assert "Is the export slow?" in client.get("/c/devices").text
    assert client.get(f"/people/{person_of('user:3').handle}").status_code == 200


def test_the_second_sanitiser_and_the_index_follow_in_the_background(context, tmp_path):
    report = bring(dump_files.community(tmp_path / "dump"))
    assert report.waiting.second_look == 14
    assert "14 texts follow in the background" in report.as_text()
    assert set(db.session.execute(sa.select(Post.text_version)).scalars()) == {text.FAST_VERSION}
    finish_background()
    assert set(db.session.execute(sa.select(Post.text_version)).scalars()) == {text.RENDERER_VERSION}
    assert queries.waiting().as_text() == "Nothing waits in the background."


@pytest.mark.parametrize("is_there", [False, True], ids=["without an index", "with one"])
def test_what_comes_in_is_indexed_once(context, tmp_path, monkeypatch, is_there):
    monkeypatch.setattr(indexer, "AT_ONCE", 3)
    if is_there:
        finish_background()
    bring(dump_files.community(tmp_path / "dump"))
    finish_background()
    runs = db.session.execute(sa.select(ImportRun.progress).where(ImportRun.kind == "search")).scalars()
    assert sum(run["done"] for run in runs) == 14


def test_only_the_product_itself_imports(context):
    assert policy.may_import(Viewer.system())
    assert not policy.may_import(Viewer(id=1, roles=frozenset({"owner"})))


def test_nothing_is_read_when_the_rule_says_no(context, tmp_path, monkeypatch):
    monkeypatch.setattr(policy, "may_import", lambda actor: False)
    with pytest.raises(Forbidden):
        bring(dump_files.community(tmp_path / "dump"))
    assert numbers()["thread"] == 0


# --- again, and after a crash ---


@pytest.mark.both
def test_a_second_run_adds_nothing(context, tmp_path):
    folder = dump_files.community(tmp_path / "dump")
    bring(folder)
    before = numbers()
    report = bring(folder)
    assert numbers() == before
    assert set(report.added.values()) == {0}
    assert "0  threads added, 5 here before" in report.as_text()


class PlugPulled(BaseException):
    """The process ended here."""


def pull_plug_at(monkeypatch: pytest.MonkeyPatch, commit: int, *, is_stored: bool) -> None:
    """End the next run at its n-th commit, just before or just after it is stored."""
    commits = count(1)
    stored = edge._commit

    def counted() -> None:
        is_last = next(commits) == commit
        if is_stored or not is_last:
            stored()
        if is_last:
            raise PlugPulled

    monkeypatch.setattr(edge, "_commit", counted)


def is_finished() -> bool:
    statement = sa.select(ImportRun.finished_at).where(ImportRun.kind == "stackexchange")
    found = db.session.execute(statement).scalar()
    db.session.rollback()
    return found is not None


@pytest.mark.slow
@pytest.mark.both
@pytest.mark.parametrize("is_stored", [False, True])
def test_an_import_stopped_at_every_commit_ends_as_if_never_stopped(
    context, tmp_path, monkeypatch, is_stored
):
    monkeypatch.setattr(staging, "MOST_THREADS", 2)
    folder = dump_files.community(tmp_path / "dump")
    stops = 0
    while not is_finished():
        with monkeypatch.context() as patch, suppress(PlugPulled):
            pull_plug_at(patch, 3 if is_stored or not stops else 4, is_stored=is_stored)
            bring(folder)
        stops += 1
        assert stops < 20
    assert stops >= 10
    assert set(bring(folder).added.values()) == {0}
    assert numbers() == {
        "person": 3,
        "category": 1,
        "thread": 5,
        "post": 14,
        "post_vote": 7,
        "tag": 5,
        "thread_tag": 8,
        "thread_link": 2,
        "event": 4,  # the category and three batches
    }


KILLED = """
import os, sys
from itertools import count
from pathlib import Path
from app import create_app
from core import db
from forum.importing import stackexchange, staging
staging.MOST_THREADS = 2
commits, stored = count(1), db._commit
def counted():
    if next(commits) == 9:
        os.kill(os.getpid(), 9)
    stored()
db._commit = counted
with create_app().app_context():
    stackexchange.run(Path(sys.argv[1]), category="Devices", site="help.example.com", is_terminal=False)
"""


@pytest.mark.slow
@pytest.mark.both
def test_an_import_killed_in_the_middle_is_finished_by_the_next(context, environ, tmp_path):
    folder = dump_files.community(tmp_path / "dump")
    run = [sys.executable, "-c", KILLED, str(folder)]
    done = subprocess.run(run, env=os.environ | environ, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert 0 < numbers()["thread"] < 5
    report = bring(folder)
    assert report.is_resumed
    assert report.added == report.found
    assert numbers()["post"] == 14


@pytest.mark.both
def test_a_newer_dump_adds_what_is_new_behind_the_rest(context, tmp_path):
    old = [question(1), answer(2, 1)]
    new = [*old, answer(3, 1, CreationDate=at(1)), question(4, AcceptedAnswerId=5), answer(5, 4)]
    bring(dump_files.write(tmp_path / "dump", Posts=old, Votes=[vote(1, 2)]))
    report = bring(
        dump_files.write(
            tmp_path / "dump", Posts=new, Votes=[vote(1, 2), vote(2, 3)], Comments=[comment(1, 2)]
        )
    )
    assert {kind: number for kind, number in report.added.items() if number} == {
        "threads": 1, "answers": 2, "comments": 1, "accepted": 1, "up": 1,
    }  # fmt: skip
    posts = posts_in(thread_of(1))
    assert [post.position for post in posts] == [1, 2, 3, 4]
    assert [post.id for post in posts[1:3]] == [post_of(2).id, post_of(3).id]
    assert posts[3].reply_to_id == post_of(2).id
    assert (thread_of(1).post_count, thread_of(1).answer_count) == (4, 2)


def test_a_thread_solved_here_keeps_its_answer_when_a_newer_dump_names_another(context, tmp_path):
    bring(dump_files.write(tmp_path / "dump", Posts=[question(1, AcceptedAnswerId=2), answer(2, 1)]))
    newer = [question(1, AcceptedAnswerId=3), answer(2, 1), answer(3, 1)]
    bring(dump_files.write(tmp_path / "dump", Posts=newer))
    assert thread_of(1).accepted_post_id == post_of(2).id
    assert post_of(3).accepted_at is None


def test_what_was_deleted_here_does_not_come_back(context, tmp_path):
    folder = dump_files.community(tmp_path / "dump")
    bring(folder)
    with writing():
        actions.delete_thread(Viewer.system(), thread_of(1), "not ours")
    bring(folder)
    assert numbers()["thread"] == 5
    assert thread_of(1).deleted_at is not None


def test_the_same_dump_under_another_name_is_refused(context, tmp_path):
    folder = dump_files.community(tmp_path / "dump")
    bring(folder)
    with pytest.raises(Refused, match=r"imported as “help\.example\.com” before"):
        bring(folder, site="")
    assert numbers()["thread"] == 5


def test_one_dump_is_imported_by_one_process_at_a_time(context, tmp_path):
    path = settings().var_dir / "imports" / f"stackexchange-{SITE}.staging"
    with staging.Staging(path), pytest.raises(Refused, match="another process"):
        bring(dump_files.community(tmp_path / "dump"))
    assert numbers()["thread"] == 0


# --- bad input ---


def test_bad_rows_are_reported_with_line_and_reason_and_the_rest_is_kept(context, tmp_path):
    posts = [
        question(1),
        {**question(2), "Title": ""},
        {**question(3), "CreationDate": "yesterday"},
        {**question(4), "Id": "four"},
        answer(5, 99),
        question(1, "The same number again"),
        {**question(6), "PostTypeId": 7},
        {**answer(7, 1), "Body": "x" * (text.MAX_IMPORT + 1)},
        question(8, AcceptedAnswerId=1),
    ]
    report = bring(
        dump_files.write(
            tmp_path / "dump",
            Posts=posts,
            Users=[user(1, "Ana"), {"Id": 2, "CreationDate": "?"}],
            Votes=[vote(1, 1), vote(2, 1234), {"Id": 3}],
            Comments=[comment(1, 1), comment(2, 99), comment(3, 1, Text=" ")],
            PostLinks=[link(1, 1, 8), link(2, 1, 99), link(3, 1, 1), link(4, 1, 8, 9)],
            Tags=[{"Id": 1, "TagName": "--"}],
        )
    )
    assert reasons(report) == {
        "Posts.xml: the question has no title": ("line 4 (post 2)",),
        "Posts.xml: CreationDate is not a date: 'yesterday'": ("line 5 (post 3)",),
        "Posts.xml: Id is not a number that can be: 'four'": ("line 6 (post four)",),
        "Posts.xml: its question is not in the dump": ("line 7 (post 5: question 99)",),
        "Posts.xml: it stands in line 3 already": ("line 8 (post 1)",),
        "Posts.xml: posts of type 7 (wiki placeholder) have no place here": ("line 9 (post 6)",),
        "Posts.xml: Body has 200,001 characters; 200,000 are read": ("line 10 (post 7)",),
        "Posts.xml: its accepted answer is not in the dump": ("line 11 (post 8: answer 1)",),
        "Users.xml: CreationDate is not a date: '?'": ("line 4 (user 2)",),
        "Votes.xml: its post is not in the dump": ("line 4 (vote 2: post 1234)",),
        "Votes.xml: VoteTypeId is missing": ("line 5 (vote 3)",),
        "Comments.xml: its post is not in the dump": ("line 4 (comment 2: post 99)",),
        "Comments.xml: the comment has no text": ("line 5 (comment 3)",),
        "Comments.xml: its owner is not in Users.xml; a person without a profile stands for the author": (
            "line 3 (comment 1: user:2)",
        ),
        "PostLinks.xml: one of its posts is not in the dump": ("line 4 (link 2: posts 1 and 99)",),
        "PostLinks.xml: it leads from a thread to itself": ("line 5 (link 3: post 1)",),
        "PostLinks.xml: links of type 9 have no place here": ("line 6 (link 4)",),
        "Tags.xml: the tag has no name": ("line 3 (tag 1)",),
    }
    assert (numbers()["thread"], numbers()["post"], numbers()["thread_link"]) == (2, 3, 1)
    assert thread_of(1).title == "How do I set up device 1?"
    listed = report.list_path.read_text(encoding="utf-8")
    assert "Posts.xml\t4\tpost 2\tno\tthe question has no title\t" in listed.splitlines()


BOMB = """<?xml version="1.0"?>
<!DOCTYPE posts [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<posts><row Id="1" PostTypeId="1" CreationDate="2020-06-01" Title="&b;" Body="&b;"/></posts>"""
FAR = BOMB.replace('<!ENTITY a "aaaaaaaaaa">', '<!ENTITY a SYSTEM "file:///etc/hostname">')
GOOD = dump_files.xml("posts", [question(number) for number in range(1, 200)])


@pytest.mark.parametrize(
    ("posts", "said"),
    [
        (BOMB, "Posts.xml, line 2: a document type is declared here"),
        (FAR, "Posts.xml, line 2: a document type is declared here"),
        (GOOD.replace('Id="150"', "Id=150"), "Posts.xml, line 152: not well-formed"),
        (GOOD[: len(GOOD) // 2], "Posts.xml, line 1"),
        (GOOD.encode().replace(b"device 150?", b"device \xe9150?"), "line 152: not well-formed .*not UTF-8"),
        (GOOD.replace("utf-8", "klingon"), "Posts.xml, line 1: unknown encoding"),
        (
            GOOD.replace("<posts>", "<rss>").replace("</posts>", "</rss>"),
            "begins with <rss>, not with <posts>",
        ),
        ("", "Posts.xml, line 1: no element found"),
        ("<posts>" + "<a>" * 50, "elements stand too deep"),
        (GOOD.replace('Title="', 'Title="&nbsp;'), "undefined entity"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_and_nothing_is_written(context, tmp_path, posts, said):
    folder = dump_files.write(tmp_path / "dump", Posts=posts, Users=[user(1, "Ana")])
    with pytest.raises(Refused, match=said):
        bring(folder)
    assert set(numbers().values()) == {0}
    assert list((settings().var_dir / "imports").iterdir()) == []


def test_a_mended_file_comes_in_whole(context, tmp_path):
    folder = dump_files.write(tmp_path / "dump", Posts=GOOD[:-9])
    with pytest.raises(Refused):
        bring(folder)
    bring(dump_files.write(folder, Posts=GOOD))
    assert numbers()["thread"] == 199


def test_an_endless_element_is_refused_before_it_fills_the_memory(context, tmp_path, monkeypatch):
    monkeypatch.setattr(dump, "LONGEST_ROW", 100_000)
    folder = dump_files.write(tmp_path / "dump", Posts=[question(1, Body="x" * 400_000)])
    with pytest.raises(Refused, match="longer than 100,000 bytes"):
        bring(folder)


def test_rows_are_handed_on_while_the_file_is_being_read(tmp_path):
    path = (
        dump_files.write(tmp_path, Posts=[question(n, Body="x" * 1000) for n in range(1, 2000)]) / "Posts.xml"
    )
    read = [0]
    rows = dump.rows(path, "posts", lambda size: read.__setitem__(0, size))
    assert next(rows)[0] == 3
    assert read[0] < path.stat().st_size / 10
    assert len(list(rows)) == 1998
    assert read[0] == path.stat().st_size


def test_characters_that_xml_forbids_are_replaced_wherever_the_reading_is_cut(context, tmp_path, monkeypatch):
    posts = dump_files.xml("posts", [question(1, Body="MARK"), question(2)])
    posts = posts.replace("MARK", "a&#x1F;b&#0;c&#xD800;d&#xA;e&#65535;f&#x1F600;g&#9;h&#55000;")
    for size in (1, 7, 1 << 16):
        monkeypatch.setattr(dump, "CHUNK", size)
        path = dump_files.write(tmp_path / "dump", Posts=posts) / "Posts.xml"
        (_line, first), _second = dump.rows(path, "posts", ignore)
        assert first["Body"] == "a\ufffdb\ufffdc\ufffdd\ne\ufffdf\U0001f600g\th\ud6d8"


def test_a_folder_without_a_dump_is_refused(context, tmp_path):
    (tmp_path / "help.7z").write_bytes(b"7z")
    with pytest.raises(Refused, match=r"no Posts\.xml .* Unpack the archive first"):
        bring(tmp_path)


@pytest.mark.parametrize("site", ["no site", "https://", "a", "x" * 80 + ".example"])
def test_a_site_that_is_no_address_is_refused(context, tmp_path, site):
    with pytest.raises(Refused, match="is not a site's address"):
        bring(dump_files.community(tmp_path / "dump"), site=site)


def test_file_names_may_be_in_small_letters(context, tmp_path):
    folder = dump_files.write(tmp_path / "dump", Posts=[question(1)])
    (folder / "Posts.xml").rename(folder / "posts.xml")
    assert bring(folder).found["threads"] == 1


# --- what the terminal shows ---


def test_a_terminal_sees_a_bar_and_a_log_sees_lines():
    bar, log = io.StringIO(), io.StringIO()
    for out, is_terminal in ((bar, True), (log, False)):
        progress = Progress(is_terminal, out)
        for done in range(0, 101, 25):
            progress.show("Threads", done, 100)
        progress.end()
    assert bar.getvalue().count("\r") >= 2
    assert "[############################] 100 %  100 of 100" in bar.getvalue()
    assert log.getvalue() == "Threads: 0 % (0 of 100)\nThreads: 100 % (100 of 100)\n"


def test_the_command_imports_and_tells_of_bad_files_in_a_sentence(environ, tmp_path, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    folder = dump_files.community(tmp_path / "dump")
    done = CliRunner().invoke(cli.main, ["import", "stackexchange", str(folder), "--site", SITE])
    assert done.exit_code == 0, done.output
    assert "5  threads added" in done.output
    dump_files.write(folder, Posts="<posts><row")
    failed = CliRunner().invoke(cli.main, ["import", "stackexchange", str(folder), "--site", SITE])
    assert failed.exit_code == 1
    assert "Error: Posts.xml, line 1: unclosed token." in failed.output


def test_the_run_is_dated(context, tmp_path):
    before = now()
    bring(dump_files.community(tmp_path / "dump"))
    run = db.session.execute(sa.select(ImportRun).where(ImportRun.kind == "stackexchange")).scalar_one()
    assert before <= run.started_at <= run.finished_at
    assert run.progress["phase"] == "done"
