"""Pages of the desk and the administration: who may come in, and what the forms do without scripts."""

import io
import re

import pytest
import sqlalchemy as sa
from PIL import Image

from core import files, mail, outbox, text, worker
from core.db import db, writing
from core.outbox import DeliveryRow
from core.site import site
from forum import actions as forum
from forum import indexer
from forum.models import Escalation, Flag, Post
from forum.queries.indexing import ALL, Scope
from listening import actions as mentions
from people import queries as people
from people.actions import link_identity
from tests import make

ALLOWED = {
    "/desk": {"dev", "sam", "olu"},
    "/circle": {"cleo", "dev", "sam", "olu"},
    "/admin": {"cleo", "dev", "sam", "olu"},
    "/admin/site": {"olu"},
    "/admin/people": {"olu"},
    "/admin/mail": {"olu"},
    "/admin/jobs": {"olu"},
    "/admin/log": {"dev", "sam", "olu"},
    "/admin/parts": {"cleo", "dev", "sam", "olu"},
}


@pytest.mark.slow
@pytest.mark.parametrize("path", ALLOWED)
def test_each_page_opens_for_its_roles_alone(house, path, client):
    opened = {
        name for name, who in house.everybody().items() if make.client_of(who).get(path).status_code == 200
    }
    assert opened == ALLOWED[path]
    assert "/sign-in" in client.get(path).headers["Location"]


@pytest.mark.parametrize("path", ["/about", "/privacy"])
def test_what_the_site_says_about_itself_is_for_everybody(house, client, path):
    assert client.get(path).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("who", ["cleo", "dev", "sam", "olu"])
def test_no_page_links_staff_to_what_they_may_not_open(house, who):
    client = make.client_of(getattr(house, who))
    page = client.get("/admin").text
    for path in set(re.findall(r'href="(/(?:admin|desk|circle|inbox|sources|invitations)[^"#?]*)"', page)):
        assert client.get(path).status_code == 200, path


def test_administration_shows_how_far_the_background_of_an_import_is(house):
    client = make.client_of(house.dev)
    assert "goes on in the background" not in client.get("/admin").text
    with writing():
        imported = text.render_html("<p>From elsewhere</p>")
        house.answer.html, house.answer.text_version = imported.html, imported.version
        indexer.begin(Scope(ALL))
    page = client.get("/admin").text
    assert "1 text waits for its second safety check." in page
    assert '<progress value="0" max="100" aria-label="The search index is being filled">' in page


# --- the desk ---


@pytest.fixture
def case(house) -> Escalation:
    with writing():
        return forum.escalate(house.dev, house.answer, "Ben is wrong", 4)


