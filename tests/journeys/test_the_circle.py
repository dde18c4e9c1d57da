"""An outside post becomes a thread, an idea, a release, and a notice to everybody who asked; whatever breaks."""

import itertools
from pathlib import Path

import pytest

from app import create_app
from core.db import db, dispose
from tests.fakes.channel import Channel
from tests.journeys.circle import Circle
from tests.running import Running


@pytest.fixture
def circle(environ, browser, tmp_path: Path):
    settings = {key: value for key, value in environ.items() if key != "SITE_URL"}
    settings |= {"ALLOW_PRIVATE_FETCH": "1", "LOG_LEVEL": "WARNING"}
    made = create_app(settings)
    with made.app_context():
        Circle.people()
        db.session.remove()
        dispose()
    site = Running(settings, tmp_path)
    with Channel() as channel:
        site.start()
        yield Circle(site, channel, browser)
        site.kill()


@pytest.mark.browser
@pytest.mark.both
def test_the_circle_turns_once_and_everybody_who_asked_is_told_once(circle, environ):
    for step in circle.steps():
        step()
    circle.check(Path(environ["VAR_DIR"]) / "mail")


@pytest.mark.browser
@pytest.mark.both
def test_pulling_the_plug_after_every_step_loses_nothing_and_tells_nobody_twice(circle, environ):
    """At scale the pages, the jobs, and both by turns."""
    victims = itertools.cycle([circle.site.commands, *zip(circle.site.commands)])
    for step, commands in zip(circle.steps(), victims, strict=False):
        step()
        circle.site.kill(*commands)
        circle.site.start()
    circle.check(Path(environ["VAR_DIR"]) / "mail")
