"""Live messages: one contract over both hubs, who may hear what, and polling for pages without a stream."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
from flask import Flask, request

from core import hubs, live, redis_hub
from core.config import Settings
from core.hubs import Hub, LocalHub, Stream, order_of
from core.redis_hub import RedisHub
from core.viewer import Viewer

ANA = Viewer(id=1, name="Ana", roles=frozenset({"customer"}), session_id=11)
DEV = Viewer(id=4, name="Dev", roles=frozenset({"agent", "moderator"}), session_id=14)


@pytest.fixture(params=["process", pytest.param("redis", marks=pytest.mark.scale)])
def hub(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(redis_hub, "BLOCK_MS", 50)
    made: Hub = LocalHub() if request.param == "process" else RedisHub(request.getfixturevalue("redis_url"))
    made.start()
    yield made
    made.stop()


def run(part: Callable[[], Awaitable[Any]]) -> Any:
    """Play a part in an event loop of its own, for ten seconds at most."""
    return asyncio.run(asyncio.wait_for(part(), 10))


async def types(stream: Stream, count: int) -> list[str]:
    return [(await anext(stream)).message["type"] for _ in range(count)]


def say(hub: Hub, *texts: str, to: str = "thread:12") -> None:
    for text in texts:
        hub.publish([to], {"type": text})


def test_a_message_of_another_thread_reaches_who_listens_to_its_channel_alone(hub):
    async def part() -> None:
        ana, ben = hub.subscribe(["person:1", "thread:12"]), hub.subscribe(["person:2"])
        await asyncio.to_thread(say, hub, "reply")
        await asyncio.to_thread(say, hub, "bell", to="person:2")
        await asyncio.to_thread(say, hub, "edit")
        assert await types(ana, 2) == ["reply", "edit"]
        assert await types(ben, 1) == ["bell"]

    run(part)


def test_a_message_on_two_channels_reaches_a_listener_of_both_once(hub):
    async def part() -> None:
        stream = hub.subscribe(["thread:12", "staff"])
        hub.publish(["staff", "thread:12", "thread:12"], {"type": "flag"})
        say(hub, "last")
        assert await types(stream, 2) == ["flag", "last"]

    run(part)


def test_the_whole_message_arrives_as_it_was(hub):
    message = {"type": "reply", "text": "Grüße \U0001f44b\n\n", "list": [1, None, {"a": True}]}

    async def part() -> None:
        stream = hub.subscribe(["thread:12"])
        hub.publish(["staff", "thread:12"], message)
        heard = await anext(stream)
        assert heard.message == message
        assert heard.channel_among({"thread:12"}) == "thread:12"
        assert heard.channel_among({"thread:13"}) is None

    run(part)


def test_a_closed_stream_ends_and_is_forgotten(hub):
    async def part() -> None:
        stream = hub.subscribe(["thread:12"])
        stream.close()
        say(hub, "reply")
        assert [heard async for heard in stream] == []

    run(part)


def test_a_reader_too_slow_is_let_go_and_does_not_grow(hub, monkeypatch):
    monkeypatch.setattr(hubs, "QUEUE", 5)

    async def part() -> None:
        slow, quick = hub.subscribe(["thread:12"]), hub.subscribe(["thread:12"])
        for place in range(8):
            say(hub, f"m{place}")
            assert await types(quick, 1) == [f"m{place}"]
        assert [heard async for heard in slow] == []
        quick.close()

    run(part)


def test_stopping_ends_every_stream(hub):
    async def part() -> None:
        stream = hub.subscribe(["thread:12"])
        waiting = asyncio.ensure_future(anext(stream, None))
        await asyncio.to_thread(hub.stop)
        assert await waiting is None

    run(part)


def test_a_loop_that_is_gone_harms_nobody(hub):
    async def leave_open() -> Stream:
        return hub.subscribe(["thread:12"])

    run(leave_open)
    say(hub, "one", "two")

    async def part() -> None:
        stream = hub.subscribe(["thread:12"])
        await asyncio.to_thread(say, hub, "three")
        # Over Redis a message may be on its way while the stream opens, so an earlier one may come first.
        while await types(stream, 1) != ["three"]:
            continue

    run(part)


def test_who_was_away_hears_what_was_said_since_the_cursor(hub):
    say(hub, "before")
    first = hub.recent({"thread:12"}, "")
    assert first.messages == []
    say(hub, "one", "two")
    say(hub, "secret", to="staff")
    second = hub.recent({"thread:12"}, first.cursor)
    assert [heard.message["type"] for heard in second.messages] == ["one", "two"]
    assert second.is_complete
    assert hub.recent({"thread:12"}, second.cursor).messages == []
    assert order_of(second.cursor) > order_of(first.cursor) > (0, 0)


def test_who_begins_before_the_first_message_misses_none(hub):
    first = hub.recent({"thread:12"}, "")
    say(hub, "one")
    second = hub.recent({"thread:12"}, first.cursor)
    assert ([heard.message["type"] for heard in second.messages], second.is_complete) == (["one"], True)


def test_who_was_away_too_long_is_told_of_the_gap(hub):
    assert not hub.recent({"thread:12"}, "5-0").is_complete
    say(hub, "one")
    assert not hub.recent({"thread:12"}, "5-0").is_complete


@pytest.mark.parametrize("cursor", ["", "x", "-", "1", "1-", "1-1-1", "9" * 40 + "-1", "1-1\n", "$", "+"])
def test_a_cursor_that_is_none_gives_nothing_but_a_cursor(hub, cursor):
    say(hub, "one")
    recent = hub.recent({"thread:12"}, cursor)
    assert recent.messages == []
    assert order_of(recent.cursor) > (0, 0)


def test_the_memory_of_a_process_is_short_and_says_so(monkeypatch):
    hub = LocalHub()
    start = hub.recent({"thread:12"}, "").cursor
    say(hub, *(f"m{place}" for place in range(hubs.REMEMBERED)))
    assert hub.recent({"thread:12"}, start).is_complete
    say(hub, "more")
    recent = hub.recent({"thread:12"}, start)
    assert not recent.is_complete
    assert len(recent.messages) == hubs.REMEMBERED


# --- Redis ---


@pytest.fixture
def two_hubs(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RedisHub, RedisHub]]:
    """As in two processes."""
    monkeypatch.setattr(redis_hub, "BLOCK_MS", 50)
    first, second = RedisHub(redis_url), RedisHub(redis_url)
    first.start()
    yield first, second
    first.stop()
    second.stop()


@pytest.mark.scale
def test_a_message_of_one_process_reaches_the_streams_of_another(two_hubs):
    here, there = two_hubs

    async def part() -> None:
        stream = here.subscribe(["thread:12"])
        await asyncio.to_thread(say, there, "reply")
        assert await types(stream, 1) == ["reply"]

    run(part)


@pytest.mark.scale
def test_a_lost_connection_loses_no_message(two_hubs, redis_url):
    here, there = two_hubs
    client = redis.Redis.from_url(redis_url)

    async def part() -> None:
        stream = here.subscribe(["thread:12"])
        say(there, "one")
        assert await types(stream, 1) == ["one"]
        client.client_kill_filter(_type="normal", skipme=True)
        say(RedisHub(redis_url), "two")
        say(RedisHub(redis_url), "three")
        assert await types(stream, 2) == ["two", "three"]

    run(part)


@pytest.mark.scale
def test_what_others_put_into_redis_is_passed_over(two_hubs, redis_url):
    here, there = two_hubs
    client = redis.Redis.from_url(redis_url)

    async def part() -> None:
        stream = here.subscribe(["thread:12"])
        for junk in (
            b"cos\nsystem\n(S'true'\ntR.",
            b"{",
            b"[1]",
            b'{"channels": 3}',
            b'{"channels": ["thread:12"], "message": 1}',
        ):
            client.xadd(here.key, {"said": junk})
        client.xadd(here.key, {"other": "x"})
        say(there, "real")
        assert await types(stream, 1) == ["real"]

    run(part)


@pytest.mark.scale
def test_two_databases_of_one_redis_hear_nothing_of_each_other(redis_url):
    first, second = RedisHub(redis_url), RedisHub(redis_url.removesuffix("/0") + "/1")
    assert first.key != second.key


def test_without_redis_nothing_is_raised_and_nothing_is_heard():
    hub = RedisHub("redis://127.0.0.1:1/0")
    hub.start(seconds=0.01)
    say(hub, "lost")
    assert hub.recent({"thread:12"}, "7-0") == ([], "7-0", True)
    hub.stop()


# --- who may hear what ---


@pytest.mark.parametrize(
    ("asker", "heard"),
    [(Viewer.visitor(), set()), (ANA, {"person:1"}), (DEV, {"person:4", "staff"})],
    ids=["visitor", "Ana", "Dev"],
)
def test_everyone_hears_their_own_channel_and_staff_the_staffs(asker, heard):
    wanted = [
        "person:1",
        "person:4",
        "staff",
        "person",
        "person:",
        "staff:1",
        "person:01x",
        "nobody:1",
        "",
        "*",
        "person:1\n",
    ]
    assert live.allowed(asker, wanted).channels == heard


def test_a_feature_says_who_hears_its_channels(monkeypatch):
    monkeypatch.setattr(live, "_rules", dict(live._rules))

    @live.hears("room")
    def may_hear(asker: Viewer, number: int | None) -> bool:
        return number == 12 and asker.is_member

    assert live.allowed(ANA, ["room:12", "room:13"]).channels == {"room:12"}
    assert live.allowed(Viewer.visitor(), ["room:12"]).channels == frozenset()


def test_a_page_hears_so_many_channels_and_no_more(monkeypatch):
    monkeypatch.setattr(live, "_rules", {"open": lambda asker, number: True})
    assert len(live.allowed(ANA, [f"open:{place}" for place in range(1000)]).channels) == live.MAX_CHANNELS


# --- the seam ---


@pytest.fixture
def small_app(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app of the seam alone, where the cookie `who` says who asks."""
    app = Flask("live")
    settings = Settings()
    app.extensions["fullcircle.settings"] = settings
    live.init(app, settings)
    people = {"ana": ANA, "dev": DEV}
    monkeypatch.setattr(live, "viewer", lambda: people.get(request.cookies.get("who", ""), Viewer.visitor()))
    return app


