"""The cache: one contract over both backends, plain values only, and misses instead of errors."""

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from flask import Flask

from core import cache as seam
from core.cache import cache
from core.config import Settings
from tests.services import start_redis


def app_with(redis_url: str = "") -> Flask:
    app = Flask("cache")
    seam.init(app, Settings(redis_url=redis_url))
    return app


@pytest.fixture(params=["process", pytest.param("redis", marks=pytest.mark.scale)])
def kept(request: Any) -> Iterator[Flask]:
    app = app_with("" if request.param == "process" else request.getfixturevalue("redis_url"))
    with app.app_context():
        yield app


VALUES = [
    *("", "Grüße", b"\0\xff", 0, -7, 2**40, True, False, 1.5, None),
    *([], [1, "a", None], {"a": {"b": [1]}}, datetime(2026, 5, 1, 9, tzinfo=UTC)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_plain_value_comes_back_as_it_was(kept, value):
    cache.set("key", value)
    assert cache.get("key") == value
    assert type(cache.get("key")) is type(value)


def test_tuples_come_back_as_lists_in_both(kept):
    cache.set("key", (1, (2, 3)))
    assert cache.get("key") == [1, [2, 3]]


def test_what_is_no_plain_value_is_a_mistake_in_both(kept):
    with pytest.raises(TypeError):
        cache.set("key", object())


def test_a_forgotten_and_a_missing_value_are_nothing(kept):
    cache.set("a", 1)
    cache.set("b", 2)
    cache.delete("a")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, 2, None)
    cache.delete_many("b", "c")
    assert cache.get("b") is None


def test_many_values_come_in_order(kept):
    cache.set_many({"a": 1, "b": [2]})
    assert cache.get_many("b", "x", "a") == [[2], None, 1]
    assert cache.has("a")
    assert not cache.has("x")
    assert not cache.add("a", 5)
    assert cache.add("c", 5)


def test_a_function_is_computed_once_and_again_after_it_was_forgotten(kept):
    calls: list[int] = []

    @cache.memoize(60)
    def double(number: int) -> int:
        calls.append(number)
        return number * 2

    assert [double(4), double(4), double(5)] == [8, 8, 10]
    assert calls == [4, 5]
    cache.delete_memoized(double, 4)
    assert double(4) == 8
    assert calls == [4, 5, 4]


@pytest.mark.scale
def test_values_end_after_their_time_and_clearing_leaves_what_others_keep(redis_url):
    client: Any = redis.Redis.from_url(redis_url)
    client.set("queue of another", "kept")
    with app_with(redis_url).app_context():
        cache.set("a", 1)
        cache.set("b", 1, timeout=7)
        assert 200 < client.ttl("fullcircle:cache:a") <= 300
        assert 0 < client.ttl("fullcircle:cache:b") <= 7
        cache.clear()
        assert cache.get("a") is None
    assert client.get("queue of another") == b"kept"


class Opened:
    """Would tell if it were brought to life."""

    count = 0

    def __setstate__(self, state: object) -> None:
        Opened.count += 1


@pytest.mark.scale
def test_a_pickle_put_into_redis_is_not_opened(redis_url):
    client: Any = redis.Redis.from_url(redis_url)
    for place, planted in enumerate((b"!", b"", b"\x80")):
        client.set(f"fullcircle:cache:{place}", planted + pickle.dumps(_with_state()))
    with app_with(redis_url).app_context():
        assert [cache.get(str(place)) for place in range(3)] == [None] * 3
    assert Opened.count == 0


def _with_state() -> Opened:
    made = Opened()
    made.__dict__["x"] = 1
    return made


@pytest.fixture
def ending_redis() -> Iterator[Any]:
    server = start_redis()
    yield server
    server.stop()


@pytest.mark.scale
def test_a_cache_that_went_away_is_a_cache_that_knows_nothing(ending_redis):
    with app_with(ending_redis.url).app_context():
        cache.set("a", 1)
        ending_redis.stop()
        _is_all_misses()


def test_a_cache_that_was_never_there_is_a_cache_that_knows_nothing():
    with app_with("redis://127.0.0.1:1/0").app_context():
        _is_all_misses()


def _is_all_misses() -> None:
    assert cache.get("a") is None
    assert cache.get_many("a", "b") == [None, None]
    assert cache.has("a") is False
    cache.set("a", 2)
    cache.set_many({"a": 2})
    cache.add("a", 2)
    cache.delete("a")
    cache.delete_many("a", "b")
    cache.clear()
    calls: list[int] = []

    @cache.memoize(60)
    def double(number: int) -> int:
        calls.append(number)
        return number * 2

    assert [double(4), double(4)] == [8, 8]
    assert calls == [4, 4]


@pytest.mark.scale
def test_a_cache_that_comes_back_is_used_again(ending_redis, monkeypatch):
    with app_with(ending_redis.url).app_context():
        backend: Any = cache.cache
        backend._asleep_until = float("inf")
        assert cache.get("a") is None
        cache.delete("a")  # a forgetting is always tried, and finds it awake
        cache.set("a", 1)
        assert cache.get("a") == 1
