"""A secret in a staff category, a deleted post and a members' thread: on which surface could a word of them leak?"""

import re
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core import worker
from core.db import db, writing
from core.live import allowed
from core.text import render
from core.viewer import Viewer
from forum import actions, queries
from forum.models import Attachment, Category, Post, Thread
from tests import make
from tests.forum.pictures import png, upload

STAFF, MEMBERS, GONE = "zebrastaff", "girafmember", "lostotter"


@dataclass
class House:
    """The secret places and who may not know of them."""

    staff: Thread
    members: Thread
    open: Thread
    gone: Post
    staff_room: Category
    members_room: Category
    picture_url: str


@pytest.fixture
def house(ana: Viewer, ben: Viewer, dev: Viewer) -> House:
    staff_room = make.category(access=2, name=f"Room {STAFF}")
    members_room = make.category(access=1, name=f"Room {MEMBERS}")
    url = upload(make.client_of(dev), png())["url"]
    secret = f"The {STAFF} word. @{ana.handle} ![p]({url})"
    staff = make.thread(f"About {STAFF}", by=dev, room=staff_room, text=secret, tags=(STAFF,))
    members = make.thread(f"About {MEMBERS}", by=ben, room=members_room, text=MEMBERS, tags=(MEMBERS,))
    open_ = make.thread("About lamps", by=ana, text="A lamp", tags=("lamp",))
    gone = make.answer(open_, f"A {GONE} answer", by=ben)
    answer = make.answer(staff, f"More of {STAFF}", by=dev)
    with writing():
        actions.edit_post(ben, gone, render(f"Still {GONE}"))
        actions.accept_answer(ana, open_, gone)
        actions.delete_post(dev, gone, f"Because of {GONE}")
        actions.edit_post(dev, answer, render(f"Changed {STAFF}"))
        actions.pin_thread(dev, staff)
        actions.mark_thread(dev, staff, "needs_staff")
    worker.drain()
    return House(staff, members, open_, gone, staff_room, members_room, url)


LISTS = (
    "/",
    "/?state=needs_staff",
    "/?state=solved",
    "/?sort=newest",
    "/questions",
    "/questions?state=unanswered",
    "/categories",
    "/tags",
    "/tags?q=z",
    "/tags/suggest?tags=z",
    "/tags/suggest?tags=gir",
    "/tags/suggest?tags=lost",
    "/feeds",
    "/feeds/latest.atom",
    "/sitemap.xml",
    "/robots.txt",
)


def searches(word: str) -> list[str]:
    asked = (word, f"tag:{word}", f"{word} in:title", f"category:room-{word}", "lamps OR " + word)
    found = [f"/search?q={one.replace(' ', '+')}" for one in asked]
    return [*found, f"/ask/similar?title=About+{word}"]


def shows(client: FlaskClient, path: str, word: str) -> bool:
    """Whether a page says the word anywhere but where it repeats the question itself."""
    page = client.get(path).get_data(as_text=True)
    asked = re.sub(
        r'(?s)<input[^>]*\bname="q"[^>]*>|<title>.*?</title>|href="/(search|ask)\?[^"]*"', "", page
    )
    return word in asked


def addresses(house: House) -> list[str]:
    """Every address that names a secret thing by its number or name."""
    secret = make.opening(house.staff)
    return [
        f"/t/{house.staff.id}",
        f"/t/{house.staff.id}/{house.staff.slug}",
        f"/t/{house.staff.id}/wrong-slug",
        f"/t/{house.staff.id}/unread",
        f"/t/{house.staff.id}/last",
        f"/t/{house.staff.id}/related",
        f"/threads/{house.staff.id}",
        f"/threads/{house.staff.id}/replies",
        f"/p/{secret.id}",
        f"/posts/{secret.id}",
        f"/posts/{secret.id}/history",
        f"/posts/{secret.id}/quote",
        f"/posts/{secret.id}/flag",
        f"/posts/{secret.id}/edit",
        f"/posts/{house.gone.id}",
        f"/posts/{house.gone.id}/history",
        f"/posts/{house.gone.id}/quote",
        f"/c/{house.staff_room.slug}",
        f"/feeds/c/{house.staff_room.slug}.atom",
        f"/feeds/c/{house.members_room.slug}.atom",
        f"/tags/{STAFF}",
        f"/feeds/tags/{STAFF}.atom",
        f"/feeds/tags/{MEMBERS}.atom",
        house.picture_url,
    ]


@pytest.mark.slow
def test_no_list_search_or_feed_says_a_staff_word(context, house, ana):
    for client in (context.test_client(), make.client_of(ana)):
        for path in [*LISTS, *searches(STAFF), *searches(GONE), f"/people/{ana.handle}"]:
            for word in (STAFF, GONE):
                assert not shows(client, path, word), (path, word)


def test_no_list_search_or_feed_says_a_members_word_to_visitors(context, house, ben):
    for path in [*LISTS, *searches(MEMBERS), f"/people/{ben.handle}", f"/people/{ben.handle}?tab=posts"]:
        assert not shows(context.test_client(), path, MEMBERS), path


def test_feeds_hold_public_threads_alone_even_for_staff(house, dev):
    client = make.client_of(dev)
    for path in ("/feeds", "/feeds/latest.atom", "/sitemap.xml"):
        page = client.get(path).get_data(as_text=True)
        assert STAFF not in page
        assert MEMBERS not in page
    assert client.get(f"/feeds/c/{house.staff_room.slug}.atom").status_code == 404


