"""Sources are made with care: addresses are judged, secrets shown once, and what brought posts stays."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock, worker
from core.db import db, writing
from core.errors import Forbidden, Refused
from core.viewer import Viewer
from listening import actions, policy, queries
from listening.models import Mention, Source
from tests import make

pytestmark = pytest.mark.usefixtures("context")
SYSTEM = Viewer.system()
FORM = {"name": "Talk", "channel": "Talk", "kind": "feed", "url": "", "reply_url": "", "every_minutes": "15"}


@pytest.fixture
def dev() -> Viewer:
    return make.actor("Dev", "agent", "moderator")


def only_source() -> Source:
    db.session.rollback()
    return db.session.execute(sa.select(Source)).scalar_one()


@pytest.mark.settings(ALLOW_PRIVATE_FETCH="1")
def test_a_feed_made_in_the_browser_is_read_in_a_moment(dev, channel, payloads):
    url = channel.serve((payloads / "questions.rss").read_bytes())
    browser = make.client_of(dev)
    answer = make.post(browser, "/sources", **FORM | {"url": url})
    assert answer.status_code == 303
    assert only_source().secret == ""
    worker.drain()
    page = browser.get(answer.headers["Location"]).text
    assert "Listening" in page
    assert "Lamp forgets its colour" in browser.get("/inbox").text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "feed.example/rss",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://127.0.0.1/feed",
        "http://[::1]/feed",
        "http://[::ffff:169.254.169.254]/latest",
        "http://169.254.169.254/latest",
        "http://10.0.0.1:8080/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost/",
        "https://user:word@feed.example/",
        "http://feed.example:22/",
    ],
)
@pytest.mark.parametrize("field", ["url", "reply_url"])
def test_addresses_that_may_not_be_called_are_refused_at_the_form(dev, url, field):
    given = FORM | {"kind": "feed" if field == "url" else "upload", field: url}
    if field == "reply_url" and not url:
        return
    answer = make.post(make.client_of(dev), "/sources", **given)
    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    db.session.rollback()
    assert db.session.execute(sa.select(sa.func.count()).select_from(Source)).scalar_one() == 0


def test_a_webhook_shows_its_secret_once(dev):
    browser = make.client_of(dev)
    page = make.post(browser, "/sources", **FORM | {"kind": "webhook"}).text
    secret = only_source().secret
    assert len(secret) >= 43
    assert secret in page
    for path in ("/sources", f"/sources/{only_source().id}", f"/sources/{only_source().id}/edit"):
        assert secret not in browser.get(path).text


def test_renewing_shows_another_secret(dev):
    source = make.source(kind="webhook")
    old = source.secret
    page = make.post(make.client_of(dev), f"/sources/{source.id}/secret").text
    assert old not in page
    assert only_source().secret in page


def test_an_address_for_replies_brings_a_secret(dev):
    source = make.source("Talk", kind="upload")
    assert source.secret == ""
    with writing():
        actions.edit_source(
            dev, source, name="Talk", channel="Talk", url="", reply_url="https://x.example/", every_minutes=15
        )
    assert only_source().secret


def test_a_name_is_taken_once_in_any_case(dev):
    make.source("Talk", kind="upload")
    answer = make.post(make.client_of(dev), "/sources", **FORM | {"kind": "upload", "name": "TALK"})
    assert answer.status_code == 422
    assert "Another source has this name." in answer.text


def test_a_new_address_is_read_from_its_beginning(dev):
    source = make.source("Talk", url="https://x.example/old")
    with writing():
        source.cursor = {"etag": "x"}
        source.failure, source.failure_count = "broken", 3
    with writing():
        actions.edit_source(
            dev,
            source,
            name="Talk",
            channel="Talk",
            url="https://x.example/new",
            reply_url="",
            every_minutes=60,
        )
    found = only_source()
    assert (found.cursor, found.failure, found.failure_count) == ({}, "", 0)
    assert found.next_fetch_at <= clock.now()


def test_a_source_whose_site_is_gone_can_still_be_renamed(dev):
    source = make.source("Talk", url="https://gone.invalid/feed")
    given = FORM | {"name": "Old talk", "url": "https://gone.invalid/feed"}
    assert make.post(make.client_of(dev), f"/sources/{source.id}", **given).status_code == 303
    assert only_source().name == "Old talk"


def test_a_source_that_brought_posts_is_never_removed(dev):
    mention = make.mention()
    source = db.session.get_one(Source, mention.source_id)
    with pytest.raises(Refused), writing():
        actions.remove_source(dev, source)
    answer = make.post(make.client_of(dev), f"/sources/{source.id}/removal")
    assert answer.status_code == 422
    assert "Pause it" in answer.text
    assert db.session.execute(sa.select(sa.func.count()).select_from(Mention)).scalar_one() == 1


def test_an_empty_source_can_be_removed(dev):
    source = make.source(kind="webhook")
    assert make.post(make.client_of(dev), f"/sources/{source.id}/removal").status_code == 303
    db.session.rollback()
    assert queries.source_cards(dev) == []


def test_pausing_and_resuming_stand_on_the_page(dev):
    source = make.source("Talk", kind="upload")
    browser = make.client_of(dev)
    make.post(browser, f"/sources/{source.id}/pause")
    assert "Paused" in browser.get("/sources").text
    make.post(browser, f"/sources/{source.id}/resumption")
    assert "Paused" not in browser.get(f"/sources/{source.id}").text.replace("Paused. What came stays.", "")


@pytest.mark.parametrize("roles", [("agent",), ("supervisor",), ("product_manager",)])
def test_staff_see_sources_but_only_moderators_and_owners_change_them(roles):
    source, actor = make.source("Talk", kind="upload"), make.actor("Sam", *roles)
    browser = make.client_of(actor)
    assert "Talk" in browser.get("/sources").text
    assert browser.get("/sources/new").status_code == 403
    for path in ("", "/pause", "/resumption", "/removal", "/secret", "/uploads"):
        assert make.post(browser, f"/sources/{source.id}{path}", **FORM).status_code == 403
    with pytest.raises(Forbidden), writing():
        actions.pause_source(actor, source)
    assert policy.may_manage_sources(make.actor("Olu", "owner"))


def test_a_failing_source_says_why_on_both_pages(dev):
    source = make.source("Talk", url="https://x.example/")
    with writing():
        check = actions.claim_check(SYSTEM, source.id)
        actions.note_failure(SYSTEM, check, "This is a web page, not a feed.")
    browser = make.client_of(dev)
    for path in ("/sources", f"/sources/{source.id}"):
        assert "This is a web page, not a feed." in browser.get(path).text


def test_a_source_in_somebodys_hands_is_shown_as_being_looked_at(dev):
    source = make.source("Talk", url="https://x.example/")
    with writing():
        actions.claim_check(SYSTEM, source.id)
    (card,) = queries.source_cards(dev)
    assert card.state == "checking"
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        (card,) = queries.source_cards(dev)
    assert card.state == "waiting"


def test_the_documented_call_on_the_page_is_taken(dev, client):
    """What the page tells programmers to send is what the door takes."""
    import hashlib
    import hmac
    from html import unescape

    source = make.source("Shop", kind="webhook")
    page = unescape(make.client_of(dev).get(f"/sources/{source.id}").text)
    body = re.search(r"body='(\{.*?\})'", page)[1]
    address = re.search(r"curl (\S+)", page)[1]
    moment = int(clock.now().timestamp())
    mark = hmac.new(source.secret.encode(), f"{moment}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Fullcircle-Signature": f"t={moment},v1={mark}", "X-Fullcircle-Delivery": "post-42"}
    answer = client.post(address.removeprefix("http://localhost"), data=body, headers=headers)
    assert (answer.status_code, answer.json["new"]) == (200, 1)


# --- a person's own data ---


def test_an_outside_posters_words_are_in_the_export_and_lose_their_name_with_the_account(dev):
    from people.portability import forget, sections_of

    mention = make.mention("my own words")
    with writing():
        reply = actions.write_reply(dev, mention, "an answer")
    sections = sections_of(reply.person_id)
    assert [row["text"] for row in sections["listening.posts"]] == ["my own words"]
    assert [row["body"] for row in sections["listening.replies"]] == ["an answer"]
    db.session.rollback()
    with writing():
        forget(reply.person_id)
    db.session.rollback()
    found = db.session.get_one(Mention, mention.id, populate_existing=True)
    assert (found.author_name, found.author_url, found.author_external_id) == ("", "", "")
