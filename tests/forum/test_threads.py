"""Threads and replies: how they begin, what is counted, how they close, move, go and come back."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from core.db import db, writing
from core.errors import Forbidden, NotFound, Refused
from core.outbox import Event
from core.text import render
from core.viewer import Viewer
from forum import actions, queries
from forum.models import ANSWER, COMMENT, Category, Follow, Post, Thread
from forum.queries import Wanted
from tests import make


def kinds_of_events() -> list[str]:
    return list(db.session.execute(sa.select(Event.kind).order_by(Event.id)).scalars())


def states_of(thread: Thread) -> set[str]:
    system = Viewer.system()
    lists = {s: queries.thread_list(system, Wanted(state=s)).rows for s in queries.STATES}
    return {state for state, rows in lists.items() if thread.id in {row.id for row in rows}}


def test_a_new_thread_has_its_opening_post_its_tags_and_its_author_as_follower(question, ana, room):
    opening = queries.opening_post(question.id)
    assert (opening.position, opening.html.strip()) == (1, "<p>It is <em>cold</em>.</p>")
    assert [t.name for t in queries.tags(ana)] == ["lamp"]
    assert queries.followers(question.id) == [ana.id]
    assert db.session.get_one(Category, room.id).thread_count == 1
    assert question.slug == "why-is-the-lamp-cold"


def test_a_thread_sent_twice_within_a_minute_is_one_thread(ana, room):
    first = make.thread("Sent twice", by=ana, room=room)
    assert make.thread("Sent twice", by=ana, room=room).id == first.id
    assert db.session.get_one(Category, room.id).thread_count == 1
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert make.thread("Sent twice", by=ana, room=room).id != first.id


def test_a_reply_sent_twice_within_a_minute_is_one_reply(question, ben):
    first = make.answer(question, "Press it", by=ben)
    assert make.answer(question, "Press it", by=ben).id == first.id
    assert (question.post_count, question.reply_count) == (2, 1)
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert make.answer(question, "Press it", by=ben).id != first.id


def test_a_reply_to_a_question_is_an_answer_unless_it_is_sent_as_a_comment(question, ben):
    assert make.answer(question, by=ben).kind == ANSWER
    assert make.comment(question, by=ben).kind == COMMENT
    assert (question.answer_count, question.reply_count, question.post_count) == (1, 2, 3)


def test_nobody_starts_a_thread_where_they_may_not_look(ana):
    staff = make.category(access=2)
    with pytest.raises(Forbidden):
        make.thread("Let me in", by=ana, room=staff)
    db.session.rollback()
    assert db.session.get_one(Category, staff.id).thread_count == 0


def test_only_staff_write_in_the_name_of_others(question, ana, ben, dev):
    with pytest.raises(Forbidden), writing():
        actions.reply(ben, question, render("I am Ana"), author_id=ana.id)
    with writing():
        assert actions.reply(dev, question, render("Ana says"), author_id=ana.id).author_id == ana.id


def test_a_closed_thread_takes_replies_from_the_desk_alone(question, ben, dev):
    with writing():
        actions.close_thread(dev, question, "Answered elsewhere")
    with pytest.raises(Forbidden):
        make.answer(question, by=ben)
    assert make.answer(question, by=dev).thread_id == question.id
    with writing():
        actions.reopen_thread(dev, question)
    assert make.answer(question, by=ben).kind == ANSWER


def test_customers_do_not_moderate(question, ben):
    for act in (
        lambda: actions.close_thread(ben, question, "x"),
        lambda: actions.pin_thread(ben, question),
        lambda: actions.delete_thread(ben, question, "x"),
        lambda: actions.mark_thread(ben, question, "needs_staff"),
        lambda: actions.move_thread(ben, question, make.category()),
        lambda: actions.create_category(ben, name="Mine"),
    ):
        with pytest.raises(Forbidden), writing():
            act()


def test_an_author_deletes_an_own_thread_only_while_nobody_has_replied(question, ana, ben):
    lonely = make.thread("Never mind", by=ana)
    with writing():
        actions.delete_thread(ana, lonely)
    assert lonely.deleted_at is not None
    make.answer(question, by=ben)
    with pytest.raises(Forbidden), writing():
        actions.delete_thread(ana, question)


def test_a_restored_thread_is_as_it_was(question, ben, dev, room):
    make.answer(question, by=ben)
    before = {c.name: getattr(question, c.name) for c in Thread.__table__.columns if c.name != "version"}
    with writing():
        actions.delete_thread(dev, question, "By mistake")
    assert db.session.get_one(Category, room.id).thread_count == 0
    with writing():
        actions.restore_thread(dev, question)
    db.session.refresh(question)
    assert {name: getattr(question, name) for name in before} == before
    assert db.session.get_one(Category, room.id).thread_count == 1


def test_a_restored_reply_brings_back_its_counts_votes_and_acceptance(question, ana, ben, dev):
    answer = make.answer(question, by=ben)
    make.comment(question, by=ana)
    with writing():
        actions.vote(ana, answer, 1)
        actions.accept_answer(ana, question, answer)
        accepted_at = question.accepted_at
        actions.delete_post(dev, answer, "Check this")
    assert (question.reply_count, question.answer_count, question.accepted_post_id) == (1, 0, None)
    assert states_of(question) == {"unanswered"}
    with writing():
        actions.restore_post(dev, answer)
    assert (question.reply_count, question.answer_count, question.accepted_post_id) == (2, 1, answer.id)
    assert (question.accepted_at, question.accepted_by_id, answer.score) == (accepted_at, ana.id, 1)
    assert states_of(question) == {"solved"}


def test_a_restored_answer_is_not_accepted_again_when_another_one_was_meanwhile(question, ana, ben, dev):
    first, second = make.answer(question, by=ben), make.answer(question, by=dev)
    with writing():
        actions.accept_answer(ana, question, first)
        actions.delete_post(dev, first, "x")
        actions.accept_answer(ana, question, second)
        actions.restore_post(dev, first)
    assert question.accepted_post_id == second.id


def test_deleting_the_newest_reply_puts_the_thread_back_in_its_list(question, ben, dev):
    with clock.frozen(clock.now() + timedelta(hours=1)):
        last = make.answer(question, by=ben)
    moved = question.last_post_at
    with writing():
        actions.delete_post(dev, last, "x")
    assert question.last_post_at < moved
    assert question.last_post_by_id == question.author_id


def test_positions_are_not_given_twice_after_a_deletion(question, ben, dev):
    gone = make.answer(question, by=ben)
    with writing():
        actions.delete_post(dev, gone, "x")
    assert make.answer(question, by=ben).position == 3


def test_an_author_takes_an_own_reply_back_and_regrets_it(question, ana, ben):
    answer = make.answer(question, by=ben)
    with writing():
        actions.delete_post(ben, answer)
    assert queries.post(ben, answer.id).id == answer.id
    with pytest.raises(NotFound):
        queries.post(ana, answer.id)
    with writing():
        actions.restore_post(ben, answer)
    assert queries.post(ana, answer.id).id == answer.id


def test_an_author_cannot_bring_back_what_a_moderator_deleted(question, ben, dev):
    answer = make.answer(question, by=ben)
    with writing():
        actions.delete_post(dev, answer, "Rude")
    with pytest.raises(NotFound):
        queries.post(ben, answer.id)
    with pytest.raises(Forbidden), writing():
        actions.restore_post(ben, answer)


def test_moving_a_thread_changes_who_may_read_it_and_the_counts(question, ana, dev, room):
    staff = make.category(access=2)
    with writing():
        actions.move_thread(dev, question, staff)
    assert question.access == 2
    assert db.session.get_one(Category, room.id).thread_count == 0
    assert db.session.get_one(Category, staff.id).thread_count == 1
    with pytest.raises(NotFound):
        queries.thread(ana, question.id)


def test_a_category_that_becomes_private_takes_its_threads_along(question, ana, room):
    with writing():
        values: dict[str, Any] = {"description": "", "access": 2, "default_kind": "question"}
        actions.edit_category(Viewer.system(), room, name=room.name, **values)
    with pytest.raises(NotFound):
        queries.thread(ana, question.id)


def test_an_archived_category_takes_no_new_threads(ana, room):
    with writing():
        actions.archive_category(Viewer.system(), room)
    with pytest.raises(Forbidden):
        make.thread("Too late", by=ana, room=room)


def test_two_categories_do_not_share_a_name(room):
    with pytest.raises(Refused), writing():
        actions.create_category(Viewer.system(), name=room.name.upper())


def test_the_states_are_separate_questions(question, ana, ben, dev):
    assert states_of(question) == {"unanswered"}
    answer = make.answer(question, by=ben)
    assert states_of(question) == {"unsolved"}
    with writing():
        actions.mark_thread(dev, question, "needs_staff")
        actions.mark_thread(dev, question, "waiting_on_author")
    assert states_of(question) == {"unsolved", "needs_staff", "waiting_on_author"}
    make.comment(question, by=ana)
    assert states_of(question) == {"unsolved", "needs_staff"}
    with writing():
        actions.unmark_thread(dev, question, "needs_staff")
        actions.accept_answer(ana, question, answer)
    assert states_of(question) == {"solved"}


def test_somebody_elses_reply_does_not_end_waiting_on_the_author(question, ben, dev):
    with writing():
        actions.mark_thread(dev, question, "waiting_on_author")
    make.comment(question, by=ben)
    assert "waiting_on_author" in states_of(question)


def test_counts_hold_what_the_viewer_may_see(question, ana):
    make.thread("Secret", by=Viewer.system(), room=make.category(access=2), author_id=ana.id)
    assert queries.counts(ana)["threads"] == 1
    assert queries.counts(Viewer.system())["threads"] == 2
    assert queries.counts(ana)["unanswered"] == 1


def test_every_change_of_a_page_grows_its_version(question, ana, ben, dev):
    versions = [question.version]

    def changed() -> None:
        db.session.refresh(question)
        versions.append(question.version)

    answer = make.answer(question, by=ben)
    changed()
    steps = [
        lambda: actions.vote(ana, answer, 1),
        lambda: actions.accept_answer(ana, question, answer),
        lambda: actions.edit_post(ben, answer, render("Another text")),
        lambda: actions.close_thread(dev, question, "Done"),
        lambda: actions.reopen_thread(dev, question),
        lambda: actions.pin_thread(dev, question),
        lambda: actions.mark_thread(dev, question, "needs_staff"),
        lambda: actions.delete_post(dev, answer, "x"),
        lambda: actions.restore_post(dev, answer),
        lambda: actions.move_thread(dev, question, make.category()),
        lambda: actions.delete_thread(dev, question, "x"),
    ]
    for step in steps:
        with writing():
            step()
        changed()
    assert versions == sorted(set(versions))


def test_following_muting_and_replying(question, ben):
    with writing():
        actions.follow(ben, question)
    assert ben.id in queries.followers(question.id)
    with writing():
        actions.mute(ben, question)
    make.answer(question, by=ben)
    assert ben.id not in queries.followers(question.id)
    with writing():
        actions.unfollow(ben, question)
    make.answer(question, by=ben)
    assert ben.id in queries.followers(question.id)


def test_a_follow_for_somebody_leaves_their_own_choice_alone(question, ben, dev):
    with writing():
        actions.mute(ben, question)
        actions.follow_for(dev, int(ben.id or 0), question.id, "vote")
    row = db.session.get_one(Follow, (ben.id, question.id))
    assert row.muted_at is not None
    with pytest.raises(Forbidden), writing():
        actions.follow_for(ben, int(dev.id or 0), question.id, "vote")


def test_people_called_by_name_are_told_once(question, ben):
    cleo = make.person("Cleo", handle="cleo")
    answer = make.answer(question, "@cleo and @ana-nobody, see `@dev`", by=ben)
    with writing():
        actions.edit_post(ben, answer, render("@cleo, see this too"))
    mentioned = db.session.execute(
        sa.select(Event.payload).where(Event.kind == "forum.person_mentioned")
    ).scalars()
    assert [m["person_id"] for m in mentioned] == [cleo.id]


def test_each_change_is_recorded_as_a_fact(question, ana, ben, dev):
    before = len(kinds_of_events())
    answer = make.answer(question, by=ben)
    with writing():
        actions.pin_thread(dev, question)
        actions.mark_thread(dev, question, "needs_staff")
        actions.accept_answer(dev, question, answer)
    assert kinds_of_events()[before:] == [
        "forum.post_added",
        "forum.thread_pinned",
        "forum.thread_marked",
        "forum.answer_accepted",
    ]


def test_marking_twice_is_one_fact(question, dev):
    with writing():
        actions.mark_thread(dev, question, "needs_staff")
        count = len(kinds_of_events())
        actions.mark_thread(dev, question, "needs_staff")
    assert len(kinds_of_events()) == count


@pytest.mark.slow
def test_a_page_of_posts_holds_under_replies(question, ben):
    for number in range(25):
        make.answer(question, f"Answer {number}", by=ben)
    page = queries.thread_page(ben, question.id, 2)
    assert [p.position for p in page.posts] == [21, 22, 23, 24, 25, 26]
    make.answer(question, "One more", by=ben)
    assert [p.position for p in queries.thread_page(ben, question.id, 1).posts] == list(range(1, 21))
    with pytest.raises(NotFound):
        queries.thread_page(ben, question.id, 3)


def test_reading_marks_only_go_forward(question, ben):
    with writing():
        actions.mark_read(ben, question.id, 5)
        actions.mark_read(ben, question.id, 3)
    assert queries.thread_head(ben, question.id).read_position == 5


def test_posts_are_stored_once_with_their_text_and_its_version(question):
    post = db.session.execute(sa.select(Post).where(Post.thread_id == question.id)).scalar_one()
    assert (post.source, post.format, post.text_version > 0) == ("It is *cold*.", "markdown", True)