def test_the_setting_chooses_the_hub():
    for url, kind in (("", LocalHub), ("redis://127.0.0.1:1/0", RedisHub)):
        app = Flask("live")
        live.init(app, Settings(redis_url=url))
        assert isinstance(live.hub(app), kind)


def test_the_cookies_alone_say_what_a_browser_may_hear(small_app):
    found = live.authorise(small_app, "who=dev", ["staff", "person:1"])
    assert found == live.Allowed(frozenset({"staff"}), 4, "14")
    assert live.authorise(small_app, "", ["staff"]) == live.Allowed(frozenset(), None, "")


def test_polling_gives_what_was_said_since_and_nothing_of_others(small_app):
    client = small_app.test_client()
    client.set_cookie("who", "ana")
    cursor = client.get("/events/poll?c=person:1,staff").json["cursor"]
    with small_app.app_context():
        live.publish(["person:1"], {"type": "bell"})
        live.publish(["staff", "person:1"], {"type": "flag"})
        live.publish(["staff", "person:4"], {"type": "secret"})
        live.publish_end(1)
    answer = client.get(f"/events/poll?c=person:1,staff&since={cursor}").json
    assert answer["messages"] == [
        {"type": "bell", "channel": "person:1"},
        {"type": "flag", "channel": "person:1"},
    ]
    assert client.get(f"/events/poll?c=person:1&since={answer['cursor']}").json["messages"] == []
    assert small_app.test_client().get(f"/events/poll?c=person:1,staff&since={cursor}").json["messages"] == []


def test_polling_after_a_long_while_tells_of_the_gap(small_app):
    client = small_app.test_client()
    client.set_cookie("who", "ana")
    assert client.get("/events/poll?c=person:1&since=5-0").json["messages"] == [{"type": "gap"}]


def test_a_message_that_is_not_json_is_a_mistake_at_home_too(small_app):
    with small_app.app_context(), pytest.raises(TypeError):
        live.publish(["staff"], {"type": "x", "who": ANA})


def test_many_threads_speak_at_once_and_every_word_is_heard(hub):
    async def part() -> None:
        stream = hub.subscribe(["thread:12"])
        speakers = [
            threading.Thread(target=say, args=(hub, *(f"{n}-{m}" for m in range(10)))) for n in range(5)
        ]
        for speaker in speakers:
            speaker.start()
        heard = await types(stream, 50)
        assert sorted(heard) == sorted(f"{n}-{m}" for n in range(5) for m in range(10))

    run(part)
