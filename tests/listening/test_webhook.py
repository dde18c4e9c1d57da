"""Programs send posts in, signed: nobody else does, nothing comes in twice, nothing half."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import clock
from core.db import db, writing
from core.viewer import Viewer
from listening import actions
from listening.connectors import signing
from listening.models import HookDelivery, Mention
from tests import make

pytestmark = pytest.mark.usefixtures("context")
POST = {"id": "1", "text": "Can it do this?", "author_name": "Ana"}


@pytest.fixture
def hook():
    return make.source("Shop", kind="webhook", channel="Shop")


def mark(secret: str, body: bytes, moment: int) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def send(client, hook, posts, *, secret=None, at=None, delivery="", header=None, body=None, raw=None):
    content = json.dumps(posts).encode() if raw is None else raw
    moment = int((at or clock.now()).timestamp())
    signature = header or f"t={moment},v1={mark(secret or hook.secret, content, moment)}"
    headers = {"X-Fullcircle-Signature": signature, "Content-Type": "application/json"}
    headers |= {"X-Fullcircle-Delivery": delivery} if delivery else {}
    return client.post(f"/hooks/{hook.id}", data=content if body is None else body, headers=headers)


def stored() -> list[str]:
    db.session.rollback()
    return list(db.session.execute(sa.select(Mention.external_id).order_by(Mention.external_id)).scalars())


@pytest.mark.parametrize("posts", [POST, [POST], {"items": [POST]}])
def test_a_signed_delivery_comes_in(client, hook, posts):
    answer = send(client, hook, posts)
    assert answer.status_code == 200
    assert answer.json == {"received": 1, "new": 1, "repeated": False}
    assert stored() == ["1"]


def test_the_product_and_the_documentation_sign_alike():
    body, moment = b'{"text": "x"}', make.NOON
    assert (
        signing.sign("word", body, moment)
        == f"t={int(moment.timestamp())},v1={mark('word', body, int(moment.timestamp()))}"
    )


def problem_of(answer, status: int) -> dict:
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert stored() == []
    return answer.json


@pytest.mark.parametrize(
    "header",
    [
        "x",
        "t=1",
        "v1=00",
        "t=now,v1=00",
        "t=1,t=2,v1=00",
        "t=99999999999999,v1=00",
        "t=-1,v1=00",
        "t=²,v1=00",
        "," * 5000,
    ],
)
def test_a_signature_that_cannot_be_read_is_refused(client, hook, header):
    assert "X-Fullcircle-Signature" in problem_of(send(client, hook, POST, header=header), 401)["detail"]


def test_no_signature_is_refused(client, hook):
    answer = client.post(f"/hooks/{hook.id}", json=POST)
    problem_of(answer, 401)


def test_a_wrong_secret_is_refused(client, hook):
    problem_of(send(client, hook, POST, secret="guessed"), 401)


def test_a_changed_body_is_refused(client, hook):
    changed = json.dumps(POST | {"text": "changed"}).encode()
    problem_of(send(client, hook, POST, body=changed), 401)


def test_a_changed_time_is_refused(client, hook):
    body = json.dumps(POST).encode()
    now = int(clock.now().timestamp())
    problem_of(send(client, hook, POST, header=f"t={now},v1={mark(hook.secret, body, now - 60)}"), 401)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_early_signature_is_refused(client, hook, minutes):
    answer = send(client, hook, POST, at=clock.now() + timedelta(minutes=minutes))
    assert "5 minutes" in problem_of(answer, 401)["detail"]


def test_the_secret_of_another_source_is_refused(client, hook):
    other = make.source("Other", kind="webhook")
    problem_of(send(client, hook, POST, secret=other.secret), 401)


def test_a_renewed_secret_ends_the_old_one_at_once(client, hook):
    old = hook.secret
    with writing():
        actions.renew_secret(Viewer.system(), hook)
    problem_of(send(client, hook, POST, secret=old), 401)
    assert send(client, hook, POST).status_code == 200


def test_the_same_request_again_is_a_replay_and_is_refused(client, hook):
    moment = clock.now()
    assert send(client, hook, POST, at=moment).status_code == 200
    answer = send(client, hook, POST, at=moment)
    assert answer.status_code == 409
    assert "Nothing was added" in answer.json["detail"]
    assert stored() == ["1"]


def test_a_sender_that_tries_again_does_no_harm(client, hook):
    moment = clock.now()
    send(client, hook, POST, at=moment - timedelta(seconds=30), delivery="d-1")
    answer = send(client, hook, POST, at=moment, delivery="d-1")
    assert answer.status_code == 200
    assert answer.json == {"received": 1, "new": 0, "repeated": True}
    assert stored() == ["1"]


def test_a_delivery_id_with_another_body_is_refused(client, hook):
    moment = clock.now()
    send(client, hook, POST, at=moment - timedelta(seconds=30), delivery="d-1")
    answer = send(client, hook, POST | {"id": "2"}, at=moment, delivery="d-1")
    assert answer.status_code == 409
    assert stored() == ["1"]


def test_the_same_post_in_two_deliveries_is_one(client, hook):
    moment = clock.now()
    send(client, hook, POST, at=moment - timedelta(seconds=30))
    assert send(client, hook, POST, at=moment).json["new"] == 0
    assert stored() == ["1"]


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        (b"not json", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"[]", 422, "no items"),
        (b'{"items": []}', 422, "no items"),
        (json.dumps([POST] * 501).encode(), 422, "500"),
        (b"7", 422, "none was stored"),
        (b'{"text": ""}', 422, "none was stored"),
        (b'{"text": "x", "is_admin": true}', 422, "none was stored"),
    ],
)
def test_a_wrong_body_is_refused_with_a_reason(client, hook, raw, status, words):
    assert words in problem_of(send(client, hook, None, raw=raw), status)["detail"]


def test_one_wrong_item_keeps_all_out_and_is_named(client, hook):
    answer = problem_of(
        send(client, hook, [POST, {"id": "2", "text": 5}, {"id": "3", "url": "x", "text": "x"}]), 422
    )
    assert set(answer["errors"]) == {"items[1]", "items[2]"}


def test_a_body_beyond_one_megabyte_is_refused(client, hook):
    problem_of(send(client, hook, POST | {"text": "x" * 1_000_001}), 413)


def test_a_paused_source_takes_nothing(client, hook):
    with writing():
        actions.pause_source(Viewer.system(), hook)
    assert "paused" in problem_of(send(client, hook, POST), 409)["detail"]


def test_unknown_sources_and_sources_of_other_kinds_have_no_door(client, hook):
    other = make.source("Files", kind="upload")
    assert client.post("/hooks/999", json=POST).status_code == 404
    assert client.post(f"/hooks/{other.id}", json=POST).status_code == 404


def test_html_of_a_delivery_is_made_safe(client, hook):
    send(client, hook, {"id": "1", "html": "<p onclick=x>hello<script>alert(1)</script></p>"})
    db.session.rollback()
    assert db.session.execute(sa.select(Mention.html)).scalar_one() == "<p>hello</p>"


def test_old_deliveries_are_forgotten(client, hook):
    send(client, hook, POST)
    with clock.frozen(clock.now() + timedelta(days=8)), writing():
        actions.sweep_deliveries(Viewer.system())
    assert db.session.execute(sa.select(sa.func.count()).select_from(HookDelivery)).scalar_one() == 0


@pytest.mark.both
def test_a_replay_is_refused_on_both_databases(context, client):
    hook = make.source("Shop", kind="webhook")
    moment = clock.now()
    assert send(client, hook, [POST, POST | {"id": "2"}], at=moment).json["new"] == 2
    assert send(client, hook, [POST, POST | {"id": "2"}], at=moment).status_code == 409
    assert stored() == ["1", "2"]
