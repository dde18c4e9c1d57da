"""What the worker does for people: letters that still make sense, and sweeping."""

from datetime import timedelta

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import clock, outbox, worker
from core.db import db, writing
from people import tasks
from people.models import MailToken, Person, SignInSession
from tests import make


def count(table: type) -> int:
    return int(db.session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def ask_reset(client: FlaskClient) -> None:
    make.person("Ana", email="ana@example.com", password=make.PASSWORD)
    make.post(client, "/reset", email="ana@example.com")
    for found in outbox.claim(lane=outbox.Lane.INSIDE):  # the link is made, its letter still waits
        outbox.deliver(found.ids, found.until)


def test_a_link_that_died_before_its_letter_is_not_sent(client: FlaskClient, letters):
    ask_reset(client)
    with writing():
        db.session.execute(sa.update(MailToken).values(used_at=clock.now()))
    assert letters("ana@example.com") == []


def test_a_link_that_ran_out_before_its_letter_is_not_sent(client: FlaskClient, letters):
    ask_reset(client)
    with writing():
        db.session.execute(sa.update(MailToken).values(expires_at=clock.now()))
    assert letters("ana@example.com") == []


def test_a_withdrawn_invitation_is_not_sent(context: Flask, letters):
    own = make.client_of(make.person("Olu", "owner"))
    make.post(own, "/invitations", email="guest@example.com", roles=["customer"])
    make.post(own, "/invitations/1/withdrawal")
    assert letters("guest@example.com") == []


def test_a_letter_speaks_the_persons_language(client: FlaskClient, letters):
    ask_reset(client)
    with writing():
        db.session.execute(sa.update(Person).values(locale="ar"))
    html = letters("ana@example.com")[0].html or ""
    assert 'lang="ar"' in html
    assert 'dir="rtl"' in html


def test_a_letter_says_which_community_it_comes_from(client: FlaskClient, letters):
    ask_reset(client)
    letter = letters("ana@example.com")[0]
    assert "Fullcircle" in letter.subject
    assert "http://localhost" in letter.text


def test_sweeping_takes_what_ran_out_and_nothing_else(client: FlaskClient, context: Flask):
    ask_reset(client)
    ana = db.session.query(Person).one()
    good, over, idle = (make.client_of(ana, remember=True) for _ in range(3))
    rows = db.session.query(SignInSession).order_by(SignInSession.id).all()
    with writing():
        rows[1].expires_at = clock.now() - timedelta(seconds=1)
        rows[2].seen_at = clock.now() - timedelta(days=61)
    tasks.sweep()
    db.session.expire_all()
    assert count(SignInSession) == 1
    assert count(MailToken) == 1
    assert good.get("/settings").status_code == 200
    assert over.get("/settings").status_code == idle.get("/settings").status_code == 302
    with writing():
        db.session.execute(sa.update(MailToken).values(expires_at=clock.now() - timedelta(days=4)))
    tasks.sweep()
    assert count(MailToken) == 0


def test_sweeping_is_scheduled(context: Flask):
    worker.prepare_schedules()
    found = db.session.execute(sa.select(worker.ScheduleRow.name)).scalars().all()
    assert "people.sweep" in found
