"""What the tests of ideas share: several people at once, and who is who."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from core.db import db, writing
from core.errors import ProductError
from core.viewer import Viewer
from tests import make


@pytest.fixture
def ana() -> Viewer:
    """A customer."""
    return make.actor("Ana")


@pytest.fixture
def ben() -> Viewer:
    """Another customer."""
    return make.actor("Ben")


@pytest.fixture
def cleo() -> Viewer:
    """The product manager."""
    return make.actor("Cleo", "product_manager")


@pytest.fixture
def dev() -> Viewer:
    """Agent and moderator."""
    return make.actor("Dev", "agent", "moderator")


@pytest.fixture
def at_once(context: Flask) -> Callable[..., list[Any]]:
    """Runs calls side by side, each in a write transaction of its own; a refusal is its call's outcome."""

    def run_all(*calls: Callable[[], Any]) -> list[Any]:
        db.session.rollback()
        gate = threading.Barrier(len(calls))

        def run(call: Callable[[], Any]) -> Any:
            with context.app_context():
                gate.wait(timeout=30)
                try:
                    with writing():
                        return call()
                except ProductError as problem:
                    return problem

        with ThreadPoolExecutor(len(calls)) as pool:
            outcomes = list(pool.map(run, calls))
        db.session.expire_all()
        return outcomes

    return run_all
