"""Fixtures of all tests: a fresh app for every test, at home or at scale, and the real services beneath."""

import contextvars
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
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
from tests import counting, services
from tests.community import Community
from tests.grounds import DATABASE, Ground, SweptGround, clear
from tests.lasting import LastingApp, let_go
from tests.running import Running

HOME: Final = "home"
SCALE: Final = "scale"
SETTINGS: Final = {
    "SITE_URL": "http://localhost",
    "SECRET_KEY": "known-to-the-tests-only",
    "DEMO": "0",
    "RATE_LIMITS": "0",
    "LOG_LEVEL": "ERROR",
}
FAILED: Final = pytest.StashKey[bool]()
_numbers = count(1)

# The same examples on every machine and in any order, fewer in a hurry; a busy machine is not a failure.
hypothesis.settings.register_profile(
    "fullcircle",
    deadline=None,
    derandomize=True,
    max_examples=15 if os.environ.get("FAST") == "1" else 60,
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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The tests' folders are in memory where there is room, so that nobody waits for a disk; garbage can wait too."""
    gc.set_threshold(100_000, 50, 100)
    place = services.in_memory()
    if place is None or config.option.basetemp or hasattr(config, "workerinput"):
        return
    for left in place.glob("fullcircle-tests-*"):
        if not Path(f"/proc/{left.name.rpartition('-')[2]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    config.option.basetemp = str(place / f"fullcircle-tests-{os.getpid()}")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """What a failed test left in memory can be looked at until the next run begins."""
    ours = Path(config.option.basetemp or "")
    if ours.name == f"fullcircle-tests-{os.getpid()}" and not config.stash.get(FAILED, False):
        shutil.rmtree(ours, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember whether anything failed."""
    session.config.stash[FAILED] = bool(exitstatus)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector of garbage need not walk through it after every few objects."""
    gc.collect()
    gc.freeze()


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
    let_go(app)


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
    found = {"VAR_DIR": str(tmp_path / "var"), **SETTINGS}
    if backend == SCALE:
        found["DATABASE_URL"] = request.getfixturevalue("postgres_database")
        found["REDIS_URL"] = request.getfixturevalue("redis_url")
    else:
        found["DATABASE_URL"] = request.getfixturevalue("sqlite_database")
    return found | _marked_settings(request)


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
def compiled_templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> jinja2.BytecodeCache:
    """Templates are compiled once, whatever the number of apps, processes and runs; each is checked by its source."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)  # may be switched off
    folder = cache.mkdir("templates") if cache else tmp_path_factory.mktemp("templates")
    return jinja2.FileSystemBytecodeCache(str(folder))


@pytest.fixture(scope="session")
def home_ground(home_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Where the apps that last stand at home."""
    folder = tmp_path_factory.mktemp("home")
    environ = {"VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder / DATABASE}", **SETTINGS}
    return SweptGround(environ, folder, home_template)


@pytest.fixture(scope="session")
def scale_ground(
    postgres: services.Postgres,
    redis_server: services.Redis,
    scale_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ground:
    """Where the apps that last stand at scale."""
    folder = tmp_path_factory.mktemp("scale")
    environ = {
        "VAR_DIR": str(folder),
        "DATABASE_URL": postgres.url("lasting"),
        "REDIS_URL": redis_server.url,
        **SETTINGS,
    }

    def lay() -> None:
        clear(folder)
        postgres.drop("lasting")
        postgres.create("lasting", template=scale_template)
        redis_server.clear()

    return Ground(environ, lay)


@pytest.fixture(scope="session")
def lasting_apps() -> dict[tuple[str, ...], LastingApp]:
    """The apps that last, by the settings they were made with."""
    return {}


def _marked_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for marker in reversed(list(request.node.iter_markers("settings"))):
        found |= {name: str(value) for name, value in marker.kwargs.items()}
    return found


def _made(environ: dict[str, str], templates: jinja2.BytecodeCache) -> Flask:
    made = create_app(environ)
    made.testing = True
    made.test_client_class = Visitor
    made.jinja_env.bytecode_cache = templates
    return made


@pytest.fixture
def app(
    request: pytest.FixtureRequest,
    backend: str,
    compiled_templates: jinja2.BytecodeCache,
    lasting_apps: dict[tuple[str, ...], LastingApp],
) -> Iterator[Flask]:
    """The whole application over an empty database. No context is open.

    Tests with the same settings share it in turn; one that asks for `environ` or is marked `own_app` has its own.
    """
    if "environ" in request.fixturenames or request.node.get_closest_marker("own_app"):
        own = _made(request.getfixturevalue("environ"), compiled_templates)
        yield own
        let_go(own)
        return
    ground: Ground = request.getfixturevalue(f"{backend}_ground")
    ground.empty()
    settings = _marked_settings(request)
    key = (backend, *map(str, sorted(settings.items())))
    if key not in lasting_apps:
        lasting_apps[key] = LastingApp(_made(ground.environ | settings, compiled_templates), ground)
    yield lasting_apps[key].fresh()
    lasting_apps[key].rest()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The app with its context open, for tests that call actions and queries without a request."""
    with app.app_context():
        yield app
        db.session.rollback()


@pytest.fixture
def statements(context: Flask) -> Callable[[], AbstractContextManager[counting.Counted]]:
    """Counts what is asked of the database inside `with statements() as counted`."""
    return counting.statements


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


@pytest.fixture
def running(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """The real program, started in a process of its own over the same data as `app`."""
    program = Running(environ, tmp_path)
    program.start()
    yield program
    program.stop()


@pytest.fixture(scope="session")
def community(home_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """The real program at home, running as long as this test process; each test brings people of its own."""
    folder = tmp_path_factory.mktemp("community")
    shutil.copy(home_template, folder / "fullcircle.db")
    settings = {name: value for name, value in SETTINGS.items() if name != "SITE_URL"}
    program = Running(settings | {"VAR_DIR": str(folder), "LOG_LEVEL": "WARNING"}, folder)
    app = create_app(program.environ)
    program.start()
    yield Community(program, app)
    program.kill()
    let_go(app)


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
