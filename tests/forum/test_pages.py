"""The pages of the forum: what they cost, what they show to whom, and that all of it works without scripts."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock, text
from core.db import db, writing
from core.viewer import Viewer
from forum import actions, queries
from forum.models import Category, Draft, Thread
from forum.views import kit
from tests import counting, make

Fill = Callable[[Thread, int], None]


@pytest.fixture
def fill(context: Flask) -> Fill:
    """Write many answers by many people."""

    def write(thread: Thread, number: int) -> None:
        people = [make.actor(f"Person {n}") for n in range(min(number, 5))]
        for n in range(number):
            make.answer(thread, f"Answer {n}", by=people[n % len(people)])

    return write


def visit(client: FlaskClient, path: str) -> str:
    """The page, read to its end: what the server puts off is done then."""
    with client.get(path) as answer:
        return answer.get_data(as_text=True)


def path_of(thread: Thread, page: int = 1) -> str:
    return f"/t/{thread.id}/{thread.slug}" + (f"?page={page}" if page > 1 else "")


# --- what pages cost ---


@pytest.mark.parametrize("number", [1, 25])
def test_a_thread_page_sends_eight_statements_at_most(question, fill, ben, number):
    fill(question, number)
    client = make.client_of(ben)
    client.get(path_of(question))
    with counting.statements() as asked:
        assert client.get(path_of(question)).status_code == 200
    assert asked.number <= 8, asked.sent


@pytest.mark.slow
def test_a_list_sends_six_statements_at_most(context, question, ben):
    for number in range(12):
        make.thread(f"Thread number {number}", tags=(f"tag{number}",))
    make.idea("An idea among them", by=ben)
    with writing():
        actions.follow(ben, question)
    client = make.client_of(ben)
    for path in ("/", "/questions", "/questions?state=unanswered", "/following"):
        client.get(path)
        with counting.statements() as asked:
            assert client.get(path).status_code == 200
        assert asked.number <= 6, (path, asked.sent)


def test_a_visitors_page_is_answered_by_one_statement_until_the_thread_changes(context, question, ben):
    visitor, path = context.test_client(), path_of(question)
    first = visit(visitor, path)
    with counting.statements() as asked:
        second = visit(visitor, path)
    assert second == first
    assert asked.number == 1
    make.answer(question, "Something new", by=ben)
    assert "Something new" in visit(visitor, path)


def test_a_kept_list_changes_with_the_next_fact(context, question, ana):
    visitor = context.test_client()
    assert "Brand new" not in visitor.get("/").get_data(as_text=True)
    make.thread("Brand new", by=ana)
    assert "Brand new" in visitor.get("/").get_data(as_text=True)


@pytest.mark.slow
@pytest.mark.both
def test_every_page_answers_at_home_and_at_scale(context, question, ana, ben, dev, fill):
    fill(question, 21)
    with writing():
        actions.pin_thread(dev, question)
        actions.edit_post(ana, make.opening(question), text.render("Changed"))
        actions.save_draft(ben, "thread", {"title": "Draft", "body": "x"})
        actions.escalate(dev, make.opening(question), "Case", 2)
    paths = [
        "/",
        "/?state=needs_staff&sort=votes",
        "/questions?sort=newest",
        f"/c/{room_slug(question)}",
        "/tags",
    ]
    paths += ["/tags/lamp", "/categories", "/tags/suggest?tags=l", path_of(question), path_of(question, 2)]
    paths += ["/feeds", "/feeds/latest.atom", "/sitemap.xml", f"/posts/{make.opening(question).id}/history"]
    private = [
        "/following",
        "/drafts",
        "/ask",
        f"/threads/{question.id}/replies",
        f"/people/{ana.handle}?tab=posts",
    ]
    for client, wanted in (
        (context.test_client(), paths),
        (make.client_of(ben), paths + private),
        (make.client_of(dev), paths + private),
    ):
        for path in wanted:
            assert client.get(path).status_code == 200, path


def room_slug(thread: Thread) -> str:
    return str(
        db.session.execute(sa.select(Category.slug).where(Category.id == thread.category_id)).scalar_one()
    )


def test_counts_beside_a_list_follow_every_change(context, question, ana, dev, room):
    client = make.client_of(ana)

    def shown() -> tuple[bool, bool]:
        page = visit(client, "/")
        return "lamp<span" in page, f'{room.name}</a><p class="category-count">1 thread' in page

    assert shown() == (True, True)
    with writing():
        actions.delete_thread(dev, question, "x")
    assert shown() == (False, False)
    with writing():
        actions.restore_thread(dev, question)
    assert shown() == (True, True)
    with writing():
        actions.edit_post(ana, make.opening(question), text.render("Other"), tags=["torch"])
    assert shown() == (False, True)


# --- one thread ---


def test_a_page_of_a_long_thread_and_the_ways_around_in_it(question, fill, ben):
    fill(question, 45)
    client = make.client_of(ben)
    page = client.get(path_of(question, 2)).get_data(as_text=True)
    assert "Answer 19<" in page
    assert "Answer 18<" not in page
    assert f'href="{path_of(question)}"' in page
    assert f'href="{path_of(question)}?page=3"' in page
    assert (
        client.get(f"/t/{question.id}/last")
        .headers["Location"]
        .startswith(f"{path_of(question)}?page=3#post-")
    )
    assert client.get(path_of(question) + "?page=4").status_code == 404
    for nonsense in ("0", "-1", "x", "1e3", "99999999", "١"):
        assert client.get(f"{path_of(question)}?page={nonsense}").status_code == 404


def test_an_old_address_leads_to_the_thread(context, question):
    visitor = context.test_client()
    for path in (f"/t/{question.id}", f"/t/{question.id}/another-title"):
        assert visitor.get(path + "?page=1").headers["Location"] == path_of(question) + "?page=1"
    assert visitor.get(f"/t/{10**30}").status_code == 404


def test_the_accepted_answer_stands_at_the_top_of_the_first_page(question, ana, ben, fill):
    fill(question, 22)
    answer = make.answer(question, "This is what helps", by=ben)
    with writing():
        actions.accept_answer(make.actor("Dev", "agent"), question, answer)
    client = make.client_of(ben)
    first = client.get(path_of(question)).get_data(as_text=True)
    assert first.index("This is what helps") < first.index("Answer 0<")
    assert "Accepted by Dev for the person who asked" in first
    assert first.count(f'id="post-{answer.id}"') == 1
    assert "This is what helps" in client.get(path_of(question, 2)).get_data(as_text=True)


def test_an_accepted_answer_on_the_same_page_is_shown_once_with_its_text(question, ana, ben, fill):
    fill(question, 3)
    answer = make.answer(question, "This is what helps", by=ben)
    with writing():
        actions.accept_answer(ana, question, answer)
    page = make.client_of(ben).get(path_of(question)).get_data(as_text=True)
    body = page.split("<body", 1)[1]
    assert body.count("This is what helps") == 1
    assert page.count(f'id="post-{answer.id}"') == 1
    assert f'href="#post-{answer.id}"' in page


def test_new_replies_are_marked_until_they_were_read(question, ben, fill):
    client = make.client_of(ben)
    fill(question, 2)
    visit(client, path_of(question))
    assert queries.thread_head(ben, question.id).read_position == 3
    assert "1 new" not in visit(client, "/")
    make.answer(question, "And another thing")
    home = visit(client, "/")
    assert "1 new" in home
    assert f'href="/t/{question.id}/unread"' in home
    where = client.get(f"/t/{question.id}/unread").headers["Location"]
    assert where.endswith(f"#post-{queries.post_at(question.id, 4).id}")
    page = visit(client, path_of(question))
    assert page.index('id="unread"') < page.index("And another thing")
    assert 'id="unread"' not in visit(client, path_of(question))


def test_ones_own_reply_is_not_shown_as_new_but_what_came_before_it_is(question, ana, ben):
    client = make.client_of(ben)
    visit(client, path_of(question))
    reply = f"/threads/{question.id}/replies"
    make.post(client, reply, body="Press the button for ten seconds", kind="answer")
    page = visit(client, path_of(question))
    assert 'id="unread"' not in page
    assert "First unread" not in page
    make.answer(question, "Which one?", by=ana)
    make.post(client, reply, body="The red one", kind="answer")
    page = visit(client, path_of(question))
    assert page.index('id="unread"') < page.index("Which one?") < page.index("The red one")


def test_reading_is_noted_only_when_it_moves_on(question, ben):
    client = make.client_of(ben)
    with counting.statements() as first:
        visit(client, path_of(question))
    with counting.statements() as second:
        visit(client, path_of(question))
    writes = [
        [one for one in counted.sent if one.startswith("INSERT INTO reading")] for counted in (first, second)
    ]
    assert [len(found) for found in writes] == [1, 0]


def test_views_are_counted_now_and_then(context, question, ben):
    client = make.client_of(ben)
    for _ in range(3):
        visit(client, path_of(question))
    db.session.refresh(question)
    assert question.view_count == 0
    context.extensions["forum.views"]._due = 0
    visit(client, path_of(question))
    db.session.refresh(question)
    assert question.view_count == 4


@pytest.mark.slow
def test_buttons_are_there_for_those_who_may_press_them(context, question, ana, ben, dev):
    answer = make.answer(question, by=ben)

    def sees(client, address: str) -> bool:
        return address in client.get(path_of(question)).get_data(as_text=True)

    people = {"ana": make.client_of(ana), "ben": make.client_of(ben), "dev": make.client_of(dev)}
    expected = {
        f'"/posts/{answer.id}/acceptance"': {"ana", "dev"},
        f'formaction="/posts/{answer.id}/votes"': {"ana", "dev"},
        f'"/posts/{answer.id}/edit"': {"ben", "dev"},
        f'"/posts/{answer.id}/deletion"': {"ben", "dev"},
        f'"/posts/{answer.id}/escalation"': {"dev"},
        f'"/threads/{question.id}/closing"': {"dev"},
        f'action="/threads/{question.id}/replies"': {"ana", "ben", "dev"},
    }
    for address, allowed in expected.items():
        assert {name for name, client in people.items() if sees(client, address)} == allowed, address
        assert not sees(context.test_client(), address), address


def test_what_is_drawn_once_is_not_shown_to_others(question, ana, ben, dev):
    """Posts are kept under everything they were drawn from: rights, votes, language and zone among it."""
    answer = make.answer(question, by=ben)
    with writing():
        actions.vote(ana, answer, 1)
    pages = {name: make.client_of(who).get(path_of(question)).get_data(as_text=True) for name, who in
             {"ana": ana, "ben": ben, "dev": dev}.items()}  # fmt: skip
    assert "is-voted" in pages["ana"]
    assert "is-voted" not in pages["dev"] + pages["ben"]
    assert f"/posts/{answer.id}/edit" not in pages["ana"]


def test_an_edit_shows_at_once_although_posts_are_kept(question, ana):
    client = make.client_of(ana)
    client.get(path_of(question))
    with writing():
        actions.edit_post(ana, make.opening(question), text.render("Entirely new words"))
    assert "Entirely new words" in client.get(path_of(question)).get_data(as_text=True)


def test_times_stand_in_the_readers_zone(question, ana):
    at = clock.now().replace(year=2026, month=1, day=5, hour=12, minute=30)
    with clock.frozen(at):
        answer = make.answer(question, by=ana)
    tokyo = make.person("Kei")
    with writing():
        make.people_queries.person(tokyo.id).timezone = "Asia/Tokyo"
    page = make.client_of(tokyo).get(path_of(question)).get_data(as_text=True)
    assert "Jan 5, 2026, 21:30" in page
    assert "Jan 5, 2026, 12:30" in make.client_of(ana).get(path_of(question)).get_data(as_text=True)
    assert answer.position == 2


def test_names_and_titles_are_text_never_markup(context, room):
    evil = make.actor("<img src=x onerror=alert(1)>", handle="evil")
    thread = make.thread("<script>alert(1)</script> & co", by=evil, room=room)
    make.answer(thread, by=evil)
    viewer = make.client_of(make.actor("Ana"))
    for path in ("/", path_of(thread), "/questions", f"/p/{make.opening(thread).id}"):
        page = viewer.get(path, follow_redirects=True).get_data(as_text=True)
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_public_threads_tell_robots_where_they_live(context, question):
    page = context.test_client().get(path_of(question)).get_data(as_text=True)
    assert f'<link rel="canonical" href="http://localhost{path_of(question)}">' in page
    assert 'property="og:title" content="Why is the lamp cold?"' in page


def test_first_view_is_small(context, question, fill):
    fill(question, 19)
    answer = context.test_client().get(path_of(question), headers={"Accept-Encoding": "gzip"})
    assert len(answer.data) < 30_000


# --- writing without scripts ---


def test_replying_by_form_leads_to_the_reply(question, ben):
    client = make.client_of(ben)
    answer = make.post(client, f"/threads/{question.id}/replies", body="Use **this**", kind="answer")
    post_id = queries.post_at(question.id, 2).id
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path_of(question)}#post-{post_id}")
    assert "Use <strong>this</strong>" in client.get(path_of(question)).get_data(as_text=True)


def test_a_reply_is_previewed_without_being_posted(question, ben):
    answer = make.post(
        make.client_of(ben), f"/threads/{question.id}/replies", body="Use **this**", step="preview"
    )
    assert "Use <strong>this</strong>" in answer.get_data(as_text=True)
    db.session.refresh(question)
    assert question.post_count == 1


def test_an_empty_reply_is_refused_with_words(question, ben):
    answer = make.post(make.client_of(ben), f"/threads/{question.id}/replies", body="   ")
    assert answer.status_code == 422
    assert "Please fill this in" in answer.get_data(as_text=True)


def test_too_long_a_reply_is_refused_and_kept_in_the_form(question, ben):
    answer = make.post(make.client_of(ben), f"/threads/{question.id}/replies", body="word " * 7_000)
    assert answer.status_code == 422
    assert answer.get_data(as_text=True).count("word") > 6_000


def test_a_reply_that_comes_after_the_closing_is_kept_as_a_draft(question, ben, dev):
    client = make.client_of(ben)
    with writing():
        actions.close_thread(dev, question, "Done")
    with make.post(client, f"/threads/{question.id}/replies", body="Too late?") as answer:
        assert answer.status_code == 403
        assert "Too late?" in answer.get_data(as_text=True)
    assert "Too late?" in client.get("/drafts").get_data(as_text=True)


def test_posting_throws_the_draft_away(question, ben):
    with writing():
        actions.save_draft(ben, f"reply:{question.id}", {"body": "Half a"})
    client = make.client_of(ben)
    assert "Half a" in client.get(path_of(question)).get_data(as_text=True)
    make.post(client, f"/threads/{question.id}/replies", body="Half a thought")
    assert db.session.execute(sa.select(sa.func.count()).select_from(Draft)).scalar() == 0


def test_a_quotation_starts_a_reply(question, ben):
    opening = make.opening(question)
    page = (
        make.client_of(ben).get(f"/threads/{question.id}/replies?quote={opening.id}").get_data(as_text=True)
    )
    assert "&gt; It is *cold*." in page
    assert f'name="reply_to" value="{opening.id}"' in page


def test_voting_by_form_and_in_place(question, ben):
    client, opening = make.client_of(ben), make.opening(question)
    assert make.post(client, f"/posts/{opening.id}/votes", vote="1").status_code == 303
    part = make.post(client, f"/posts/{opening.id}/votes", vote="0")
    assert part.status_code == 303
    with client.session_transaction() as cookie:
        assert cookie["csrf_token"]
    assert make.post(client, f"/posts/{opening.id}/votes", vote="7").status_code == 422


def test_editing_by_form_with_the_newest_text_and_a_reason(question, ana):
    client, opening = make.client_of(ana), make.opening(question)
    page = client.get(f"/posts/{opening.id}/edit").get_data(as_text=True)
    assert "It is *cold*." in page
    fields = {
        "title": "Why so cold?",
        "tags": "lamp heat",
        "body": "Very *cold*.",
        "seen_edits": "0",
        "reason": "More",
    }
    assert make.post(client, f"/posts/{opening.id}/edit", **fields).status_code == 303
    db.session.refresh(question)
    assert (question.title, question.tags) == ("Why so cold?", "heat lamp")
    late = make.post(client, f"/posts/{opening.id}/edit", **{**fields, "body": "Other"})
    assert late.status_code == 409
    assert "Other" in late.get_data(as_text=True)


def test_moderators_close_delete_move_and_restore_by_form(question, ana, dev):
    client, thread_id = make.client_of(dev), question.id
    staff = make.category(access=2)
    assert make.post(client, f"/threads/{thread_id}/closing", reason="").status_code == 422
    make.post(client, f"/threads/{thread_id}/closing", reason="Answered elsewhere")
    page = make.client_of(ana).get(path_of(question)).get_data(as_text=True)
    assert "Answered elsewhere" in page
    make.post(client, f"/threads/{thread_id}/closing/undo")
    make.post(client, f"/threads/{thread_id}/pinning")
    make.post(client, f"/threads/{thread_id}/marks", mark="needs_staff")
    make.post(client, f"/threads/{thread_id}/category", category_id=str(staff.id))
    make.post(client, f"/threads/{thread_id}/deletion", reason="Spam, all of it")
    db.session.refresh(question)
    assert (question.closed_at, question.access, question.deleted_reason) == (None, 2, "Spam, all of it")
    assert question.pinned_at
    assert question.needs_staff_at
    assert "Spam, all of it" in client.get(path_of(question)).get_data(as_text=True)
    make.post(client, f"/threads/{thread_id}/deletion/undo")
    db.session.refresh(question)
    assert question.deleted_at is None


def test_the_author_learns_why_a_thread_is_gone_and_nobody_else_that_it_was(context, question, ana, ben, dev):
    with writing():
        actions.delete_thread(dev, question, "It names a customer")
    answer = make.client_of(ana).get(path_of(question))
    assert answer.status_code == 410
    assert "The reason: It names a customer" in answer.text
    for client in (make.client_of(ben), context.test_client()):
        nothing = client.get(path_of(question))
        assert nothing.status_code == 404
        assert "customer" not in nothing.text
    with writing():
        question.access = 2
    assert make.client_of(ana).get(path_of(question)).status_code == 404


def test_the_author_who_deleted_a_thread_is_told_just_that(ana):
    lonely = make.thread("Never mind", by=ana)
    with writing():
        actions.delete_thread(ana, lonely)
    answer = make.client_of(ana).get(path_of(lonely))
    assert answer.status_code == 410
    assert "You deleted this." in answer.text


def test_forms_of_moderators_are_not_even_shown_to_others(question, ben):
    client = make.client_of(ben)
    for path in ("closing", "deletion", "category"):
        assert client.get(f"/threads/{question.id}/{path}").status_code == 403
    assert client.get("/categories/new").status_code == 403


def test_following_by_form(question, ben):
    client = make.client_of(ben)
    make.post(client, f"/threads/{question.id}/following", state="follow")
    assert ben.id in queries.followers(question.id)
    assert "Why is the lamp cold?" in client.get("/following").get_data(as_text=True)
    make.post(client, f"/threads/{question.id}/following", state="mute")
    assert ben.id not in queries.followers(question.id)


def test_categories_are_made_and_changed_by_form(dev, context):
    client = make.client_of(dev)
    values = {
        "name": "Team room",
        "description": "For us",
        "access": "1",
        "default_kind": "discussion",
        "colour": "3",
    }
    assert make.post(client, "/categories/new", **values).headers["Location"] == "/c/team-room"
    assert context.test_client().get("/c/team-room").status_code == 404
    make.post(client, "/c/team-room/edit", **{**values, "access": "0", "name": "Open room"})
    assert "Open room" in context.test_client().get("/c/team-room").get_data(as_text=True)
    assert make.post(client, "/categories/new", **values, position="x").status_code == 422


def test_tags_can_be_described(question, dev, context):
    make.post(make.client_of(dev), "/tags/lamp/edit", description="All that shines")
    assert "All that shines" in context.test_client().get("/tags/lamp").get_data(as_text=True)


@pytest.mark.parametrize("name", ["c++", "c#", ".net", "größe", "a.b-c"])
def test_tags_of_every_spelling_have_a_page(context, ana, name):
    make.thread("A thread about it", by=ana, tags=(name,))
    home = context.test_client().get("/").get_data(as_text=True)
    links = re.findall(r'href="(/tags/[^"?]+)"', home)
    assert links
    assert "A thread about it" in context.test_client().get(links[0]).get_data(as_text=True)
    feed = context.test_client().get(links[0].replace("/tags/", "/feeds/tags/") + ".atom")
    assert "A thread about it" in feed.get_data(as_text=True)


# --- lists ---


def test_lists_say_when_they_are_empty(context):
    visitor = context.test_client()
    for path in ("/", "/questions", "/tags", "/categories", "/search"):
        page = visitor.get(path)
        assert page.status_code == 200
        assert 'class="empty"' in page.get_data(as_text=True), path


def test_whoever_may_make_the_first_category_is_led_there_from_the_form_that_needs_one(context, ana, dev):
    made = 'href="/categories/new"'
    assert made in visit(make.client_of(dev), "/ask")
    told = visit(make.client_of(ana), "/ask")
    assert made not in told
    assert "A moderator has to make one first." in told


@pytest.mark.slow
def test_pinned_threads_lead_the_first_page_and_no_other(context, ana, dev, room):
    old = make.thread("Read me first", by=ana, room=room)
    with writing():
        actions.pin_thread(dev, old)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        for number in range(31):
            make.thread(f"Thread number {number}", by=ana, room=room)
    visitor = context.test_client()
    for path in ("/", f"/c/{room.slug}"):
        first = visitor.get(path).get_data(as_text=True)
        assert first.index("Read me first") < first.index("Thread number 30")
        assert "Read me first" not in visitor.get(f"{path}?page=2").get_data(as_text=True)
        assert "Thread number 0<" in visitor.get(f"{path}?page=2").get_data(as_text=True)


def test_lists_filter_and_sort(context, question, ana, ben):
    solved = make.thread("Solved one", by=ana)
    answer = make.answer(solved, by=ben)
    with writing():
        actions.accept_answer(ana, solved, answer)
        actions.vote(ben, make.opening(solved), 1)
    visitor = context.test_client()
    assert "Solved one" not in visitor.get("/questions?state=unanswered").get_data(as_text=True)
    assert "Solved one" in visitor.get("/questions?state=solved").get_data(as_text=True)
    top = visitor.get("/questions?sort=votes").get_data(as_text=True)
    assert top.index("Solved one") < top.index("Why is the lamp cold?")
    for nonsense in ("?state=x", "?sort=x", "?page=0"):
        assert visitor.get("/questions" + nonsense).status_code == 404


def test_a_person_shows_what_they_wrote(context, question, ben):
    make.answer(question, "Look at the *fuse*", by=ben)
    make.comment(question, "A remark", by=ben)
    visitor = context.test_client()
    answers = visitor.get(f"/people/{ben.handle}").get_data(as_text=True)
    assert "Look at the fuse" in answers
    assert "A remark" not in answers
    assert "A remark" in visitor.get(f"/people/{ben.handle}?tab=posts").get_data(as_text=True)


def test_what_is_kept_of_a_person_is_exported_and_forgotten(question, ben):
    from people import portability

    make.answer(question, "My words", by=ben)
    with writing():
        actions.vote(ben, make.opening(question), 1)
        actions.save_draft(ben, "thread", {"title": "Unsent", "body": "Draft words"})
    sections = portability.sections_of(int(ben.id or 0))
    assert sections["forum.posts"][0]["source"] == "My words"
    assert sections["forum.votes"][0]["value"] == 1
    assert sections["forum.drafts"][0]["fields"]["title"] == "Unsent"
    assert sections["forum.follows"][0]["thread_id"] == question.id
    with writing():
        portability.forget(int(ben.id or 0))
    left = portability.sections_of(int(ben.id or 0))
    assert (left["forum.drafts"], left["forum.follows"]) == ([], [])
    assert left["forum.posts"]


def test_the_kit_is_made_once_for_each_language(context):
    with context.test_request_context("/"):
        assert kit.kit() is kit.kit()
        assert Viewer.visitor().clearance == 0
