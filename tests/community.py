"""A community that runs for real while the tests of one process look at it in a browser, each with its own people."""

import time
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core import outbox
from core.db import db
from core.viewer import Viewer
from tests import make
from tests.running import Running
from tests.services import READY_WITHIN


class Community:
    """The running program, and `app` in this process over the same data, to write down what a test begins with."""

    def __init__(self, program: Running, app: Flask) -> None:
        self.program, self.app = program, app
        self.url = program.url

    def sign_in(self, page: Any, person: Viewer) -> None:
        """Give the page (Playwright's) a session of this person, without the time a password takes."""
        with self.app.app_context():
            cookie = make.client_of(person).get_cookie("session")
        assert cookie is not None
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.url}])

    def settle(self) -> None:
        """Return when the program has done what follows from everything written so far."""
        open_receipts = (
            sa.select(outbox.DeliveryRow.id).where(outbox.DeliveryRow.state < outbox.DONE).limit(1)
        )
        deadline = time.monotonic() + READY_WITHIN
        with self.app.app_context():
            while db.session.execute(open_receipts).first():
                assert time.monotonic() < deadline, self.program.wrote()
                db.session.rollback()
                time.sleep(0.05)
