"""The people of the forum's tests."""

import pytest
from flask import Flask

from core.viewer import Viewer
from forum.models import Category, Thread
from tests import make


@pytest.fixture
def ana(context: Flask) -> Viewer:
    """A customer who asks."""
    return make.actor("Ana")


@pytest.fixture
def ben(context: Flask) -> Viewer:
    """A customer who answers."""
    return make.actor("Ben")


@pytest.fixture
def dev(context: Flask) -> Viewer:
    """Agent and moderator."""
    return make.actor("Dev", "agent", "moderator")


@pytest.fixture
def room(context: Flask) -> Category:
    """A public category of questions."""
    return make.category()


@pytest.fixture
def question(ana: Viewer, room: Category) -> Thread:
    """Ana's question, unanswered."""
    return make.thread("Why is the lamp cold?", by=ana, room=room, text="It is *cold*.", tags=("lamp",))
