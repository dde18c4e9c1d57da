"""Asking: the form, what is like it already, drafts kept on the server, pictures."""

import json

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from core import worker
from core.db import db, writing
from core.errors import Refused
from forum import actions, forms, queries, tasks
from forum.actions.writing import MOST_DRAFTS
from forum.models import Attachment, Draft, Thread
from tests import make
from tests.forum.pictures import png, upload


def token_of(client: FlaskClient) -> str:
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", "0" * 40)
    return str(URLSafeTimedSerializer(client.application.secret_key or "", salt="wtf-csrf-token").dumps(raw))


def put(client: FlaskClient, path: str, fields) -> int:
    headers = {"X-CSRFToken": token_of(client), "Accept": "application/json"}
    return client.put(
        path, data=json.dumps(fields), content_type="application/json", headers=headers
    ).status_code


@pytest.fixture
def asked(room):
    return {
        "title": "Why is the lamp cold?",
        "category_id": str(room.id),
        "tags": "Lamp, heat",
        "body": "It is *cold*.",
    }


# --- the form ---


def test_asking_by_form_starts_a_thread(ana, asked):
    answer = make.post(make.client_of(ana), "/ask", **asked)
    thread = db.session.execute(sa.select(Thread)).scalar_one()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/t/{thread.id}/why-is-the-lamp-cold")
    assert (thread.kind, thread.tags, thread.author_id) == ("question", "heat lamp", ana.id)


def test_a_visitor_is_asked_to_sign_in_first(context):
    assert context.test_client().get("/ask").headers["Location"].startswith("/sign-in")


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(ana, asked):
    wrong = asked | {"title": "Hm", "tags": "a b c d e f", "body": " "}
    page = make.post(make.client_of(ana), "/ask", **wrong)
    words = page.get_data(as_text=True)
    assert page.status_code == 422
    assert 'value="Hm"' in words
    assert 'value="a b c d e f"' in words
    assert "At most 5 tags" in words
    assert "Please fill this in" in words


def test_a_category_out_of_sight_cannot_be_asked_in(ana, asked):
    staff = make.category(access=2)
    assert make.post(make.client_of(ana), "/ask", **asked | {"category_id": str(staff.id)}).status_code == 404
    assert f'value="{staff.id}"' not in make.client_of(ana).get("/ask").get_data(as_text=True)


def test_ideas_are_not_asked_by_this_form(ana, asked):
    ideas = make.category("idea")
    assert make.post(make.client_of(ana), "/ask", **asked | {"category_id": str(ideas.id)}).status_code == 422
    page = make.client_of(ana).get(f"/c/{ideas.slug}").get_data(as_text=True)
    assert f"/ask?category={ideas.slug}" not in page


def test_nobody_chooses_the_kind_or_the_author_of_a_thread(ana, ben, asked):
    make.post(
        make.client_of(ana), "/ask", **asked, kind="release", author_id=str(ben.id), access="2", pinned_at="1"
    )
    thread = db.session.execute(sa.select(Thread)).scalar_one()
    assert (thread.kind, thread.author_id, thread.access, thread.pinned_at) == ("question", ana.id, 0, None)


def test_a_discussion_room_makes_discussions(ana, asked):
    talk = make.category("discussion")
    make.post(make.client_of(ana), "/ask", **asked | {"category_id": str(talk.id)})
    assert db.session.execute(sa.select(Thread.kind)).scalar_one() == "discussion"


def test_the_preview_shows_the_text_and_what_is_like_it(ana, ben, asked):
    make.thread("The lamp stays cold", by=ben)
    worker.drain()
    page = make.post(make.client_of(ana), "/ask", **asked, step="preview").get_data(as_text=True)
    assert "It is <em>cold</em>." in page
    assert "The lamp stays cold" in page
    assert db.session.execute(sa.select(sa.func.count()).select_from(Thread)).scalar() == 1


def test_similar_threads_come_while_a_title_is_typed(ana, ben, context):
    make.thread("The lamp stays cold", by=ben)
    make.thread("Something else entirely", by=ben)
    worker.drain()
    client = make.client_of(ana)
    part = client.get("/ask/similar?title=Why+is+my+lamp+cold", headers={"HX-Request": "true"}).get_data(
        as_text=True
    )
    assert "The lamp stays cold" in part
    assert "Something else" not in part
    assert "<html" not in part
    assert client.get("/ask/similar?title=la").get_data(as_text=True).strip() == ""


def test_similar_threads_need_no_index_to_be_there(ana):
    assert make.client_of(ana).get("/ask/similar?title=Anything+at+all").status_code == 200


@pytest.mark.slow
def test_related_threads_leave_out_the_thread_itself(question, ben, context):
    other = make.thread("A lamp that is cold", by=ben)
    worker.drain()
    part = context.test_client().get(f"/t/{question.id}/related").get_data(as_text=True)
    assert other.title in part
    assert question.title not in part


def test_the_editors_preview_is_safe(ana):
    client = make.client_of(ana)
    page = make.post(client, "/ask/preview", body="**bold** <script>alert(1)</script>").get_data(as_text=True)
    assert "<strong>bold</strong>" in page
    assert "<script>" not in page


