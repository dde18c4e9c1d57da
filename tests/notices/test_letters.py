"""Letters of notices: once each, honest headers, nothing hidden in them, and one click ends them."""

import re

import pytest
import sqlalchemy as sa

from core import clock, mail, outbox, worker
from core.db import db, writing
from core.outbox import DeliveryRow
from forum import actions as forum
from forum.models import Post, Thread
from listening.models import OutsideReply
from notices import actions, tasks
from notices import letters as writer
from notices.events import MailsQueued
from notices.models import NoticeMail
from people.models import Person
from tests import make
from tests.notices.conftest import SYSTEM, letters, told, waiting


class ProcessKilled(BaseException):
    """Stands for `kill -9` in mid-work."""


@pytest.mark.slow
def test_a_release_writes_one_letter_a_person_with_text_and_html(town):
    idea = town.idea(town.ana)
    town.wants(town.ben, idea)
    release = town.publish(idea)
    (letter,) = letters(town.ben)
    assert letter.subject == "An idea you voted for shipped in Spring"
    assert f"You asked: {town.thread_of(idea).title}" in letter.text
    assert letter.html is not None
    assert "Export as a spreadsheet" in letter.html
    assert f"http://localhost/t/{release.thread_id}" in letter.text
    assert len(letters(town.ana)) == 1


def test_a_letter_quotes_the_answer_and_leads_to_it(town):
    post = town.reply(town.ben, town.ask(town.ana), "Under *File*, then **Export**.")
    (letter,) = letters(town.ana)
    assert "> Under File, then Export." in letter.text
    assert f"http://localhost/posts/{post.id}" in letter.text
    assert "Under File, then Export." in (letter.html or "")


def test_a_repeat_after_the_letter_was_written_writes_it_over_itself(town):
    town.reply(town.ben, town.ask(town.ana), "Under File.")
    assert len(letters(town.ana)) == 1
    with writing():
        db.session.execute(sa.update(NoticeMail).values(sent_at=None))
        db.session.execute(sa.update(DeliveryRow).values(state=outbox.WAITING, run_at=clock.now()))
    assert len(letters(town.ana)) == 1


@pytest.mark.slow
def test_a_batch_broken_off_by_a_crash_goes_on_with_the_rest(town, monkeypatch):
    idea = town.idea(town.ana)
    for who in (town.ben, make.actor("Eve"), make.actor("Finn")):
        town.wants(who, idea)
    town.publish(idea)
    sent: list[str] = []
    send = mail.send

    def dies_at_the_third(letter: mail.Letter) -> None:
        if len(sent) == 2:
            raise ProcessKilled
        sent.append(letter.message_id)
        send(letter)

    monkeypatch.setattr(mail, "send", dies_at_the_third)
    with pytest.raises(ProcessKilled):
        worker.drain()
    assert len(waiting()) == 2
    monkeypatch.setattr(mail, "send", lambda letter: (sent.append(letter.message_id), send(letter)))
    with clock.frozen(clock.now() + outbox.LEASE * 2):
        worker.drain()
    assert len(sent) == len(set(sent)) == 4
    assert waiting() == []


def test_one_letter_that_fails_for_now_does_not_hold_up_the_others(town, monkeypatch):
    idea = town.idea(town.ana)
    town.wants(town.ben, idea)
    town.publish(idea)
    send, attempts = mail.send, []

    def full_for_ana(letter: mail.Letter) -> None:
        attempts.append(letter.to)
        if town.ana.handle in letter.to and attempts.count(letter.to) == 1:
            raise mail.MailFailed("Her box is full.")
        send(letter)

    monkeypatch.setattr(mail, "send", full_for_ana)
    assert len(letters(town.ben)) == 1
    assert letters(town.ana) == []
    with clock.frozen(clock.now() + outbox.LEASE):
        assert len(letters(town.ana)) == 1
    assert len(letters(town.ben)) == 1


def test_an_address_that_is_declined_for_good_is_noted_and_not_tried_again(town, monkeypatch):
    def declines(letter: mail.Letter) -> None:
        raise mail.MailRefused("No such box.")

    monkeypatch.setattr(mail, "send", declines)
    town.reply(town.ben, town.ask(town.ana), "Under File.")
    worker.drain()
    row = db.session.execute(sa.select(NoticeMail)).scalar_one()
    assert row.dropped_reason == "undeliverable: No such box."
    assert row.sent_at is not None
    assert outbox.backlog() == {"waiting": 0, "running": 0, "dead": 0}