def fields_of(page: str, action: str) -> dict[str, str]:
    """What a form of the page sends by itself, without scripts."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert form, f"no form for {action}"
    inputs = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form[0])
    return {name: value for name, value in inputs if name != "csrf_token"}


@pytest.mark.slow
def test_a_case_is_taken_and_settled_from_the_desk(house, case):
    client = make.client_of(house.dev)
    page = client.get("/desk").text
    assert "Ben is wrong" in page
    taking, closing = f"/escalations/{case.id}/taking", f"/escalations/{case.id}/closing"
    response = make.post(client, taking, **fields_of(page, taking))
    assert (response.status_code, response.headers["Location"]) == (303, "/desk")
    page = client.get("/desk").text
    response = make.post(client, closing, **fields_of(page, closing), body="Ben was right after all.")
    assert (response.status_code, response.headers["Location"]) == (303, "/desk")
    assert "Ben was right after all." in client.get("/desk?show=closed").text
    assert "Ben was right after all." in client.get(f"/t/{house.thread.id}", follow_redirects=True).text


def test_a_case_can_be_put_back(house, case):
    client = make.client_of(house.dev)
    with writing():
        forum.take_escalation(house.dev, case)
    undo = f"/escalations/{case.id}/taking/undo"
    make.post(client, undo, **fields_of(client.get("/desk").text, undo))
    db.session.expire_all()
    assert db.session.get_one(Escalation, case.id).owner_id is None


@pytest.mark.parametrize(("outcome", "is_deleted"), [("agreed", True), ("declined", False)])
def test_flags_are_settled_from_the_desk(house, outcome, is_deleted):
    with writing():
        forum.flag_post(house.ana, house.answer, "spam", "Look at this")
    client = make.client_of(house.dev)
    page = client.get("/desk").text
    assert "Look at this" in page
    path = f"/posts/{house.answer.id}/flags/settling"
    assert f'name="outcome" value="{outcome}"' in page
    response = make.post(client, path, **{"outcome": outcome, "from": "desk"})
    assert response.headers["Location"] == "/desk"
    assert db.session.execute(sa.select(Flag.outcome)).scalar_one() == outcome
    assert (db.session.get_one(Post, house.answer.id).deleted_at is not None) is is_deleted
    assert "Look at this" not in client.get("/desk").text


def test_a_hostile_post_is_shown_as_text_at_the_desk(house):
    with writing():
        forum.flag_post(house.ana, house.answer, "other", "<script>alert(1)</script>")
    assert "<script>alert(1)" not in make.client_of(house.dev).get("/desk").text


# --- the log ---


def test_the_log_says_in_words_what_the_team_did(house):
    with writing():
        forum.accept_answer(house.dev, house.thread, house.answer)
        forum.close_thread(house.dev, house.thread, "Done")
        forum.follow(house.ana, house.thread)
    page = make.client_of(house.sam).get("/admin/log").text
    assert "Accepted an answer on behalf of the person who asked" in page
    assert "Closed a thread" in page
    assert "How do I export?" in page
    assert "forum.answer_accepted</" not in page


def test_the_log_says_who_joined_an_outside_poster_to_which_member(house):
    mention = make.mention("How do I mend it?", author_name="Mia Outside")
    with writing():
        mentions.refuse_contact_of(house.dev, mention, "Asked for it")
        (identity,) = people.identities_of(mention.person_id)
        link_identity(house.dev, identity, people.person(house.ana.id))
    table = make.client_of(house.sam).get("/admin/log").text.partition("<tbody>")[2]
    assert "Said which member an outside poster is" in table
    assert "Noted a wish for no contact" in table
    assert table.count(f'href="/people/{house.ana.handle}"') == 2
    assert "Removed person" not in table


def test_what_customers_do_to_their_own_is_not_in_the_log(house):
    with writing():
        forum.accept_answer(house.ana, house.thread, house.answer)
    assert "How do I export?" not in make.client_of(house.sam).get("/admin/log").text


def test_the_log_can_be_asked_for_one_kind(house):
    with writing():
        forum.accept_answer(house.dev, house.thread, house.answer)
        forum.close_thread(house.dev, house.thread, "Done")
    table = make.client_of(house.sam).get("/admin/log?kind=forum.thread_closed").text.partition("<tbody>")[2]
    assert "Closed a thread" in table
    assert "Accepted an answer" not in table


# --- name, brand and logo ---


def picture(kind: str = "PNG") -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", (40, 20), "teal").save(data, kind)
    data.seek(0)
    return data


def save(house, **more):
    values = {"name": "Tidewater", "tagline": "For shops", "brand_hue": "150", "brand_chroma": "0.12"}
    return make.post(make.client_of(house.olu), "/admin/site", **{**values, **more})


def test_name_and_colours_show_on_every_page(house, client):
    assert save(house).status_code == 303
    page = client.get("/").text
    assert "Tidewater" in page
    path = re.search(r'href="(/site/brand-[^"]+\.css)"', page)[1]
    sheet = client.get(path)
    assert sheet.text == ":root{--brand-hue:150;--brand-chroma:0.12}\n"
    assert sheet.mimetype == "text/css"
    assert client.get("/site/brand-150-0.3}body{display:none.css").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"brand_hue": "400"}, {"brand_chroma": "nan"}, {"brand_chroma": "x}"}]
)
def test_wrong_values_are_refused_with_what_was_typed(house, wrong):
    response = save(house, **{"tagline": "Kept words", **wrong})
    assert response.status_code == 422
    assert "Kept words" in response.text
    assert site().name != "Tidewater"


def test_a_logo_is_served_and_replaced_and_dropped(house, client):
    assert save(house, logo=(picture(), "logo.png")).status_code == 303
    first = site().logo_key
    assert client.get(f"/site/logo/{first}").mimetype == "image/png"
    assert f"/site/logo/{first}" in client.get("/").text
    other = io.BytesIO()
    Image.new("RGB", (30, 30), "red").save(other, "PNG")
    other.seek(0)
    save(house, logo=(other, "logo.png"))
    assert site().logo_key != first
    assert not files.exists(first)
    assert client.get(f"/site/logo/{first}").status_code == 404
    save(house, drop_logo="1")
    assert site().logo_key == ""


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"MZ\x00", b"<html>"]
)
def test_a_logo_that_is_no_picture_is_refused(house, data):
    response = save(house, logo=(io.BytesIO(data), "logo.svg"))
    assert response.status_code == 422
    assert site().logo_key == ""


def test_the_logo_is_held_against_deletion(house):
    save(house, logo=(picture(), "logo.png"))
    files.delete(site().logo_key)
    assert files.exists(site().logo_key)


# --- letters and jobs ---


@pytest.fixture
def letter(context) -> str:
    html = "<p style='color:red'>Hi</p>"
    mail.send(
        mail.Letter("ana@example.com", "Hello <b>", "See https://x.example", html, message_id="one@localhost")
    )
    return mail.outbox()[0].key


def test_letters_are_from_the_community_as_the_owner_named_it(house, context):
    save(house, name="Orbit community")
    mail.send(mail.Letter("ana@example.com", "Hello", "Hi", message_id="two@localhost"))
    headers = dict(mail.read(mail.outbox()[0].key).headers)
    assert headers["From"] == "Orbit community <community@localhost>"


def test_a_letter_is_shown_as_text_and_its_html_in_a_frame_that_can_do_nothing(house, letter):
    client = make.client_of(house.olu)
    page = client.get(f"/admin/mail/{letter}")
    assert re.search(rf'<iframe[^>]*src="/admin/mail/{letter}/html"[^>]*\ssandbox[\s>]', page.text)
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "script-src 'self' 'nonce-" in page.headers["Content-Security-Policy"]
    assert "Hello &lt;b&gt;" in page.text
    frame = client.get(f"/admin/mail/{letter}/html")
    assert frame.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "script-src" not in frame.headers["Content-Security-Policy"]
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.slow
def test_letters_are_for_owners_alone(house, letter, client):
    for who in (house.ana, house.cleo, house.dev, house.sam):
        for path in ("/admin/mail", f"/admin/mail/{letter}", f"/admin/mail/{letter}/html"):
            assert make.client_of(who).get(path).status_code == 403
    assert make.client_of(house.olu).get("/admin/mail/" + "0" * 32).status_code == 404
    assert make.client_of(house.olu).get("/admin/mail/..%2f..%2fsecret_key").status_code == 404


@pytest.fixture
def dead(house) -> int:
    worker.drain()
    with writing():
        chosen = sa.select(sa.func.min(DeliveryRow.id)).scalar_subquery()
        values = {"state": outbox.DEAD, "error": "Traceback\nValueError: no such thing"}
        db.session.execute(sa.update(DeliveryRow).where(DeliveryRow.id == chosen).values(**values))
    return outbox.dead_letters()[0].id


def test_jobs_that_were_given_up_are_seen_and_tried_again(house, dead):
    client = make.client_of(house.olu)
    assert "ValueError: no such thing" in client.get("/admin/jobs").text
    make.post(client, "/admin/jobs/replay", id=str(dead))
    assert outbox.dead_letters() == []
    worker.drain()
    assert outbox.backlog() == {"waiting": 0, "running": 0, "dead": 0}


def test_a_replay_that_names_nothing_replays_nothing(house, dead):
    client = make.client_of(house.olu)
    make.post(client, "/admin/jobs/replay", id="x")
    assert len(outbox.dead_letters()) == 1
    make.post(client, "/admin/jobs/replay", all="1")
    assert outbox.dead_letters() == []


def test_only_owners_replay_jobs(house, dead):
    for who in (house.ana, house.dev, house.sam):
        assert make.post(make.client_of(who), "/admin/jobs/replay", all="1").status_code == 403
    assert len(outbox.dead_letters()) == 1


def test_the_teams_page_leads_to_each_ones_roles(house):
    page = make.client_of(house.olu).get("/admin/people").text
    for who in (house.cleo, house.dev, house.sam, house.olu):
        assert f"/people/{who.handle}/account" in page
    assert f"/people/{house.ana.handle}/account" not in page
