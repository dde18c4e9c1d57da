"""The table of who may do what, asked of each rule and of each action."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from core import clock
from core.db import writing
from core.errors import Forbidden
from core.viewer import ROLES, Viewer
from people import actions, forms, policy, queries
from people.models import MEMBER, REMOVED, Person
from tests import make


def actor(*roles: str, id: int = 1) -> Viewer:
    return Viewer(id=id, roles=frozenset(roles))


def person(id: int = 2, kind: str = MEMBER) -> Person:
    return Person(id=id, kind=kind, name="P", handle="p")


VISITOR = Viewer.visitor()


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (lambda a: policy.may_create_person(a), {"owner"}),
        (lambda a: policy.may_change_roles(a, person()), {"owner"}),
        (lambda a: policy.may_manage_accounts(a), {"owner"}),
        (lambda a: policy.may_remove_account(a, person(), {"customer"}), {"owner"}),
        (lambda a: policy.may_remove_account(a, person(), {"owner"}), set()),
        (lambda a: policy.may_ban(a, person(), {"customer"}), {"moderator", "owner"}),
        (lambda a: policy.may_ban(a, person(), {"customer", "agent"}), {"owner"}),
        (lambda a: policy.may_ban(a, person(), {"moderator"}), {"owner"}),
        (lambda a: policy.may_ban(a, person(), {"owner"}), set()),
        (lambda a: policy.may_ban(a, person(id=1), set()), set()),
        (lambda a: policy.may_ban(a, person(kind=REMOVED), set()), set()),
        (lambda a: policy.may_lift_ban(a, {"customer"}), {"moderator", "owner"}),
        (lambda a: policy.may_lift_ban(a, {"agent"}), {"owner"}),
        (lambda a: policy.may_see_bans(a), {"moderator", "owner"}),
        (lambda a: policy.may_invite(a, ["customer"]), {"moderator", "owner"}),
        (lambda a: policy.may_invite(a, ["customer", "agent"]), {"owner"}),
        (lambda a: policy.may_invite(a, ["king"]), set()),
        (lambda a: policy.may_see_invitations(a), {"moderator", "owner"}),
        (lambda a: policy.may_link_identity(a), set(ROLES) - {"customer"}),
        (lambda a: policy.may_set_standing(a), set()),
        (lambda a: policy.may_use_settings(a), set(ROLES)),
        (lambda a: policy.may_end_sessions(a, person()), {"owner"}),
        (lambda a: policy.may_register(a, "open"), set()),
    ],
)
def test_the_table_of_rules(rule: Callable[[Viewer], bool], allowed: set[str]):
    assert {role for role in ROLES if rule(actor(role))} == allowed


def test_a_visitor_may_register_and_prove_and_nothing_else():
    assert policy.may_register(VISITOR, "open")
    assert not policy.may_register(VISITOR, "invited")
    assert policy.may_prove_address(VISITOR)
    assert not policy.may_use_settings(VISITOR)
    assert not policy.may_link_identity(VISITOR)
    assert not policy.may_invite(VISITOR, ["customer"])


def test_one_may_leave_and_end_ones_own_sessions():
    assert policy.may_remove_account(actor("customer"), person(id=1), {"customer"})
    assert policy.may_end_sessions(actor("customer"), person(id=1))


def test_half_an_hour_is_fresh():
    moment = clock.now()
    for minutes, fresh in ((0, True), (30, True), (31, False)):
        asker = Viewer(id=1, session_id=1, session_fresh_at=moment - timedelta(minutes=minutes))
        assert policy.is_fresh(asker, moment) == fresh
    assert not policy.is_fresh(Viewer(id=1, session_id=1), moment)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "outside"},
        {"kind": "imported"},
        {"kind": "removed"},
        {"email_confirmed_at": None},
        {"banned_until": clock.now() + timedelta(days=1)},
    ],
)
def test_only_confirmed_members_that_are_not_banned_are_welcome(wrong: dict[str, Any]):
    good = {"kind": MEMBER, "email_confirmed_at": clock.now(), "banned_until": None}
    assert policy.is_welcome(Person(**good), clock.now())
    assert not policy.is_welcome(Person(**good | wrong), clock.now())


REFUSED: dict[str, Callable[[Viewer, Person], object]] = {
    "create_person": lambda a, p: actions.create_person(a, name="X", handle="x", email="x@example.com"),
    "set_standing": lambda a, p: actions.set_standing(a, p.id, 1, 1),
    "grant_role": lambda a, p: actions.grant_role(a, p, "agent"),
    "withdraw_role": lambda a, p: actions.withdraw_role(a, p, "customer"),
    "ban": lambda a, p: actions.ban(a, p, "reason", clock.now() + timedelta(days=1)),
    "lift_ban": lambda a, p: actions.lift_ban(a, p),
    "invite": lambda a, p: actions.invite(a, "x@example.com", ["customer"]),
    "remove_account": lambda a, p: actions.remove_account(a, p),
    "end_other_sessions": lambda a, p: actions.end_other_sessions(a, p),
    "end_session": lambda a, p: actions.end_session(a, queries.sessions_of(p.id)[0]),
    "outside_person": lambda a, p: actions.outside_person(a, channel="c", external_id="1", name="x"),
    "register": lambda a, p: actions.register(
        a, forms.Registration(name="Xy", email="x@example.com", password=make.PASSWORD)
    ),
}


def is_refused(call: Callable[[], object]) -> bool:
    try:
        with writing():
            call()
    except Forbidden:
        return True
    return False


def test_each_action_refuses_another_customer(context: Flask):
    ana, ben = make.person("Ana"), make.actor("Ben")
    make.client_of(ana)
    allowed = [name for name, call in REFUSED.items() if not is_refused(partial(call, ben, ana))]
    assert allowed == []


OWN: dict[str, Callable[[Viewer], object]] = {
    "edit_profile": lambda a: actions.edit_profile(a, forms.Profile(name="Xy")),
    "change_avatar": lambda a: actions.change_avatar(a, b""),
    "drop_avatar": lambda a: actions.drop_avatar(a),
    "set_theme": lambda a: actions.set_theme(a, "dark"),
    "set_language": lambda a: actions.set_language(a, "en"),
    "change_password": lambda a: actions.change_password(
        a, forms.PasswordChange(current="x", password=make.PASSWORD)
    ),
    "ask_address_change": lambda a: actions.ask_address_change(a, "x@example.com"),
    "remove_own_account": lambda a: actions.remove_own_account(a, forms.Again(password="x")),
    "sign_in_again": lambda a: actions.sign_in_again(a, forms.Again(password="x")),
}


def test_settings_refuse_visitors_and_the_system(context: Flask):
    for asker in (VISITOR, Viewer.system()):
        allowed = [name for name, call in OWN.items() if not is_refused(partial(call, asker))]
        assert allowed == []