def test_a_hostile_title_cannot_add_headers_or_markup(town):
    thread = town.ask(town.ana, title="Hi\r\nBcc: all@example.com <script>alert(1)</script>")
    town.reply(town.ben, thread, "Under File.")
    (letter,) = letters(town.ana)
    names = [name.lower() for name, _ in letter.headers]
    assert "bcc" not in names
    assert "\n" not in letter.subject
    assert "<script>" not in (letter.html or "")


def test_a_name_that_looks_like_an_address_is_no_link_in_a_text_letter(town):
    bait = make.actor("www.evil.example")
    town.reply(bait, town.ask(town.ana), "Under File.")
    (letter,) = letters(town.ana)
    assert "www.evil.example" not in letter.text
    assert "evil" in letter.text


def test_a_letter_can_be_ended_with_one_click_by_its_headers(town):
    town.reply(town.ben, town.ask(town.ana), "Under File.")
    (letter,) = letters(town.ana)
    headers = dict(letter.headers)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<http://localhost/unsubscribe/\S+>", headers["List-Unsubscribe"].strip())


def queued_for_ana(town) -> MailsQueued:
    """A letter that waits: the worker has told, but not sent."""
    thread = town.ask(town.ana)
    post = town.reply(town.ben, thread, "Under File.")
    with writing():
        fact = actions.Telling("answer", f"post:{post.id}", thread.id, post.id, town.ben.id)
        actions.tell(SYSTEM, fact, [town.ana.id])
    return MailsQueued(tuple(row.id for row in waiting()))


def lose_access(town):
    staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
    forum.move_thread(town.dev, db.session.execute(sa.select(Thread)).scalar_one(), staff_room)


def delete_post(town):
    post = db.session.execute(sa.select(Post).order_by(Post.id.desc()).limit(1)).scalar_one()
    forum.delete_post(town.dev, post, "spam")


def choose_no_mail(town):
    actions.choose(town.ana, town.ana.id, "answer", bell=True, mail=False)


def change_address(town):
    db.session.execute(sa.update(Person).where(Person.id == town.ana.id).values(email="new@example.com"))


@pytest.mark.parametrize("change", [lose_access, delete_post, choose_no_mail, change_address])
def test_what_changed_before_the_letter_went_out_stops_it(town, change):
    fact = queued_for_ana(town)
    with writing():
        change(town)
    tasks.send_mails(fact, None)
    row = db.session.execute(sa.select(NoticeMail)).scalar_one()
    assert row.dropped_reason
    assert mail.outbox() == []


def test_a_letter_about_a_release_does_not_name_an_idea_its_reader_may_not_see(town):
    idea = town.idea(town.ana, "Secret plan")
    town.wants(town.ben, idea)
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.move_thread(town.dev, town.thread_of(idea), staff_room)
    town.publish(idea)
    (letter,) = letters(town.ben)
    assert "Secret plan" not in letter.text + (letter.html or "") + letter.subject


def test_an_account_without_a_confirmed_address_gets_the_bell_and_no_letter(town):
    with writing():
        db.session.execute(sa.update(Person).where(Person.id == town.ana.id).values(email_confirmed_at=None))
    town.reply(town.ben, town.ask(town.ana), "Under File.")
    assert len(told(town.ana)) == 1
    assert letters(town.ana) == []


def test_a_choice_against_mail_is_honoured(town):
    with writing():
        actions.choose(town.ana, town.ana.id, "answer", bell=True, mail=False)
    town.reply(town.ben, town.ask(town.ana), "Under File.")
    assert len(told(town.ana)) == 1
    assert letters(town.ana) == []


def test_nothing_is_drafted_outside_for_members(town):
    town.publish(town.idea(town.ana))
    told(town.ana)
    assert db.session.execute(sa.select(OutsideReply)).first() is None


def test_an_unsubscribe_token_says_whose_letters_of_which_kind(town):
    token = writer.unsubscribe_token(town.ana.id, "answer")
    assert writer.read_unsubscribe(token) == (town.ana.id, "answer")
    assert writer.read_unsubscribe(token + "x") is None
    assert writer.read_unsubscribe("") is None
