"""What is kept of a thread's page shows everybody their own, and nothing that has changed."""

import re

import pytest
from flask import Flask

from core.db import writing
from core.viewer import Viewer
from forum import actions
from forum.models import Thread
from people import actions as people
from people import queries as persons
from people.forms import Profile
from tests import counting, make
from tests.forum.test_pages import path_of, visit

pytestmark = pytest.mark.both


def page(reader: Viewer, thread: Thread) -> str:
    return visit(make.client_of(reader), path_of(thread))


def voted(html: str) -> int:
    return html.count("is-voted")


def edited(viewer: Viewer, **profile: str) -> Viewer:
    with writing():
        people.edit_profile(viewer, Profile(**{"name": viewer.name, **profile}))
    return viewer


def test_what_a_moderator_saw_is_not_shown_to_the_member_who_comes_next(question, ben, dev):
    answer = make.answer(question, "A rude word", by=make.actor("Olu"))
    with writing():
        actions.delete_post(dev, answer, "Rude")
    assert "A rude word" in page(dev, question)
    assert "A rude word" not in page(ben, question)


def test_the_author_of_a_deleted_reply_learns_the_reason_and_nobody_else(question, ben, dev):
    olu = make.actor("Olu")
    answer = make.answer(question, "Call Jo at home", by=olu)
    with writing():
        actions.delete_post(dev, answer, "It names a customer")
    assert "The reason: It names a customer" in page(olu, question)
    assert "names a customer" not in page(ben, question)
    assert "names a customer" not in visit(make.client_of(dev).application.test_client(), path_of(question))


def test_what_an_author_took_back_is_shown_to_the_author_alone(question, ben):
    olu = make.actor("Olu")
    answer = make.answer(question, "Forget this", by=olu)
    with writing():
        actions.delete_post(olu, answer, "")
    assert "Forget this" in page(olu, question)
    assert "Forget this" not in page(ben, question)
    assert "Forget this" in page(olu, question)


def test_votes_are_shown_to_whoever_cast_them(question, ben):
    make.answer(question, by=make.actor("Olu"))
    sam = make.actor("Sam")
    before = voted(page(sam, question))
    with writing():
        actions.vote(ben, make.opening(question), 1)
    assert voted(page(ben, question)) == before + 1
    assert voted(page(sam, question)) == before
    assert voted(page(ben, question)) == before + 1


def test_buttons_are_those_of_the_reader(question, ana, ben):
    answer = make.answer(question, by=ben)
    edit = f"/posts/{answer.id}/edit"
    assert edit in page(ben, question)
    assert edit not in page(make.actor("Sam"), question)
    assert "/acceptance" in page(ana, question)
    assert "/acceptance" not in page(make.actor("Olu"), question)


def test_a_new_name_a_new_role_and_a_removal_show_at_once(question, ben):
    sam, olu = make.actor("Sam"), make.person("Olu")
    make.answer(question, by=make.viewer(olu))
    assert "Olu" in page(sam, question)
    edited(make.viewer(olu), name="Olu of the north")
    assert "Olu of the north" in page(sam, question)
    before = page(sam, question).count("Staff")
    with writing():
        people.grant_role(Viewer.system(), persons.person(olu.id), "agent")
    assert page(sam, question).count("Staff") == before + 1
    with writing():
        people.remove_account(Viewer.system(), persons.person(olu.id))
    assert "Olu of the north" not in page(sam, question)


def test_times_are_those_of_the_readers_zone(question, context: Flask):
    def moment(zone: str) -> str:
        reader = edited(make.actor(), timezone=zone)
        found = re.search(r'<time class="time"[^>]*title="([^"]+)"', page(reader, question))
        assert found
        return found.group(1)

    assert moment("Asia/Tokyo") != moment("America/Lima")
    assert moment("Asia/Tokyo") == moment("Asia/Tokyo")


def test_every_page_has_the_token_of_its_own_reader(question, ben):
    def token(reader: Viewer) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', page(reader, question))
        assert found
        return found.group(1)

    assert token(ben) != token(make.actor("Sam"))


def test_posts_and_people_are_read_once_for_all_their_readers(question, context: Flask):
    for _ in range(3):
        make.answer(question)
    page(make.actor("Sam"), question)
    olu = make.client_of(make.actor("Olu"))
    visit(olu, path_of(question))
    with counting.statements() as asked:
        visit(olu, path_of(question))
    assert asked.number <= 5, asked.sent
    assert not [one for one in asked.sent if "post.html" in one]
