"""What the tests of the administration share: the team, and a question with an answer."""

from dataclasses import dataclass

import pytest

from core.db import writing
from core.text import render
from core.viewer import Viewer
from forum import actions as forum
from forum.models import Post, Thread
from tests import make

SYSTEM = Viewer.system()


@dataclass
class House:
    """The cast, and a thread by Ana that Ben has answered."""

    ana: Viewer
    ben: Viewer
    cleo: Viewer
    dev: Viewer
    sam: Viewer
    olu: Viewer
    thread: Thread
    answer: Post

    def everybody(self) -> dict[str, Viewer]:
        return {"ana": self.ana, "cleo": self.cleo, "dev": self.dev, "sam": self.sam, "olu": self.olu}


@pytest.fixture
def house(context) -> House:
    ana, ben = make.actor("Ana"), make.actor("Ben")
    with writing():
        room = forum.create_category(SYSTEM, name="Questions")
        thread = forum.start_thread(ana, category_id=room.id, title="How do I export?", body=render("Where?"))
        answer = forum.reply(ben, thread, render("Under File."))
    return House(
        ana,
        ben,
        make.actor("Cleo", "product_manager"),
        make.actor("Dev", "agent", "moderator"),
        make.actor("Sam", "supervisor"),
        make.actor("Olu", "owner"),
        thread,
        answer,
    )
