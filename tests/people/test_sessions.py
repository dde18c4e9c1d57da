"""The list of sessions: everybody sees and ends their own, owners end anybody's, nobody else does."""

from flask import Flask

from core.db import db
from core.outbox import Event
from people import queries
from tests import make


def test_everybody_sees_their_own_sessions(context: Flask):
    ana = make.person("Ana")
    own, _other = make.client_of(ana), make.client_of(ana)
    make.client_of(make.person("Ben"))
    page = own.get("/settings/sessions").text
    assert page.count('class="session"') == 2
    assert page.count("This one") == 1


def test_ending_one_session_ends_it_at_once(context: Flask):
    ana = make.person("Ana")
    own, other = make.client_of(ana), make.client_of(ana)
    newest = max(row.id for row in queries.sessions_of(ana.id))
    assert make.post(own, f"/settings/sessions/{newest}/ending").status_code == 303
    assert other.get("/settings").status_code == 302
    assert own.get("/settings").status_code == 200


def test_ending_all_others_keeps_this_one(context: Flask):
    ana = make.person("Ana")
    own, *others = [make.client_of(ana) for _ in range(3)]
    make.post(own, "/settings/sessions/ending")
    assert own.get("/settings").status_code == 200
    assert [other.get("/settings").status_code for other in others] == [302, 302]


def test_nobody_ends_somebody_elses_session(context: Flask):
    ana = make.person("Ana")
    own = make.client_of(ana)
    session_id = queries.sessions_of(ana.id)[0].id
    for stranger in (make.person("Ben"), make.person("Dev", "agent", "moderator")):
        refused = make.post(make.client_of(stranger), f"/settings/sessions/{session_id}/ending")
        assert refused.status_code == 403
    assert own.get("/settings").status_code == 200


def test_an_owner_signs_somebody_out_everywhere(context: Flask):
    ana = make.person("Ana", handle="ana")
    browsers = [make.client_of(ana), make.client_of(ana)]
    make.post(make.client_of(make.person("Olu", "owner")), "/people/ana/sessions/ending")
    assert [browser.get("/settings").status_code for browser in browsers] == [302, 302]


def test_a_moderator_signs_nobody_out(context: Flask):
    ana = make.person("Ana", handle="ana")
    own = make.client_of(ana)
    refused = make.post(make.client_of(make.person("Dev", "moderator")), "/people/ana/sessions/ending")
    assert refused.status_code == 403
    assert own.get("/settings").status_code == 200


def test_ended_sessions_are_told_so_that_streams_end_too(context: Flask):
    ana = make.person("Ana")
    own, _other = make.client_of(ana), make.client_of(ana)
    ids = {row.id for row in queries.sessions_of(ana.id)}
    make.post(own, "/settings/sessions/ending")
    told = db.session.query(Event).filter_by(kind="people.sessions_ended").one()
    assert told.payload["person_id"] == ana.id
    assert set(told.payload["session_ids"]) < ids
