"""The bell's page, the choices, and the one-click end of letters, as browsers and mail programs use them."""

import pytest
from flask import current_app
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from core import live, worker
from core.db import db, writing
from forum import actions as forum
from forum.addresses import PER_PAGE
from forum.models import Thread
from ideation import actions as ideation
from notices import letters as writer
from notices import queries
from people import actions as people
from people import queries as persons
from people.portability import sections_of
from tests import make
from tests.notices.conftest import SYSTEM, letters, told


@pytest.fixture
def answered(town):
    """Ana has one unread notice."""
    town.reply(town.ben, town.ask(town.ana), "Under File, Export.")
    told(town.ana)
    return town


def test_the_bell_counts_on_every_page_and_its_page_names_what_happened(answered):
    page = make.client_of(answered.ana).get("/notices").text
    assert "Ben answered “How do I export?”" in page
    assert "data-bell-count>1<" in page.replace(" hidden", "")


def test_opening_a_notice_leads_to_the_post_and_reads_it(answered):
    client = make.client_of(answered.ana)
    (notice,) = told(answered.ana)
    response = client.get(f"/notices/{notice.id}", buffered=True)
    assert response.headers["Location"] == f"/posts/{notice.post_id}"
    assert queries.unread_count(answered.ana) == 0


def test_nobody_opens_somebody_elses_notice(answered):
    (notice,) = told(answered.ana)
    assert make.client_of(answered.ben).get(f"/notices/{notice.id}").status_code == 404
    assert queries.unread_count(answered.ana) == 1


def test_a_notice_of_a_hidden_thread_cannot_be_opened(answered):
    (notice,) = told(answered.ana)
    with writing():
        staff_room = forum.create_category(SYSTEM, name="Staff room", access=2)
        forum.move_thread(answered.dev, db.session.get_one(Thread, notice.thread_id), staff_room)
    assert make.client_of(answered.ana).get(f"/notices/{notice.id}").status_code == 404


# --- reading what a notice is about, without the bell ---


def test_opening_a_thread_from_a_letter_reads_its_notice_and_shows_an_empty_bell_at_once(answered):
    client = make.client_of(answered.ana)
    (notice,) = told(answered.ana)
    page = client.get(f"/posts/{notice.post_id}", follow_redirects=True, buffered=True)
    assert "data-bell-count hidden>0<" in page.text
    assert queries.unread_count(answered.ana) == 0


def test_opening_an_idea_reads_the_notice_of_its_new_status(town):
    idea = town.idea(town.ana)
    with writing():
        ideation.change_status(town.cleo, idea, "planned")
    assert [notice.kind for notice in told(town.ana)] == ["status"]
    make.client_of(town.ana).get(f"/ideas/{idea.id}", follow_redirects=True, buffered=True)
    assert queries.unread_count(town.ana) == 0


@pytest.mark.slow
def test_opening_a_release_reads_its_notice(town):
    release = town.publish(town.idea(town.ana))
    (notice,) = told(town.ana, "release")
    assert notice.read_at is None
    make.client_of(town.ana).get(f"/releases/{release.id}", follow_redirects=True, buffered=True)
    (notice,) = told(town.ana, "release")
    assert notice.read_at is not None


def test_opening_one_thread_leaves_the_notices_of_others_and_those_of_other_people(answered):
    asked = answered.ask(answered.ana, "How do I import?")
    answered.follows(answered.cleo, asked)
    answered.reply(answered.ben, asked, "Under File, Import.")
    assert (len(told(answered.ana)), len(told(answered.cleo))) == (2, 1)
    page = make.client_of(answered.ana).get(f"/t/{asked.id}", follow_redirects=True, buffered=True)
    assert "data-bell-count>1<" in page.text
    assert queries.unread_count(answered.ana) == 1
    assert queries.unread_count(answered.cleo) == 1


@pytest.mark.slow
def test_a_post_on_a_later_page_is_not_read_by_opening_the_first(town):
    thread = town.ask(town.ana)
    for number in range(PER_PAGE):
        town.reply(town.ben, thread, f"Answer number {number}.")
    assert len(told(town.ana)) == PER_PAGE
    client = make.client_of(town.ana)
    client.get(f"/t/{thread.id}", follow_redirects=True, buffered=True)
    assert queries.unread_count(town.ana) == 1
    client.get(f"/t/{thread.id}?page=2", follow_redirects=True, buffered=True)
    assert queries.unread_count(town.ana) == 0


def test_an_empty_bell_costs_a_thread_page_nothing_and_a_full_one_a_statement(answered, statements):
    path = f"/t/{told(answered.ana)[0].thread_id}/how-do-i-export"
    client = make.client_of(answered.ana)
    queries_sent = []
    for _visit in ("full", "empty"):
        with statements() as counted:
            assert client.get(path, buffered=True).status_code == 200
        queries_sent.append([text for text in counted.sent if "FROM notice" in text])
    assert [len(sent) for sent in queries_sent] == [2, 1]


