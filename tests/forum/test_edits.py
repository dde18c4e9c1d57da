"""Editing with history, and what the history shows to whom."""

import time

import pytest

from core.db import db, writing
from core.errors import Conflict, Forbidden, NotFound
from core.text import render
from forum import actions, queries
from forum.queries import history
from forum.queries.history import compare
from tests import make


def said(line) -> str:
    return "".join(text for _kind, text in line.parts)


def test_an_edit_keeps_what_the_post_said_before(question, ana):
    opening = make.opening(question)
    with writing():
        actions.edit_post(
            ana, opening, render("It is warm."), title="Why is it warm?", tags=["warm"], reason="Wrong"
        )
    (edit,), has_more = history.edits(opening, question)
    assert (edit.number, edit.by.name, edit.reason, has_more) == (1, ana.name, "Wrong", False)
    assert edit.title == ("Why is the lamp cold?", "Why is it warm?")
    assert edit.tags == ("lamp", "warm")
    assert [(line.kind, said(line)) for line in edit.lines] == [
        ("out", "It is *cold*."),
        ("in", "It is warm."),
    ]
    assert question.slug == "why-is-it-warm"
    assert [t.name for t in queries.tags(ana)] == ["warm"]


def test_saving_without_a_change_is_no_edit(question, ana):
    opening = make.opening(question)
    with writing():
        actions.edit_post(ana, opening, render(opening.source), title=question.title, tags=["lamp"])
    assert (opening.edit_count, opening.edited_at) == (0, None)


def test_the_slower_of_two_editors_is_told(question, ana, dev):
    opening = make.opening(question)
    with writing():
        actions.edit_post(dev, opening, render("Dev was here"), seen_edits=0)
    with pytest.raises(Conflict), writing():
        actions.edit_post(ana, opening, render("Ana was here"), seen_edits=0)
    assert queries.post(ana, opening.id).source == "Dev was here"


def test_strangers_do_not_edit_and_authors_not_after_closing(question, ana, ben, dev):
    opening = make.opening(question)
    with pytest.raises(Forbidden), writing():
        actions.edit_post(ben, opening, render("Mine now"))
    with writing():
        actions.close_thread(dev, question, "Done")
    with pytest.raises(Forbidden), writing():
        actions.edit_post(ana, opening, render("Too late"))


def test_history_goes_page_by_page_without_a_gap(question, ana):
    opening = make.opening(question)
    with writing():
        for number in range(23):
            actions.edit_post(ana, opening, render(f"Text {number}"))
    numbers, more = [], True
    for page in (1, 2, 3):
        found, more = history.edits(opening, question, page)
        numbers += [edit.number for edit in found]
    assert numbers == list(range(23, 0, -1))
    assert not more
    last_of_page_two = history.edits(opening, question, 2)[0][0]
    assert [said(line) for line in last_of_page_two.lines] == ["Text 11", "Text 12"]


def test_the_history_of_a_deleted_post_is_for_moderators(question, ben, dev, ana):
    answer = make.answer(question, "Secret key 1234", by=ben)
    with writing():
        actions.edit_post(ben, answer, render("No key"))
        actions.delete_post(dev, answer, "Key")
    assert make.client_of(ana).get(f"/posts/{answer.id}/history").status_code == 404
    assert make.client_of(ben).get(f"/posts/{answer.id}/history").status_code == 404
    assert b"1234" in make.client_of(dev).get(f"/posts/{answer.id}/history").data
    with pytest.raises(NotFound):
        queries.post(ana, answer.id)


def test_a_comparison_marks_the_words_and_leaves_out_what_is_far_away():
    before = "\n".join([f"line {n}" for n in range(20)] + ["the red lamp is on", "end"])
    after = before.replace("red", "blue")
    lines = compare(before, after)
    assert [line.kind for line in lines] == ["gap", "same", "same", "out", "in", "same"]
    assert lines[3].parts == (("same", "the "), ("out", "red"), ("same", " lamp is on"))
    assert lines[4].parts == (("same", "the "), ("in", "blue"), ("same", " lamp is on"))


def test_a_comparison_joins_up_to_both_texts():
    before, after = "a\nb\nc d\ne", "a\nx\nc f\ne\ng"
    lines = compare(before, after)
    kept = [said(line) for line in lines if line.kind in ("same", "in")]
    assert "\n".join(kept) == after
    assert "\n".join(said(line) for line in lines if line.kind in ("same", "out")) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\n" * 16_000, "b\n" * 16_000),
        ("a b " * 8_000, "b a " * 8_000),
        ("\n".join(str(n % 7) for n in range(1_400)), "\n".join(str(n % 5) for n in range(1_400))),
    ],
)
def test_comparing_the_worst_texts_stays_quick(before, after):
    began = time.process_time()
    compare(before, after)
    assert time.process_time() - began < 5


def test_an_edited_text_is_escaped_in_the_comparison(question, ana):
    opening = make.opening(question)
    with writing():
        actions.edit_post(ana, opening, render("<script>alert(1)</script>"), title="<b>bold</b> title")
    page = make.client_of(ana).get(f"/posts/{opening.id}/history").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>bold" not in page
    db.session.rollback()
