"""Fixtures of all tests: a fresh app for every test, at home or at scale, and the real services beneath."""

import contextvars
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import argon2
import hypothesis
import jinja2
import pytest
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app import create_app
from core import db as edge
from core import schema
from core.db import db
from people import passwords
from tests import services
from tests.running import Running

HOME: Final = "home"
SCALE: Final = "scale"
_numbers = count(1)

# The same examples on every machine and in any order; a busy machine is not a failure.
hypothesis.settings.register_profile(
    "fullcircle",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("fullcircle")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `both` runs once at home and once at scale."""
    if metafunc.definition.get_closest_marker("both"):
        if "backend" not in metafunc.fixturenames:
            metafunc.fixturenames.append("backend")
        cases = [pytest.param(HOME), pytest.param(SCALE, marks=pytest.mark.scale)]
        metafunc.parametrize("backend", cases)


# --- services: a missing one is an error that says what to install, never a skipped test ---


@pytest.fixture(scope="session")
def postgres() -> Iterator[services.Postgres]:
    """A PostgreSQL cluster of this test process."""
    server = services.start_postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: services.Postgres) -> str:
    """Address of an empty database in it, shared by the tests of this process."""
    return postgres.create("shared")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[services.Redis]:
    """A Redis server of this test process."""
    server = services.start_redis()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: services.Redis) -> str:
    """Address of that Redis, emptied for this test."""
    redis_server.clear()
    return redis_server.url


# --- databases: made once for each test process, then copied ---


@pytest.fixture(scope="session")
def home_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables."""
    folder = tmp_path_factory.mktemp("template")
    _make_tables({"VAR_DIR": str(folder)})
    return folder / "fullcircle.db"


@pytest.fixture(scope="session")
def scale_template(postgres: services.Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a PostgreSQL database with all tables."""
    name = "template_empty"
    url = postgres.create(name)
    _make_tables({"VAR_DIR": str(tmp_path_factory.mktemp("template")), "DATABASE_URL": url})
    return name


def _make_tables(environ: dict[str, str]) -> None:
    app = create_app(environ)
    with app.app_context():
        schema.create_directly()
        schema.stamp()
    _let_go(app)


@pytest.fixture
def postgres_database(postgres: services.Postgres, scale_template: str) -> Iterator[str]:
    """Address of an empty PostgreSQL database of this test alone."""
    name = f"test_{next(_numbers)}"
    yield postgres.create(name, template=scale_template)
    postgres.drop(name)


@pytest.fixture
def sqlite_database(home_template: Path, tmp_path: Path) -> str:
    """Address of an empty SQLite database of this test alone."""
    folder = tmp_path / "var"
    folder.mkdir(exist_ok=True)
    shutil.copy(home_template, folder / "fullcircle.db")
    return f"sqlite:///{folder / 'fullcircle.db'}"


# --- the app ---


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """`home`, or `scale` for a test marked so; one marked `both` runs on each."""
    return SCALE if request.node.get_closest_marker("scale") else HOME


@pytest.fixture
def environ(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> dict[str, str]:
    """What the app is set up from; `@pytest.mark.settings(RATE_LIMITS="1")` changes it for one test."""
    found = {
        "VAR_DIR": str(tmp_path / "var"),
        "SITE_URL": "http://localhost",
        "SECRET_KEY": "known-to-the-tests-only",
        "DEMO": "0",
        "RATE_LIMITS": "0",
        "LOG_LEVEL": "ERROR",
    }
    if backend == SCALE:
        found["DATABASE_URL"] = request.getfixturevalue("postgres_database")
        found["REDIS_URL"] = request.getfixturevalue("redis_url")
    else:
        found["DATABASE_URL"] = request.getfixturevalue("sqlite_database")
    for marker in reversed(list(request.node.iter_markers("settings"))):
        found |= {name: str(value) for name, value in marker.kwargs.items()}
    return found


@pytest.fixture(scope="session", autouse=True)
def _routes_are_compiled_once() -> Iterator[None]:
    """Every test has its own app with the same routes: compiling them anew would take 0.15 s of each."""
    known: dict[tuple[object, ...], Rule] = {}
    compile_anew = Rule.compile

    def compile_once(rule: Rule) -> None:
        key = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, repr(rule.defaults))
        twin = known.get(key)
        if twin is None:
            compile_anew(rule)
            known[key] = rule
            return
        rule._parts, rule._trace, rule._converters = twin._parts, twin._trace, twin._converters
        rule.arguments = set(twin.arguments)
        rule._build = twin._build.__func__.__get__(rule)
        rule._build_unknown = twin._build_unknown.__func__.__get__(rule)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", compile_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_hashed_cheaply() -> Iterator[None]:
    """Argon2id as in the product, without the memory and time it takes on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1))
        yield


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> jinja2.BytecodeCache:
    """Templates are compiled once for each test process, although every test has its own app."""
    return jinja2.FileSystemBytecodeCache(str(tmp_path_factory.mktemp("jinja")))


@pytest.fixture
def app(environ: dict[str, str], compiled_templates: jinja2.BytecodeCache) -> Iterator[Flask]:
    """The whole application over an empty database of its own. No context is open."""
    made = create_app(environ)
    made.testing = True
    made.test_client_class = Visitor
    made.jinja_env.bytecode_cache = compiled_templates
    yield made
    _let_go(made)


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The app with its context open, for tests that call actions and queries without a request."""
    with app.app_context():
        yield app
        db.session.rollback()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser-like client with its own cookies; `app.test_client()` makes another one."""
    return app.test_client()


class Visitor(FlaskClient):
    """A client whose requests share nothing with the test's own context, as if they came from outside."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request; afterwards what the test reads is read afresh."""
        response = contextvars.Context().run(super().open, *args, **kwargs)
        if has_app_context() and not edge.is_writing():
            db.session.rollback()
            db.session.expire_all()  # a rollback outside of a transaction forgets nothing
        return response


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Takes the place of pytest-flask's: a request context open all the time would hide our mistakes."""


def _let_go(app: Flask) -> None:
    """Close what the app holds open, so that its database can be dropped."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def running(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """The real program, started in a process of its own over the same data as `app`."""
    program = Running(environ, tmp_path)
    program.start()
    yield program
    program.stop()


# --- the browser ---


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    return services.find_chromium()


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Any]:
    """A running Chromium (Playwright's Browser) for the tests of one module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(chromium), args=[*services.CHROMIUM_ARGS])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a profile of its own (Playwright's Page). A script error or CSP violation fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="UTC")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if _is_violation(message) else None)
    yield page
    context.close()
    assert not complaints, complaints


def _is_violation(message: Any) -> bool:
    return message.type == "error" and "Content Security Policy" in message.text
