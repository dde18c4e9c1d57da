"""Replies to outside: nothing goes out unapproved or twice unnoticed, and a wish to be left alone holds."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock, outbox, worker
from core.db import db, writing
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from listening import actions, queries, tasks
from listening.connectors import reply as outgoing
from listening.models import (
    APPROVED,
    DELIVERED,
    DISCARDED,
    DRAFT,
    FAILED,
    SENDING,
    UNKNOWN,
    ContactRefusal,
    Mention,
    OutsideReply,
)
from tests import make

pytestmark = [pytest.mark.usefixtures("context"), pytest.mark.settings(ALLOW_PRIVATE_FETCH="1")]
SYSTEM = Viewer.system()


class ProcessKilled(BaseException):
    """Stands for `kill -9` in mid-call."""


@pytest.fixture
def dev() -> Viewer:
    return make.actor("Dev", "agent", "moderator")


@pytest.fixture
def mention(channel):
    source = make.source("Social", url=channel.url(), channel="Mastodon", reply_url=channel.reply_url)
    channel.secret = source.secret
    return make.mention("How do I reset it?", source=source)


def draft(dev, mention, body="Hold the button for ten seconds.") -> OutsideReply:
    with writing():
        return actions.write_reply(dev, mention, body)


def approved(dev, mention, **more) -> OutsideReply:
    reply = draft(dev, mention, **more)
    with writing():
        actions.approve_reply(dev, reply)
    return reply


def now(reply: OutsideReply) -> OutsideReply:
    db.session.rollback()
    return db.session.get_one(OutsideReply, reply.id, populate_existing=True)


# --- drafting and approving ---


def test_nothing_goes_out_before_somebody_approves(dev, mention, channel):
    reply = draft(dev, mention)
    worker.drain()
    assert channel.replies == {}
    assert now(reply).state == DRAFT


def test_an_approved_reply_is_posted_signed_and_its_address_kept(dev, mention, channel):
    reply = approved(dev, mention)
    worker.drain()
    (said,) = channel.replies.values()
    assert said["in_reply_to"] == mention.external_id
    assert said["url"] == mention.url
    assert said["author"] == "Fullcircle"
    assert said["body"].startswith("Hold the button for ten seconds.")
    assert now(reply).state == DELIVERED
    assert now(reply).delivered_url == channel.url("/said/1")


def test_an_answered_post_waits_for_nobody_any_more(dev, mention):
    reply = draft(dev, mention)
    assert queries.new_count(dev) == 1
    with writing():
        actions.approve_reply(dev, reply)
    db.session.rollback()
    assert queries.new_count(dev) == 0
    assert db.session.get_one(Mention, mention.id, populate_existing=True).handled_by_id == dev.id


def test_a_wrong_secret_is_a_refusal(dev, mention, channel):
    channel.secret = "another"
    reply = approved(dev, mention)
    worker.drain()
    assert now(reply).state == FAILED
    assert "401" in now(reply).error


def test_one_key_is_one_reply_whoever_asks_again(dev, mention):
    with writing():
        person = actions.write_reply(dev, mention, "x").person_id
        first = actions.draft_reply(
            SYSTEM, mention=mention, person_id=person, key="release:1:person:2", body="a"
        )
        again = actions.draft_reply(
            SYSTEM, mention=mention, person_id=person, key="release:1:person:2", body="b"
        )
    assert first is again
    assert again.body == "a"


def test_the_product_itself_approves_nothing(dev, mention):
    reply = draft(dev, mention)
    with pytest.raises(Forbidden), writing():
        actions.approve_reply(SYSTEM, reply)


@pytest.mark.parametrize("roles", [("customer",), ("product_manager",)])
def test_only_the_desk_approves(dev, mention, roles):
    reply = draft(dev, mention)
    with pytest.raises(Forbidden), writing():
        actions.approve_reply(make.actor("Cleo", *roles), reply)


def test_of_two_approvals_one_is_told(dev, mention, channel):
    reply = approved(dev, mention)
    with pytest.raises(Conflict) as caught, writing():
        actions.approve_reply(make.actor("Eli", "agent"), reply)
    assert "approved meanwhile" in caught.value.message
    worker.drain()
    assert len(channel.replies) == 1


def test_a_dropped_reply_can_be_brought_back(dev, mention, channel):
    reply = draft(dev, mention)
    with writing():
        actions.discard_reply(dev, reply)
    with pytest.raises(Conflict), writing():
        actions.approve_reply(dev, reply)
    with writing():
        actions.restore_reply(dev, reply)
        actions.approve_reply(dev, reply, "Other words")
    worker.drain()
    assert [said["body"].split("\n")[0] for said in channel.replies.values()] == ["Other words"]


def test_a_reply_without_words_or_with_too_many_is_refused(dev, mention):
    reply = draft(dev, mention)
    for body in (" \n ", "x" * 5001):
        with pytest.raises(Refused), writing():
            actions.edit_reply(dev, reply, body)


# --- how a call ends ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("refuse", FAILED),
        ("500", UNKNOWN),
        ("503", UNKNOWN),
        ("drop", UNKNOWN),
        ("drop_after", UNKNOWN),
        ("slow", UNKNOWN),
    ],
)
def test_the_end_of_a_call_says_what_is_known(dev, mention, channel, fault, state):
    channel.fault = fault
    reply = approved(dev, mention)
    worker.drain()
    assert now(reply).state == state
    assert now(reply).error


def test_a_refused_connection_certainly_delivered_nothing(dev, mention, channel):
    reply = approved(dev, mention)
    channel.__exit__(None, None, None)
    worker.drain()
    assert now(reply).state == FAILED


@pytest.mark.settings(ALLOW_PRIVATE_FETCH="0")
def test_an_address_inside_the_network_is_refused(dev, mention, channel):
    reply = approved(dev, mention)
    worker.drain()
    assert now(reply).state == FAILED
    assert channel.requests == []


def test_a_redirect_is_not_followed_with_the_reply(dev, mention, channel):
    channel.serve("<p>a page that says nothing of replies</p>", path="/page")
    channel.redirect("/replies", channel.url("/page"))
    reply = approved(dev, mention)
    worker.drain()
    assert now(reply).state == FAILED
    assert "302" in now(reply).error
    assert channel.asked("/page") == []


def test_a_failed_reply_is_tried_again_and_the_channel_hears_it_once(dev, mention, channel):
    channel.fault = "refuse"
    reply = approved(dev, mention)
    worker.drain()
    channel.fault = ""
    with writing():
        actions.send_again(dev, now(reply))
    worker.drain()
    assert now(reply).state == DELIVERED
    assert len(channel.replies) == 1


def test_the_state_is_stored_before_the_call(dev, mention, monkeypatch):
    seen = []

    def spy(*_values, **_more):
        seen.append((now(reply).state, outbox.backlog()["running"]))
        return outgoing.Outcome(DELIVERED)

    reply = approved(dev, mention)
    monkeypatch.setattr(outgoing, "send", spy)
    worker.drain()
    assert seen == [(SENDING, 1)]


def test_a_call_cut_off_in_the_middle_becomes_uncertain_and_is_not_repeated(
    dev, mention, channel, monkeypatch
):
    real = outgoing.send

    def die(*values, **more):
        real(*values, **more)
        raise ProcessKilled

    reply = approved(dev, mention)
    monkeypatch.setattr(outgoing, "send", die)
    with pytest.raises(ProcessKilled):
        worker.drain()
    monkeypatch.setattr(outgoing, "send", real)
    assert now(reply).state == SENDING
    with clock.frozen(clock.now() + outbox.LEASE + timedelta(seconds=1)):
        worker.drain()
    assert now(reply).state == UNKNOWN
    assert len(channel.asked("/replies")) == 1


def uncertain(dev, mention, channel) -> OutsideReply:
    channel.fault = "drop_after"
    reply = approved(dev, mention)
    worker.drain()
    channel.fault = ""
    return now(reply)


def test_an_uncertain_reply_can_be_settled_as_arrived(dev, mention, channel):
    reply = uncertain(dev, mention, channel)
    with writing():
        actions.settle_unknown(dev, reply, arrived=True, url="https://social.example/said/1")
    assert (now(reply).state, now(reply).delivered_url) == (DELIVERED, "https://social.example/said/1")
    with pytest.raises(Conflict), writing():
        actions.send_again(dev, reply)


def test_an_uncertain_reply_sent_again_carries_the_same_key(dev, mention, channel):
    reply = uncertain(dev, mention, channel)
    with writing():
        actions.send_again(dev, reply)
    worker.drain()
    assert now(reply).state == DELIVERED
    first, second = channel.asked("/replies")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert len(channel.replies) == 1


def test_agents_may_not_settle_what_is_uncertain(dev, mention, channel):
    reply = uncertain(dev, mention, channel)
    agent = make.actor("Eli", "agent")
    for act in (
        lambda: actions.settle_unknown(agent, reply, arrived=True),
        lambda: actions.send_again(agent, reply),
    ):
        with pytest.raises(Forbidden), writing():
            act()


def test_channels_that_take_no_replies_are_served_by_hand(dev):
    mention = make.mention()
    reply = approved(dev, mention)
    worker.drain()
    assert now(reply).state == APPROVED
    for wrong in ("", "javascript:alert(1)"):
        with pytest.raises(Refused), writing():
            actions.confirm_posted(dev, reply, wrong)
    with writing():
        actions.confirm_posted(dev, reply, "https://social.example/said/1")
    assert (now(reply).state, now(reply).delivered_url) == (DELIVERED, "https://social.example/said/1")


# --- wishes not to be contacted ---


def test_a_wish_drops_what_waits_and_keeps_new_drafts_away(dev, mention, channel):
    reply = approved(dev, mention)
    with writing():
        actions.refuse_contact(dev, reply.person_id, "asked by mail")
    worker.drain()
    assert now(reply).state == DISCARDED
    assert channel.replies == {}
    with writing():
        assert (
            actions.draft_reply(SYSTEM, mention=mention, person_id=reply.person_id, key="k", body="x") is None
        )
    with pytest.raises(Refused), writing():
        actions.write_reply(dev, mention, "x")
    with pytest.raises(Refused), writing():
        actions.restore_reply(dev, reply)
    assert queries.mention_of_person(reply.person_id) is None


def test_a_wish_noted_between_approval_and_call_still_holds(dev, mention, channel):
    reply = approved(dev, mention)
    with writing():
        db.session.add(ContactRefusal(person_id=reply.person_id, at=clock.now()))
    worker.drain()
    assert now(reply).state == DISCARDED
    assert channel.replies == {}


def test_a_wish_can_be_taken_back_by_those_who_may(dev, mention):
    reply = draft(dev, mention)
    with writing():
        actions.refuse_contact_of(dev, mention, "mistake")
    with pytest.raises(Forbidden), writing():
        actions.allow_contact(make.actor("Eli", "agent"), reply.person_id)
    with writing():
        actions.allow_contact(dev, reply.person_id)
        actions.restore_reply(dev, reply)
    assert now(reply).state == DRAFT


def test_every_reply_carries_a_link_that_ends_all_contact(dev, mention, channel, client):
    reply = approved(dev, mention)
    worker.drain()
    (said,) = channel.replies.values()
    path = re.search(r"http://localhost(/outside/stop/\S+)", said["body"])[1]
    page = client.get(path)
    assert page.status_code == 200
    db.session.rollback()
    assert queries.is_contactable(reply.person_id), "opening the link must change nothing"
    assert make.post(client, path).status_code == 200
    db.session.rollback()
    assert not queries.is_contactable(reply.person_id)
    assert "You will not hear from us again" in client.get(path).text
    assert make.post(client, path).status_code == 200


def test_a_forged_link_ends_nobodys_contact(dev, mention, client):
    reply = draft(dev, mention)
    good = queries.stop_link(reply.person_id).rpartition("/")[2]
    for token in ("x", f"{good}x", str(reply.person_id), good.replace(good[0], "9", 1)):
        assert make.post(client, f"/outside/stop/{token}").status_code == 404
    db.session.rollback()
    assert queries.is_contactable(reply.person_id)


# --- answers to questions from outside ---


@pytest.fixture
def solved(dev, mention):
    """A thread made of the mention, with an answer by Ben."""
    with writing():
        room = forum.create_category(SYSTEM, name="Lamps")
        thread = actions.make_thread(dev, mention, category_id=room.id)
        answer = forum.reply(make.actor("Ben"), thread, render("Hold the **button** for ten seconds."))
    return thread, answer


def accept(dev, solved) -> OutsideReply | None:
    thread, answer = solved
    with writing():
        forum.accept_answer(dev, thread, answer)
    worker.drain()
    db.session.rollback()
    return queries.reply_of_key(f"answer:{thread.id}")


def test_an_accepted_answer_drafts_a_reply_that_waits(dev, solved, channel):
    drafted = accept(dev, solved)
    assert drafted.state == DRAFT
    assert "Hello Ines Outside," in drafted.body
    assert "Hold the button for ten seconds." in drafted.body
    assert f"http://localhost/t/{solved[0].id}/" in drafted.body
    assert channel.replies == {}


@pytest.mark.slow
def test_an_answer_taken_back_takes_its_draft_along_and_a_new_one_brings_it_back(dev, solved):
    drafted = accept(dev, solved)
    thread, _answer = solved
    with writing():
        forum.unaccept_answer(dev, thread)
    worker.drain()
    assert now(drafted).state == DISCARDED
    with writing():
        better = forum.reply(make.actor("Ana"), thread, render("Use the app instead."))
        forum.accept_answer(dev, thread, better)
    worker.drain()
    assert now(drafted).state == DRAFT
    assert "Use the app instead." in now(drafted).body


def test_an_answer_only_members_can_read_is_not_told_outside(dev, mention):
    with writing():
        room = forum.create_category(SYSTEM, name="Members", access=1)
        thread = actions.make_thread(dev, mention, category_id=room.id)
        answer = forum.reply(make.actor("Ben"), thread, render("For members only."))
    assert accept(dev, (thread, answer)) is None


def test_no_answer_is_drafted_for_somebody_who_wishes_no_contact(dev, solved):
    with writing():
        actions.refuse_contact(dev, solved[0].author_id)
    assert accept(dev, solved) is None


def test_a_delivery_that_is_repeated_drafts_once(dev, solved):
    accept(dev, solved)
    with writing():
        outbox_event = tasks.AnswerAccepted(solved[0].id, solved[1].id, 1, 1, True)
        tasks.draft_answer(outbox_event, outbox.Delivery(1, 1, "x", 1, clock.now(), None))
    assert db.session.execute(sa.select(sa.func.count()).select_from(OutsideReply)).scalar_one() == 1


# --- in the browser ---


def test_dev_approves_in_the_browser_with_last_changes(dev, mention, channel):
    reply = draft(dev, mention)
    browser = make.client_of(dev)
    assert "Hold the button" in browser.get("/inbox/replies").text
    answer = make.post(browser, f"/inbox/replies/{reply.id}/approval?box=waiting", body="Better words")
    assert answer.status_code == 303
    worker.drain()
    assert next(iter(channel.replies.values()))["body"].startswith("Better words")
    assert "Delivered" in browser.get("/inbox/replies?box=done").text


@pytest.mark.slow
def test_what_came_too_late_is_told_in_the_browser(dev, mention):
    reply = approved(dev, mention)
    answer = make.post(make.client_of(dev), f"/inbox/replies/{reply.id}/approval?box=waiting", body="x")
    assert answer.status_code == 409


@pytest.mark.parametrize("box", ["waiting", "on_the_way", "trouble", "done", "discarded"])
def test_every_box_shows_its_replies(dev, mention, box):
    reply = draft(dev, mention)
    state = queries.BOXES[box][0]
    with writing():
        db.session.execute(sa.update(OutsideReply).values(state=state))
    assert f"reply-{reply.id}" in make.client_of(dev).get(f"/inbox/replies?box={box}").text


def test_strangers_find_no_reply(dev, mention):
    reply = draft(dev, mention)
    with pytest.raises(NotFound):
        queries.reply(make.actor("Ana"), reply.id)
    assert queries.reply_cards(make.actor("Ana"), "waiting") == []