def test_addresses_of_secret_things_are_as_unknown_as_any_other(context, house, ana):
    nothing = make.client_of(ana).get("/t/999999").status_code
    for client in (context.test_client(), make.client_of(ana)):
        for path in addresses(house):
            answer = client.get(path)
            if answer.status_code in (302, 303):
                assert answer.headers["Location"].startswith("/sign-in"), path
            else:
                assert answer.status_code == nothing == 404, path
            assert STAFF not in re.sub(r"/sign-in\?next=\S+", "", answer.headers.get("Location", ""))
            assert STAFF not in re.sub(
                r'(?s)<title>.*?</title>|href="[^"]*"', "", answer.get_data(as_text=True)
            ), path


def test_nobody_acts_on_what_they_may_not_see(house, ana):
    client, secret = make.client_of(ana), make.opening(house.staff)
    for path, fields in (
        (f"/threads/{house.staff.id}/replies", {"body": "hello"}),
        (f"/threads/{house.staff.id}/following", {"state": "follow"}),
        (f"/posts/{secret.id}/votes", {"vote": "1"}),
        (f"/posts/{secret.id}/flag", {"reason": "spam"}),
        (f"/posts/{house.gone.id}/votes", {"vote": "1"}),
        (f"/posts/{house.gone.id}/acceptance", {}),
    ):
        assert make.post(client, path, **fields).status_code == 404, path


def test_a_reply_cannot_point_at_a_post_out_of_sight(house, ana):
    secret = make.opening(house.staff)
    answer = make.post(
        make.client_of(ana), f"/threads/{house.open.id}/replies", body="See that one", reply_to=str(secret.id)
    )
    assert answer.status_code == 404


def test_counts_on_lists_know_nothing_of_the_secret(context, house):
    tags = {t.name: t.threads for t in queries.tags(Viewer.visitor())}
    assert tags == {"lamp": 1}
    assert queries.counts(Viewer.visitor())["threads"] == 1
    found = queries.search(Viewer.visitor(), STAFF)
    assert (found.total, found.found) == (0, ())
    assert not found.is_more


def test_staff_find_what_is_theirs(house, dev):
    found = queries.search(dev, STAFF)
    assert [hit.thread.id for hit in found.found] == [house.staff.id]
    assert make.client_of(dev).get(f"/t/{house.staff.id}/{house.staff.slug}").status_code == 200
    assert make.client_of(dev).get(house.picture_url).status_code == 200


def test_a_deleted_text_leaves_search_and_quotes_at_once(house, ana):
    later = make.comment(house.open, "To that", by=ana)
    page = (
        make.client_of(make.actor("Sam")).get(f"/t/{house.open.id}/{house.open.slug}").get_data(as_text=True)
    )
    assert GONE not in page
    assert f"post-{later.id}" in page
    assert queries.search(Viewer.visitor(), GONE).total == 0


def test_a_deleted_text_is_hidden_by_sql_although_the_index_still_knows_it(house, ana):
    answer = make.answer(house.open, "A quick weaselword", by=ana)
    worker.drain()
    assert queries.search(ana, "weaselword").total == 1
    with writing():
        actions.delete_post(make.actor("Mod", "moderator"), answer, "x")
    assert queries.search(ana, "weaselword").total == 0


def test_live_channels_are_for_those_who_may_see_the_thread(house, ana, dev):
    wanted = [f"thread:{house.staff.id}", f"thread:{house.members.id}", f"thread:{house.open.id}"]
    assert allowed(Viewer.visitor(), wanted).channels == {wanted[2]}
    assert allowed(ana, wanted).channels == {wanted[1], wanted[2]}
    assert allowed(dev, wanted).channels == set(wanted)


def test_visitors_pages_are_not_kept_once_a_thread_becomes_private(context, house, dev):
    visitor, path = context.test_client(), f"/t/{house.open.id}/{house.open.slug}"
    assert visitor.get(path).status_code == 200
    with writing():
        actions.move_thread(dev, house.open, house.staff_room)
    assert visitor.get(path).status_code == 404
    assert "About lamps" not in visitor.get("/").get_data(as_text=True)


def test_a_private_thread_says_nothing_to_robots(house, dev):
    page = make.client_of(dev).get(f"/t/{house.staff.id}/{house.staff.slug}").get_data(as_text=True)
    assert "og:title" not in page
    assert 'rel="canonical"' not in page
    assert 'content="noindex"' in page


def test_drafts_do_not_name_threads_that_went_out_of_sight(house, ana, dev):
    with writing():
        actions.save_draft(ana, f"reply:{house.open.id}", {"body": "My words"})
        actions.move_thread(dev, house.open, house.staff_room)
    page = make.client_of(ana).get("/drafts").get_data(as_text=True)
    assert "My words" in page
    assert "About lamps" not in page


def test_a_picture_is_its_owners_until_it_stands_in_a_post(context, ana, ben):
    url = upload(make.client_of(ana), png())["url"]
    assert make.client_of(ana).get(url).status_code == 200
    assert make.client_of(ben).get(url).status_code == 404
    assert context.test_client().get(url).status_code == 404
    thread = make.thread("With a picture", by=ana, text=f"![lamp]({url})")
    assert context.test_client().get(url).status_code == 200
    with writing():
        actions.delete_thread(make.actor("Mod", "moderator"), thread, "x")
    assert context.test_client().get(url).status_code == 404


def test_nobody_makes_a_foreign_picture_public_by_naming_it(context, ana, ben):
    url = upload(make.client_of(ana), png())["url"]
    make.thread("Not my picture", by=ben, text=f"![lamp]({url})")
    assert context.test_client().get(url).status_code == 404
    held = db.session.execute(sa.select(Attachment)).scalar_one()
    assert held.post_id is None