def test_all_can_be_read_at_once(answered):
    assert make.post(make.client_of(answered.ana), "/notices/reading").status_code == 303
    assert queries.unread_count(answered.ana) == 0


def test_visitors_are_sent_to_sign_in(context):
    client = context.test_client()
    for path in ("/notices", "/settings/notices"):
        assert "/sign-in" in client.get(path).headers["Location"]


def test_numbers_that_are_no_address_are_not_found(answered):
    client = make.client_of(answered.ana)
    assert client.get("/notices/99999999999999999999999").status_code == 404
    assert client.get("/notices?before=99999999999999999999999").status_code == 200


def test_choices_are_saved_as_ticked(answered):
    client = make.client_of(answered.ana)
    assert (
        make.post(client, "/settings/notices", **{"bell-answer": "1", "mail-reply": "1"}).status_code == 303
    )
    assert queries.choice_of(answered.ana.id, "answer") == queries.Choice(bell=True, mail=False)
    assert queries.choice_of(answered.ana.id, "reply") == queries.Choice(bell=False, mail=True)
    assert queries.choice_of(answered.ana.id, "release") == queries.Choice(bell=False, mail=False)


def test_customers_are_not_asked_about_the_teams_kinds(answered):
    assert "Escalations" not in make.client_of(answered.ana).get("/settings/notices").text
    assert "Escalations" in make.client_of(answered.dev).get("/settings/notices").text


# --- unsubscribing ---


def link(answered) -> str:
    (letter,) = letters(answered.ana)
    return dict(letter.headers)["List-Unsubscribe"].strip(" <>").removeprefix("http://localhost")


def test_opening_the_link_of_a_letter_changes_nothing(answered):
    page = current_app.test_client().get(link(answered))
    assert page.status_code == 200
    assert queries.choice_of(answered.ana.id, "answer").mail


def test_one_click_without_a_session_or_csrf_token_ends_this_kind_of_letter_and_keeps_the_bell(answered):
    response = current_app.test_client().post(link(answered), data={"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert queries.choice_of(answered.ana.id, "answer") == queries.Choice(bell=True, mail=False)
    assert queries.choice_of(answered.ana.id, "release").mail


def test_a_link_with_one_letter_changed_is_not_found_and_ends_nothing(answered):
    path = link(answered)
    for place in (13, len(path) // 2, len(path) - 3):
        flipped = path[:place] + ("A" if path[place] != "A" else "B") + path[place + 1 :]
        assert current_app.test_client().post(flipped).status_code == 404
        assert current_app.test_client().get(flipped).status_code == 404
    assert queries.choice_of(answered.ana.id, "answer").mail


@pytest.mark.parametrize("salt", ["people.confirm", "session", "itsdangerous", "listening.contact"])
def test_a_token_made_for_another_purpose_ends_nothing(answered, salt):
    secret = current_app.test_client().application.secret_key
    for signer in (URLSafeSerializer, URLSafeTimedSerializer):
        token = signer(secret, salt=salt).dumps([answered.ana.id, "answer"])
        assert current_app.test_client().post(f"/unsubscribe/{token}").status_code == 404
    assert queries.choice_of(answered.ana.id, "answer").mail


def test_a_link_about_nobody_or_no_kind_is_not_found(answered):
    for token in (
        writer.unsubscribe_token(424242, "answer"),
        writer.unsubscribe_token(answered.ana.id, "gifts"),
    ):
        assert current_app.test_client().post(f"/unsubscribe/{token}").status_code == 404


# --- live ---


@pytest.fixture
def said(monkeypatch):
    """What was published: pairs of channels and message."""
    heard = []
    monkeypatch.setattr(live, "publish", lambda channels, message: heard.append((list(channels), message)))
    return heard


def test_the_bell_of_open_pages_is_rung_with_its_number(town, said):
    town.reply(town.ben, town.ask(town.ana), "Under File.")
    worker.drain()
    assert ([f"person:{town.ana.id}"], {"type": "bell", "count": 1}) in said


def test_open_pages_of_an_ended_session_are_told(town, said):
    person = persons.person(town.ana.id)
    make.client_of(person)
    with writing():
        people.end_other_sessions(make.viewer(person), person)
    worker.drain()
    assert any(
        channels == [f"person:{town.ana.id}"] and m["type"] == live.SESSION_ENDED for channels, m in said
    )


# --- leaving ---


def test_notices_and_choices_are_in_the_export(answered):
    make.post(make.client_of(answered.ana), "/settings/notices", **{"bell-answer": "1"})
    sections = sections_of(answered.ana.id)
    assert [row["kind"] for row in sections["notices.told"]] == ["answer"]
    assert {row["kind"] for row in sections["notices.choices"]} >= {"release", "answer"}


def test_a_removed_account_leaves_no_notices_behind(answered):
    with writing():
        people.remove_account(SYSTEM, persons.person(answered.ana.id))
    assert told(answered.ana) == []
    assert queries.export_choices(answered.ana.id) == []
