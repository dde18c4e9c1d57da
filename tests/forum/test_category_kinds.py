"""Categories made for ideas or releases: said so on their page, and not offered to those who ask."""

import pytest

from core.db import db
from forum.models import DISCUSSION, IDEA, QUESTION, RELEASE, Category
from tests import make

pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def owner():
    return make.client_of(make.actor("Olu", "owner"))


@pytest.mark.parametrize("kind", [QUESTION, DISCUSSION, IDEA, RELEASE])
def test_saving_a_category_keeps_its_kind(owner, kind):
    room = make.category(kind, name="A room")
    path = f"/c/{room.slug}/edit"
    page = owner.get(path).text
    chosen = [line for line in page.split("<input") if 'name="default_kind"' in line and " checked" in line]
    assert len(chosen) == 1 and f'value="{kind}"' in chosen[0]
    sent = {"name": "Another name", "access": "0", "default_kind": kind, "position": "0"}
    assert make.post(owner, path, **sent).status_code == 303
    db.session.expire_all()
    found = db.session.get_one(Category, room.id)
    assert (found.name, found.default_kind) == ("Another name", kind)


def test_rooms_of_ideas_and_releases_are_not_offered_to_those_who_ask(owner):
    rooms = {
        kind: make.category(kind, name=f"Room of {kind}") for kind in (QUESTION, DISCUSSION, IDEA, RELEASE)
    }
    page = owner.get("/ask").text
    assert [kind for kind, room in rooms.items() if room.name in page] == [QUESTION, DISCUSSION]
    for kind in (IDEA, RELEASE):
        sent = {"title": "Where does it go?", "body": "Here.", "category_id": rooms[kind].id}
        assert make.post(owner, "/ask", **sent).status_code == 422
