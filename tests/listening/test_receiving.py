"""Posts come in whole, once, with the cursor that brought them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock, worker
from core.db import db, writing
from core.errors import Forbidden, NotFound
from core.outbox import Event
from core.text import RENDERER_VERSION
from core.viewer import Viewer
from listening import actions
from listening.connectors import Item
from listening.models import HANDLED, Mention
from tests import make

pytestmark = pytest.mark.usefixtures("context")
SYSTEM = Viewer.system()


def take(source, *items: Item, **more) -> int:
    with writing():
        return actions.receive(source, items, **more)


def rows() -> list[Mention]:
    db.session.rollback()
    return list(db.session.execute(sa.select(Mention).order_by(Mention.id)).scalars())


def test_new_posts_are_stored_with_the_cursor():
    source = make.source()
    assert (
        take(
            source, Item(external_id="1", text="one"), Item(external_id="2", text="two"), cursor={"etag": "x"}
        )
        == 2
    )
    assert {row.external_id: row.text for row in rows()} == {"1": "one", "2": "two"}
    db.session.refresh(source)
    assert source.cursor == {"etag": "x"}
    assert source.succeeded_at is not None


def test_a_batch_that_fails_leaves_neither_rows_nor_cursor():
    source = make.source()
    with pytest.raises(ZeroDivisionError), writing():
        actions.receive(source, [Item(external_id="1", text="one")], {"etag": "x"})
        raise ZeroDivisionError
    assert rows() == []
    db.session.refresh(source)
    assert source.cursor == {}


def test_the_same_batch_twice_adds_nothing():
    source = make.source()
    items = [Item(external_id=str(n), text=f"post {n}") for n in range(3)]
    assert take(source, *items) == 3
    assert take(source, *items) == 0
    assert len(rows()) == 3


def test_the_same_post_twice_in_a_batch_is_one():
    assert take(make.source(), Item(external_id="1", text="first"), Item(external_id="1", text="second")) == 1
    assert [row.text for row in rows()] == ["first"]


def test_the_same_id_from_two_sources_is_two_posts():
    take(make.source(), Item(external_id="1", text="here"))
    take(make.source(), Item(external_id="1", text="there"))
    assert len(rows()) == 2


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.text(min_size=1, max_size=20)), max_size=12), st.integers(1, 3)
)
def test_any_batch_taken_again_adds_nothing(posts, times):
    source = make.source()
    items = [Item(external_id=f"post-{number}", text=text) for number, text in posts]
    first = take(source, *items)
    assert first == len({item.external_id for item in items})
    assert [take(source, *items) for _ in range(times)] == [0] * times
    found = db.session.execute(sa.select(sa.func.count()).where(Mention.source_id == source.id)).scalar_one()
    assert found == first


def test_an_edited_post_gets_its_new_words_while_nobody_has_handled_it():
    source = make.source()
    take(source, Item(external_id="1", title="Old", text="old words"))
    assert take(source, Item(external_id="1", title="New", html="<p>new words</p>")) == 0
    (row,) = rows()
    assert (row.title, row.text, row.html) == ("New", "new words", "<p>new words</p>")
    assert row.edited_at is not None


def test_an_edited_post_keeps_the_words_that_somebody_handled():
    source = make.source()
    take(source, Item(external_id="1", text="old words"))
    with writing():
        db.session.execute(sa.update(Mention).values(state=HANDLED))
    take(source, Item(external_id="1", text="new words"))
    assert rows()[0].text == "old words"


def test_one_event_tells_of_a_whole_batch():
    take(make.source(), *[Item(external_id=str(n), text="x") for n in range(7)])
    events = (
        db.session.execute(sa.select(Event).where(Event.kind == "listening.mentions_received"))
        .scalars()
        .all()
    )
    assert [event.payload["count"] for event in events] == [7]
    first, last = events[0].payload["first_mention_id"], events[0].payload["last_mention_id"]
    assert (first, last) == (rows()[0].id, rows()[-1].id)


def test_a_post_of_tomorrow_stands_at_the_time_it_came():
    with clock.frozen(make.NOON):
        take(make.source(), Item(external_id="1", text="x", published_at=make.NOON + timedelta(days=3)))
    assert rows()[0].published_at == make.NOON


def test_html_is_checked_by_the_second_sanitiser_soon_after():
    take(make.source(), Item(external_id="1", html="<p>words</p>"))
    assert rows()[0].html_version < 0
    worker.drain()
    assert rows()[0].html_version == RENDERER_VERSION
    assert rows()[0].html == "<p>words</p>"


def test_a_post_edited_during_its_check_waits_for_its_own():
    take(make.source(), Item(external_id="1", html="<p>words</p>"))
    row = rows()[0]
    with writing():
        actions.keep_checked_html(SYSTEM, {row.id: ("<p>other</p>", "<p>other</p>")})
    assert rows()[0].html_version < 0


def test_a_removed_source_receives_nothing():
    source = make.source()
    with writing():
        actions.remove_source(SYSTEM, source)
    with pytest.raises(NotFound):
        take(source, Item(external_id="1", text="x"))


def test_agents_may_not_bring_in_posts():
    source = make.source()
    with pytest.raises(Forbidden):
        take(source, Item(external_id="1", text="x"), actor=make.actor("Dev", "agent"))


@pytest.mark.slow
@pytest.mark.both
def test_twice_adds_nothing_on_both_databases(context):
    source = make.source()
    items = [
        Item(external_id=f"p{n}", text=f"post {n}", published_at=datetime(2026, 3, 1, tzinfo=UTC))
        for n in range(1200)
    ]
    assert take(source, *items) == 1200
    changed = [replace(items[0], text="changed"), *items[1:], Item(external_id="new", text="x")]
    assert take(source, *changed) == 1
    assert len(rows()) == 1201
    assert rows()[-1].external_id == "new"
