"""Feeds are asked politely, by one worker at a time, and a failure says why at its source."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock, leases, outbox, worker
from core.db import db, writing
from core.leases import LEASE
from core.viewer import Viewer
from listening import actions, queries, tasks
from listening.actions.sources import CLAIM
from listening.connectors import feed
from listening.models import Mention, Source
from tests import make
from tests.fakes.channel import Channel

pytestmark = [pytest.mark.usefixtures("context"), pytest.mark.settings(ALLOW_PRIVATE_FETCH="1")]
SYSTEM = Viewer.system()


def document(*numbers: int) -> str:
    posts = "".join(
        f"<item><guid isPermaLink='false'>p{n}</guid><description>post {n}</description></item>"
        for n in numbers
    )
    return f'<rss version="2.0"><channel><title>T</title>{posts}</channel></rss>'


def feed_of(channel: Channel, **more) -> Source:
    return make.source("Talk", url=channel.url(), channel="Talk", **more)


def look() -> None:
    tasks.fetch_due_feeds()
    db.session.rollback()


def stored() -> list[str]:
    db.session.rollback()
    return list(db.session.execute(sa.select(Mention.external_id).order_by(Mention.external_id)).scalars())


def fresh(source: Source) -> Source:
    db.session.rollback()
    return db.session.get_one(Source, source.id, populate_existing=True)


def test_a_new_feed_is_due_at_once_and_then_every_fifteen_minutes(channel):
    channel.serve(document(1, 2))
    source = feed_of(channel)
    look()
    assert stored() == ["p1", "p2"]
    look()
    assert len(channel.asked()) == 1
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        look()
    assert len(channel.asked()) == 2
    assert fresh(source).failure == ""


def test_the_second_look_asks_only_for_what_is_new(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    look()
    assert fresh(source).cursor["etag"] == channel.pages["/feed"].etag
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        look()
    second = channel.asked()[1]
    assert second.headers["if-none-match"] == channel.pages["/feed"].etag
    assert second.headers["if-modified-since"] == channel.pages["/feed"].modified
    channel.serve(document(1, 2))
    with clock.frozen(clock.now() + timedelta(minutes=40)):
        look()
    assert stored() == ["p1", "p2"]


def test_an_unchanged_feed_keeps_its_cursor_and_counts_as_read(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    look()
    before = fresh(source).cursor
    later = clock.now() + timedelta(minutes=16)
    with clock.frozen(later):
        look()
    assert fresh(source).cursor == before
    assert fresh(source).succeeded_at == later


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [("500", "500"), ("503", "503"), ("slow", "within 0.5 seconds"), ("drop", "broke off")],
)
def test_a_failing_site_is_told_at_the_source_and_nothing_is_stored(channel, fault, words):
    channel.serve(document(1))
    channel.fault = fault
    source = feed_of(channel)
    look()
    assert stored() == []
    assert words in fresh(source).failure
    assert fresh(source).failure_count == 1
    assert fresh(source).cursor == {}


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        (b"<html><body>Hi</body></html>", {}, "web page"),
        (b"<rss><channel><item>", {}, "broken XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><rss><channel/></rss>', {}, "entities"),
        ('<?xml version="1.0" encoding="utf-8"?><rss>ä</rss>'.encode("latin-1"), {}, "utf-8"),
        (b"x" * 4_100_000, {}, "larger than 4000 kB"),
        (b"gone", {"status": 410}, "410"),
        (b"no", {"status": 403}, "403"),
    ],
)
def test_what_is_no_feed_is_told_at_the_source_and_nothing_is_stored(channel, body, more, words):
    channel.serve(body, **more)
    source = feed_of(channel)
    look()
    assert stored() == []
    assert words in fresh(source).failure


def test_a_feed_that_breaks_later_keeps_what_came_and_its_cursor(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    look()
    cursor = fresh(source).cursor
    channel.serve(document(1, 2)[:-30])
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        look()
    assert stored() == ["p1"]
    assert fresh(source).cursor == cursor
    assert "broken XML" in fresh(source).failure


def test_failures_wait_twice_as_long_each_time_and_a_day_at_most(channel):
    channel.fault = "500"
    source = feed_of(channel)
    moment = clock.now()
    waits = []
    for _ in range(9):
        moment += timedelta(days=2)
        with clock.frozen(moment):
            look()
        waits.append((fresh(source).next_fetch_at - moment) / timedelta(minutes=1))
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    channel.fault = ""
    channel.serve(document(1))
    with clock.frozen(moment + timedelta(days=2)):
        look()
    assert (fresh(source).failure, fresh(source).failure_count) == ("", 0)


def test_a_site_that_asks_us_to_wait_is_heard(channel):
    channel.serve(b"later", status=429, headers={"Retry-After": "7200"})
    source = feed_of(channel)
    moment = clock.now()
    with clock.frozen(moment):
        look()
    assert fresh(source).next_fetch_at == moment + timedelta(hours=2)


@pytest.mark.settings(ALLOW_PRIVATE_FETCH="0")
def test_an_address_inside_the_network_is_refused_and_never_called(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    look()
    assert channel.requests == []
    assert fresh(source).failure


def test_a_feed_that_moved_is_followed(channel):
    channel.serve(document(1), path="/new")
    channel.redirect("/feed", channel.url("/new"), status=301)
    feed_of(channel)
    look()
    assert stored() == ["p1"]


def test_a_claimed_feed_is_fetched_by_nobody_else(channel):
    source = feed_of(channel)
    with writing():
        assert actions.claim_check(SYSTEM, source.id) is not None
    with writing():
        assert actions.claim_check(SYSTEM, source.id) is None
    look()
    assert channel.requests == []


def test_a_claim_whose_worker_died_is_taken_again(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    with writing():
        actions.claim_check(SYSTEM, source.id)
    with clock.frozen(clock.now() + LEASE):
        look()
    assert stored() == ["p1"]


@pytest.mark.both
def test_a_check_that_was_cut_off_is_made_when_its_receipt_comes_again(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    with writing():
        actions.want_check(make.actor("Dev", "agent"), source)
    assert outbox.claim()
    with writing():
        actions.claim_check(SYSTEM, source.id)  # and dies
    with clock.frozen(clock.now() + LEASE + timedelta(milliseconds=1)):
        worker.drain()
    assert stored() == ["p1"]


def test_a_check_that_was_cut_off_is_made_at_once_when_nobody_else_can_be_at_it(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    with writing():
        actions.want_check(make.actor("Dev", "agent"), source)
    assert outbox.claim()
    with writing():
        actions.claim_check(SYSTEM, source.id)  # and dies
    worker.release()
    worker.drain()
    assert stored() == ["p1"]


@pytest.mark.scale
def test_a_sign_of_life_does_not_wait_until_what_came_is_stored(app, channel):
    source = feed_of(channel)
    with writing():
        check = actions.claim_check(SYSTEM, source.id)
    kept: list[bool] = []

    def show_life() -> None:
        with app.app_context(), writing():
            kept.append(actions.keep_check(SYSTEM, check, [check.since], clock.now()))

    for _ in range(2):
        with writing():
            if not kept:
                actions.sources.lock(source.id)
            thread = threading.Thread(target=show_life)
            thread.start()
            thread.join(30)
    assert kept == [False, True]


@pytest.mark.both
def test_a_feed_that_answers_slowly_stays_with_who_asked_it(channel, monkeypatch):
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.01)
    channel.serve(document(1))
    source = feed_of(channel)
    fetch, others = feed.fetch, []

    def slowly(*values):
        begun, pause = fresh(source).checking_since, threading.Event()
        later = begun + timedelta(milliseconds=1)
        assert any(fresh(source).checking_since > later or pause.wait(0.01) for _ in range(3000))
        with clock.frozen(begun + CLAIM + timedelta(milliseconds=1)), writing():
            others.append(actions.claim_check(SYSTEM, source.id))
        return fetch(*values)

    monkeypatch.setattr(feed, "fetch", slowly)
    look()
    assert others == [None]
    assert stored() == ["p1"]
    assert fresh(source).checking_since is None


def test_paused_sources_rest(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    with writing():
        actions.pause_source(SYSTEM, source)
    look()
    assert channel.requests == []
    with writing():
        actions.resume_source(SYSTEM, source)
    look()
    assert stored() == ["p1"]


def test_what_was_fetched_from_an_old_address_is_not_stored(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    with writing():
        check = actions.claim_check(SYSTEM, source.id)
    found = feed.fetch(check.url, check.cursor)
    with writing():
        actions.edit_source(
            SYSTEM,
            source,
            name="Talk",
            channel="Talk",
            url=channel.url("/other"),
            reply_url="",
            every_minutes=15,
        )
    with writing():
        assert actions.receive_check(SYSTEM, check, found.items, found.cursor) == 0
    assert stored() == []
    assert fresh(source).cursor == {}
    assert queries.due_source_ids(9) == [source.id]


def test_one_bad_feed_disturbs_no_other(channel):
    channel.serve(document(1), path="/good")
    make.source("Bad", url=channel.url("/missing"))
    make.source("Good", url=channel.url("/good"))
    look()
    assert stored() == ["p1"]


def test_a_parser_that_stumbles_fails_its_own_feed_only(channel, monkeypatch):
    channel.serve(document(1))
    source = feed_of(channel)

    def stumble(*_values, **_more):
        raise IndexError

    monkeypatch.setattr("feedparser.parse", stumble)
    look()
    assert "IndexError" in fresh(source).failure


def test_check_now_is_done_by_the_worker(channel):
    channel.serve(document(1))
    source = feed_of(channel)
    look()
    channel.serve(document(1, 2))
    with writing():
        actions.want_check(make.actor("Dev", "agent"), source)
    worker.drain()
    assert stored() == ["p1", "p2"]


@pytest.mark.both
def test_a_feed_is_fetched_once_on_both_databases(context, channel):
    channel.serve(document(1, 2, 3))
    feed_of(channel)
    look()
    look()
    assert stored() == ["p1", "p2", "p3"]
    assert len(channel.asked()) == 1
