"""Roles: owners give and take them, the last owner stays, and a lost role ends sessions."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from core import clock
from core.db import db, writing
from core.errors import Forbidden, Refused
from core.outbox import Event
from people import actions, queries
from people.models import RoleGrant, SignInSession
from tests import make


def roles(handle: str) -> frozenset[str]:
    return queries.roles_of(queries.by_handle(handle).id)


def test_an_owner_gives_and_takes_a_role(context: Flask):
    make.person("Ana", handle="ana")
    olu = make.person("Olu", "owner")
    own = make.client_of(olu)
    assert make.post(own, "/people/ana/roles", role="moderator").status_code == 303
    assert roles("ana") == {"customer", "moderator"}
    grant = db.session.get(RoleGrant, (queries.by_handle("ana").id, "moderator"))
    assert grant is not None and grant.granted_by_id == olu.id
    assert make.post(own, "/people/ana/roles/withdrawal", role="moderator").status_code == 303
    assert roles("ana") == {"customer"}


def test_nobody_else_gives_roles(context: Flask):
    make.person("Ana", handle="ana")
    for role in ("customer", "agent", "moderator", "product_manager", "supervisor"):
        own = make.client_of(make.person("Sam", role, handle=f"sam-{role}".replace("_", "-")))
        for path in ("/people/ana/roles", f"/people/sam-{role}/roles".replace("_", "-")):
            assert make.post(own, path, role="owner").status_code == 403, role
            assert make.post(own, path + "/withdrawal", role="customer").status_code == 403, role
        assert own.get("/people/ana/account").status_code == 403
    assert roles("ana") == {"customer"}
    assert queries.ids_with_role("owner") == []


def test_a_lost_role_ends_the_sessions_at_once(context: Flask):
    dev = make.person("Dev", "moderator", handle="dev")
    browser = make.client_of(dev)
    make.post(make.client_of(make.person("Olu", "owner")), "/people/dev/roles/withdrawal", role="moderator")
    assert browser.get("/settings").status_code == 302


def test_the_last_owner_stays(context: Flask):
    olu = make.person("Olu", "owner", handle="olu")
    own = make.client_of(olu)
    assert make.post(own, "/people/olu/roles/withdrawal", role="owner").status_code == 422
    make.person("Uma", "owner")
    assert make.post(own, "/people/olu/roles/withdrawal", role="owner").status_code == 303
    assert "owner" not in roles("olu")


@pytest.mark.both
def test_two_owners_cannot_leave_at_once(app: Flask, context: Flask):
    ids = [make.person("Olu", "owner").id, make.person("Uma", "owner").id]

    def withdraw(person_id: int) -> None:
        with app.app_context(), suppress(Refused), writing():
            actions.withdraw_role(queries.viewer_of(person_id), queries.person(person_id), "owner")

    threads = [threading.Thread(target=withdraw, args=(i,)) for i in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(queries.ids_with_role("owner")) == 1


def test_an_owner_without_an_account_is_no_other_owner(context: Flask):
    olu, uma = make.person("Olu", "owner"), make.person("Uma", "owner")
    with writing():
        actions.remove_account(make.viewer(uma), queries.person(uma.id))
    with pytest.raises(Refused), writing():
        actions.withdraw_role(make.viewer(olu), queries.person(olu.id), "owner")


def test_roles_change_only_after_the_password_was_typed_lately(context: Flask):
    make.person("Ana", handle="ana")
    own = make.client_of(make.person("Olu", "owner"))
    with writing():
        db.session.execute(sa.update(SignInSession).values(fresh_at=clock.now() - timedelta(hours=1)))
    assert own.get("/people/ana/account").location == "/settings/again?next=/people/ana/account"
    assert make.post(own, "/people/ana/roles", role="moderator").location.startswith("/settings/again")
    assert roles("ana") == {"customer"}


def test_there_are_no_other_roles(context: Flask):
    make.person("Ana", handle="ana")
    own = make.client_of(make.person("Olu", "owner"))
    for wrong in ("root", "", "owner,agent", "Owner"):
        assert make.post(own, "/people/ana/roles", role=wrong).status_code == 422
    assert roles("ana") == {"customer"}


def test_giving_a_role_twice_changes_nothing(context: Flask):
    ana, olu = make.person("Ana"), make.actor("Olu", "owner")
    for _ in range(2):
        with writing():
            actions.grant_role(olu, queries.person(ana.id), "agent")
    told = db.session.query(Event).filter_by(kind="people.roles_changed").all()
    assert [event.payload["roles"] for event in told] == [["agent", "customer"]]


def test_only_accounts_that_can_sign_in_have_roles(context: Flask):
    with writing():
        outside = actions.outside_person(
            make.actor("Dev", "agent"), channel="web", external_id="1", name="Ivy"
        )
    with pytest.raises(Forbidden), writing():
        actions.grant_role(make.actor("Olu", "owner"), outside, "agent")


def test_role_changes_are_logged_with_who_and_what(context: Flask, caplog: pytest.LogCaptureFixture):
    ana, olu = make.person("Ana"), make.actor("Olu", "owner")
    caplog.set_level("INFO", logger="fullcircle.audit")
    with writing():
        actions.grant_role(olu, queries.person(ana.id), "agent")
    (line,) = [record for record in caplog.records if getattr(record, "event", "") == "role_granted"]
    assert line.person == ana.id
    assert str(olu.id) in line.getMessage()
    assert "agent" in line.getMessage()