@pytest.mark.settings(RATE_LIMITS="1")
def test_asking_without_end_is_slowed_down(ana, asked):
    client = make.client_of(ana)
    answers = [make.post(client, "/ask", **asked | {"title": f"Question {n}"}).status_code for n in range(7)]
    assert answers[:5] == [303] * 5
    assert answers[-1] == 429


# --- tags ---


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", ()),
        ("Lamp, lamp  LAMP", ("lamp",)),
        ("#csv c# c++ .net", ("csv", "c#", "c++", ".net")),
        ("größe;Zürich", ("größe", "zürich")),
    ],
)
def test_tags_are_read_as_people_type_them(context, typed, names):
    with context.test_request_context("/"):
        assert forms.tag_names(typed) == names


@pytest.mark.parametrize("typed", ["a b c d e f", "x" * 41, "<b>", "a/b", "..", "a:b", "\u202eabc"])
def test_other_tags_are_refused(context, typed):
    with context.test_request_context("/"), pytest.raises(ValueError):
        forms.tag_names(typed)


# --- drafts ---


def test_a_draft_is_kept_restored_listed_and_discarded(ana, room):
    client = make.client_of(ana)
    assert client.get("/drafts/thread").status_code == 204
    assert put(client, "/drafts/thread", {"title": "Half a title", "body": "Half a text"}) == 204
    assert client.get("/drafts/thread").get_json() == {
        "fields": {"title": "Half a title", "body": "Half a text"}
    }
    assert "Half a text" in client.get("/ask").get_data(as_text=True)
    assert "Half a title" in client.get("/drafts").get_data(as_text=True)
    make.post(client, "/drafts/thread/discarding")
    assert client.get("/drafts/thread").status_code == 204


def test_posting_throws_the_draft_of_the_form_away(ana, asked):
    client = make.client_of(ana)
    put(client, "/drafts/thread", asked)
    make.post(client, "/ask", **asked)
    assert client.get("/drafts/thread").status_code == 204


def test_drafts_are_ones_own(ana, ben):
    put(make.client_of(ana), "/drafts/thread", {"body": "My secret"})
    assert make.client_of(ben).get("/drafts/thread").status_code == 204
    assert "My secret" not in make.client_of(ben).get("/drafts").get_data(as_text=True)


def test_a_draft_that_was_emptied_is_gone(ana):
    client = make.client_of(ana)
    put(client, "/drafts/reply:7", {"body": "x"})
    put(client, "/drafts/reply:7", {"body": "  "})
    assert db.session.execute(sa.select(sa.func.count()).select_from(Draft)).scalar() == 0


@pytest.mark.parametrize("key", ["other", "reply:", "reply:x", "edit:1:2", "x" * 100])
def test_other_keys_hold_no_drafts(ana, key):
    assert put(make.client_of(ana), f"/drafts/{key}", {"body": "x"}) == 422


@pytest.mark.parametrize("sent", [["a"], "text", {"body": "x" * 33_000}, {"title": "x" * 300}])
def test_drafts_have_bounds(ana, sent):
    assert put(make.client_of(ana), "/drafts/thread", sent) == 422


@pytest.mark.slow
def test_nobody_hoards_drafts(ana):
    with writing():
        for number in range(MOST_DRAFTS):
            actions.save_draft(ana, f"reply:{number}", {"body": "x"})
    with pytest.raises(Refused), writing():
        actions.save_draft(ana, "thread", {"body": "one too many"})
    with writing():
        actions.save_draft(ana, "reply:3", {"body": "another text"})
    assert queries.draft(ana, "reply:3") == {"body": "another text"}


# --- pictures ---


def test_a_picture_is_taken_redrawn_and_served(ana):
    client = make.client_of(ana)
    sent = upload(client, png() + b"<script>alert(1)</script>", name="my lamp.png")
    assert sent["markdown"] == f"![my lamp]({sent['url']})"
    answer = client.get(sent["url"])
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"].startswith("private")
    assert b"<script>" not in answer.data


@pytest.mark.parametrize("data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"", b"%PDF-1.4"])
def test_what_is_no_picture_is_refused(ana, data):
    assert upload(make.client_of(ana), data)["status"] == 422
    assert db.session.execute(sa.select(sa.func.count()).select_from(Attachment)).scalar() == 0


def test_visitors_upload_nothing(context):
    assert upload(context.test_client(), png())["status"] in (400, 401)


def test_pictures_in_no_post_and_no_draft_are_swept_after_a_while(ana):
    kept, dropped, drafted = (
        upload(make.client_of(ana), png(c), f"{c}.png")["url"] for c in ("red", "blue", "lime")
    )
    make.thread("With a picture", by=ana, text=f"![x]({kept})")
    with writing():
        actions.save_draft(ana, "thread", {"body": f"![x]({drafted})"})
        long_ago = sa.update(Attachment).values(created_at=make.NOON.replace(year=2020))
        db.session.execute(long_ago)
    tasks.sweep_leftovers()
    client = make.client_of(ana)
    assert [client.get(url).status_code for url in (kept, dropped, drafted)] == [200, 404, 200]
