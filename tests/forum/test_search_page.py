"""Search: only what the viewer may see is found and counted; the index follows every change and mends itself."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core import search as engine
from core import text, worker
from core.db import db, writing
from core.outbox import record
from core.viewer import Viewer
from forum import actions, indexer, queries, tasks
from forum.events import ThreadsImported
from forum.models import ImportRun, Post, Thread
from forum.queries import indexing
from forum.queries.indexing import ALL, THREADS, Scope
from forum.queries.searching import excerpt
from tests import make

VISITOR = Viewer.visitor()


def titles(words: str, viewer: Viewer = VISITOR) -> set[str]:
    return {hit.thread.title for hit in queries.search(viewer, words).found}


def settle() -> None:
    """Deliver what is due and finish what goes on in the background."""
    worker.drain()
    while indexer.advance(5):
        continue


@pytest.fixture
def library(ana, ben, room):
    """Three threads to find."""
    jam = make.thread(
        "Paper jam in tray two", by=ana, room=room, text="The printer stops.", tags=("printer",)
    )
    make.answer(jam, "Open the scanner lid", by=ben)
    make.thread("Scanner is slow", by=ben, text="It takes a minute.", tags=("scanner",))
    make.thread("Coffee", by=ana, text="No printers in here", room=make.category("discussion"))
    settle()
    return jam


@pytest.mark.slow
def test_words_find_threads_by_title_text_and_answer(library):
    assert titles("printer") == {"Paper jam in tray two", "Coffee"}
    assert titles("scanner") == {"Scanner is slow", "Paper jam in tray two"}
    assert titles("paper jam") == {"Paper jam in tray two"}
    assert titles("nowhere") == set()


@pytest.mark.slow
def test_the_grammar_narrows_down(library, ben, room):
    assert titles("scanner in:title") == {"Scanner is slow"}
    assert titles("printer -coffee") >= {"Paper jam in tray two"}
    assert titles("tag:printer") == {"Paper jam in tray two"}
    assert titles(f"scanner by:{ben.handle}") == {"Scanner is slow", "Paper jam in tray two"}
    assert titles("printer kind:discussion") == {"Coffee"}
    assert titles(f"category:{room.slug} printer") == {"Paper jam in tray two"}
    assert titles("category:no-such-place printer") == set()
    assert titles("is:unsolved jam") == {"Paper jam in tray two"}


@pytest.mark.slow
def test_one_thread_is_one_result_however_many_posts_match(library, ben):
    for number in range(5):
        make.answer(library, f"Printer hint {number}", by=ben)
    worker.drain()
    found = queries.search(VISITOR, "printer")
    assert found.total == 2
    assert len(found.found) == 2


@pytest.mark.slow
def test_results_come_twenty_a_page_with_a_true_total(ana, context):
    for number in range(23):
        make.thread(f"Walrus number {number}", by=ana)
    make.thread("Walrus of the staff", by=make.actor("Dev", "agent"), room=make.category(access=2))
    settle()
    first, second = queries.search(VISITOR, "walrus"), queries.search(VISITOR, "walrus", 2)
    assert (first.total, first.pages, len(first.found), len(second.found)) == (23, 2, 20, 3)
    page = context.test_client().get("/search?q=walrus").get_data(as_text=True)
    assert "23 threads found" in page
    assert "/search?q=walrus&amp;page=2" in page


def test_what_was_asked_is_marked_and_nothing_else_is_markup(context, ana):
    make.thread("A <b>bold</b> walrus", by=ana, text="Before <script>alert(1)</script> the walrus swims")
    worker.drain()
    page = context.test_client().get("/search?q=walrus").get_data(as_text=True)
    assert "<mark>walrus</mark>" in page
    assert "A &lt;b&gt;bold&lt;/b&gt;" in page
    assert "<script>alert" not in page


def test_an_excerpt_shows_the_words_around_the_first_hit():
    words = "start " + "filler " * 100 + "needle in here " + "more " * 100
    parts = excerpt(words, engine.parse("needle"))
    shown = "".join(part for part, _is_asked in parts)
    assert ("needle", True) in parts
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 260


def test_a_search_that_says_nothing_explains_itself(context):
    page = context.test_client().get("/search").get_data(as_text=True)
    assert "tag:wifi" in page
    assert context.test_client().get("/search?q=" + "x" * 1000).status_code == 503  # no index was made yet


@pytest.mark.slow
def test_the_index_follows_edits_acceptance_moves_and_deletions(library, ana, ben, dev):
    answer = db.session.execute(sa.select(Post).where(Post.position == 2)).scalar_one()
    with writing():
        actions.edit_post(ben, answer, text.render("Open the hatch"))
        actions.accept_answer(ana, library, answer)
    worker.drain()
    assert titles("hatch is:solved") == {"Paper jam in tray two"}
    assert titles("lid") == set()
    with writing():
        opening = make.opening(library)
        actions.edit_post(
            ana, opening, text.render("The copier stops."), title="Paper stuck", tags=["copier"]
        )
    worker.drain()
    assert titles("tag:copier hatch") == {"Paper stuck"}
    with writing():
        actions.delete_thread(dev, library, "x")
    worker.drain()
    assert titles("hatch") == set()
    with writing():
        actions.restore_thread(dev, library)
    worker.drain()
    assert titles("hatch") == {"Paper stuck"}


def test_a_category_that_opens_up_is_found_by_all(ana, dev):
    staff = make.category(access=2)
    make.thread("Narwhal plans", by=dev, room=staff)
    worker.drain()
    assert titles("narwhal") == set()
    with writing():
        values: dict[str, Any] = {"description": "", "access": 0, "default_kind": "question"}
        actions.edit_category(Viewer.system(), staff, name=staff.name, **values)
    settle()
    assert titles("narwhal") == {"Narwhal plans"}


@pytest.mark.slow
def test_a_long_thread_is_indexed_in_the_background(ana, ben, dev, question):
    for number in range(indexer.AT_ONCE + 5):
        make.answer(question, f"Otter {number}", by=ben)
    settle()
    with writing():
        actions.move_thread(dev, question, make.category())
    worker.drain()
    run = db.session.execute(sa.select(ImportRun).where(ImportRun.label.startswith("thread:"))).scalar_one()
    assert run.finished_at is None
    tasks.tend_search()
    db.session.refresh(run)
    assert run.finished_at is not None
    assert run.progress["done"] == indexer.AT_ONCE + 6


def test_a_missing_index_is_made_anew_by_itself(library, context):
    shutil.rmtree(Path(context.extensions["fullcircle.settings"].var_dir) / "search")
    assert context.test_client().get("/search?q=printer").status_code == 503
    tasks.tend_search()
    assert titles("printer") == {"Paper jam in tray two", "Coffee"}


def test_a_damaged_index_is_noticed_at_the_start(library, context):
    folder = Path(context.extensions["fullcircle.settings"].var_dir) / "search"
    for file in folder.glob("*.seg"):
        file.write_bytes(b"broken")
    engine.index().close()
    assert tasks.schedule_reindex_if_needed()
    while indexer.advance(5):
        continue
    assert titles("printer") == {"Paper jam in tray two", "Coffee"}


def test_the_command_rebuilds_the_index_and_says_how_far_it_is(library, monkeypatch):
    monkeypatch.setattr(indexer, "BATCH", 2)
    said: list[str] = []
    assert "4 posts" in tasks.reindex_command(said.append)
    assert said[0].startswith("  2 of 4 posts")
    assert titles("printer") == {"Paper jam in tray two", "Coffee"}


def test_a_run_goes_on_where_it_stopped(library, monkeypatch):
    monkeypatch.setattr(indexer, "BATCH", 1)
    indexer.rebuild()
    indexer._step(indexer._oldest_run(), None)
    assert queries.building() == pytest.approx(0.25)
    while indexer.advance(5):
        continue
    assert queries.building() is None
    assert engine.index().count() == 4


@pytest.mark.slow
def test_an_imported_batch_is_indexed_by_a_run(library):
    engine.index().clear()
    with writing():
        record(ThreadsImported(library.id, library.id), actor=Viewer.system())
    worker.drain()
    assert queries.building() is not None
    while indexer.advance(5):
        continue
    assert titles("printer") == {"Paper jam in tray two"}
    assert Scope(THREADS, 1, 2).label == "threads:1-2"
    assert Scope(ALL).label == "all"


def open_runs() -> set[str]:
    open_ones = sa.select(ImportRun.label).where(ImportRun.kind == "search", ImportRun.finished_at.is_(None))
    return set(db.session.execute(open_ones).scalars())


def imported(first: Thread, last: Thread) -> None:
    with writing():
        record(ThreadsImported(first.id, last.id), actor=Viewer.system())


@pytest.mark.slow
def test_batches_of_an_import_that_lie_side_by_side_are_one_run(library, ana, room):
    threads = [make.thread(f"Walrus {number}", by=ana, room=room) for number in range(6)]
    settle()
    for first, last in ((0, 1), (4, 5), (2, 3)):
        imported(threads[first], threads[last])
    imported(library, library)
    worker.drain()
    assert open_runs() == {f"threads:{library.id}-{library.id}", f"threads:{threads[0].id}-{threads[5].id}"}


def test_what_a_run_over_everything_comes_to_anyway_is_not_indexed_twice(library, ana, room):
    indexer.rebuild()
    late = make.thread("Walrus", by=ana, room=room)
    imported(library, late)
    worker.drain()
    assert open_runs() == {"all"}
    settle()
    assert titles("walrus") == {"Walrus"}


def test_what_a_run_over_everything_has_behind_it_is_indexed_again(library, monkeypatch):
    monkeypatch.setattr(indexer, "BATCH", 2)
    indexer.rebuild()
    indexer._step(indexer._oldest_run(), None)
    imported(library, library)
    worker.drain()
    assert open_runs() == {"all", f"threads:{library.id}-{library.id}"}


def test_a_run_over_everything_takes_the_place_of_others(library):
    imported(library, library)
    worker.drain()
    indexer.rebuild()
    assert open_runs() == {"all"}


@pytest.mark.slow
def test_a_category_of_another_name_is_not_indexed_again(library, room):
    values: dict[str, Any] = {"description": "", "default_kind": "question"}
    with writing():
        actions.edit_category(Viewer.system(), room, name="Paper and ink", access=room.access, **values)
    worker.drain()
    assert open_runs() == set()
    with writing():
        actions.edit_category(Viewer.system(), room, name="Paper and ink", access=1, **values)
    worker.drain()
    assert open_runs() == {f"category:{room.id}-0"}


def test_what_changes_while_a_batch_is_indexed_is_found_as_it_is_now(library, ana, room, monkeypatch):
    """Between the reading of a batch and its writing a post is edited, and a thread is started."""
    read = indexing.documents_after

    def read_and_change(scope: Scope, after: int, limit: int) -> list[indexing.Indexed]:
        found = read(scope, after, limit)
        monkeypatch.setattr(indexing, "documents_after", read)
        with writing():
            actions.edit_post(ana, make.opening(library), text.render("It hums like a walrus."))
        make.thread("Narwhal", by=ana, room=room)
        worker.drain()
        return found

    monkeypatch.setattr(indexing, "documents_after", read_and_change)
    indexer.rebuild()
    while indexer.advance(5):
        continue
    assert titles("walrus") == {"Paper jam in tray two"}
    assert titles("stops") == set()
    assert titles("narwhal") == {"Narwhal"}


def test_an_import_that_comes_in_while_a_batch_is_indexed_is_left_to_the_next_step(
    library, ana, room, monkeypatch
):
    monkeypatch.setattr(indexer, "MOST_CHANGED", 1)
    read = indexing.documents_after

    def read_and_import(scope: Scope, after: int, limit: int) -> list[indexing.Indexed]:
        found = read(scope, after, limit)
        monkeypatch.setattr(indexing, "documents_after", read)
        for number in range(3):
            make.thread(f"Narwhal {number}", by=ana, room=room)
        return found

    monkeypatch.setattr(indexing, "documents_after", read_and_import)
    indexer.rebuild()
    indexer._step(indexer._oldest_run(), None)
    assert open_runs() == {"all"}
    while indexer.advance(5):
        continue
    assert len(titles("narwhal")) == 3


def test_an_answer_is_found_by_words_of_its_threads_title(library, ana):
    assert titles("jam lid") == {"Paper jam in tray two"}
    found = queries.search(VISITOR, "jam lid").found[0]
    assert found.position == 2
    with writing():
        actions.edit_post(ana, make.opening(library), text.render("x"), title="Stuck sheets")
    worker.drain()
    assert titles("jam lid") == set()
    assert titles("sheets lid") == {"Stuck sheets"}


def test_text_that_the_second_look_changes_is_shown_and_found_anew(library, context):
    with writing():
        opening = make.opening(library)
        opening.html, opening.text_version = "<p>Hello</p><style>walrus</style>", text.FAST_VERSION
        indexer.put(indexing.documents_of([opening.id]))
    client, path = context.test_client(), f"/t/{library.id}/{library.slug}"
    assert "<style>walrus" in client.get(path).text
    before = library.version
    while indexer.polish():
        continue
    db.session.refresh(library)
    assert library.version == before + 1
    assert "<style>" not in client.get(path).text
    assert titles("hello") == {"Paper jam in tray two"}


def test_text_that_stays_the_same_keeps_its_page(library):
    imported = text.render_html("<p>Hello</p>")
    with writing():
        opening = make.opening(library)
        opening.html, opening.text_version = imported.html, imported.version
    before = library.version
    assert indexer.polish() == 1
    db.session.refresh(library)
    assert library.version == before


def test_imported_text_gets_its_second_look(library):
    imported = text.render_html("<p>Hello <b onclick='x()'>there</b></p>")
    with writing():
        opening = make.opening(library)
        opening.html, opening.text_version = imported.html, imported.version
    tasks.tend_search()
    db.session.refresh(opening)
    assert opening.text_version == text.RENDERER_VERSION
    assert "onclick" not in opening.html
    assert indexer.polish() == 0


@pytest.mark.both
def test_search_works_at_home_and_at_scale(ana, ben, dev):
    thread = make.thread("A walrus on the ice", by=ana, text="It sings.", tags=("sea",))
    answer = make.answer(thread, "Give it herring", by=ben)
    make.thread("Staff walrus", by=dev, room=make.category(access=2))
    worker.drain()
    assert titles("walrus") == {"A walrus on the ice"}
    assert titles("herring tag:sea") == {"A walrus on the ice"}
    assert titles("walrus", dev) == {"A walrus on the ice", "Staff walrus"}
    with writing():
        actions.delete_post(dev, answer, "x")
    worker.drain()
    assert titles("herring") == set()
    assert [row.title for row in queries.similar(VISITOR, "walrus on ice")] == ["A walrus on the ice"]
    assert tasks.reindex() == 3
    assert titles("walrus") == {"A walrus on the ice"}
