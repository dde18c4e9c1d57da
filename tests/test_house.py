"""The house keeps its rules: the edge, policies first, floors and rooms, one history, templates that compile."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from importlinter.cli import lint_imports

from app import create_app
from core import schema
from core.db import Model, db, dispose
from core.outbox import Event

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("core", "people", "forum", "ideation", "listening", "reputation", "notices", "admin")


def sources(*names: str) -> Iterator[Path]:
    for name in names or FLOORS:
        yield from sorted((ROOT / name).rglob("*.py"))


def test_only_the_edge_commits():
    guilty = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*sources(), ROOT / "app.py", ROOT / "cli.py"]
        if path != ROOT / "core" / "db.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\bsession(\(\))?\.commit\(", line)
    ]
    assert guilty == []


# --- every action asks its rule first ---


def action_files() -> Iterator[Path]:
    for path in sources(*FLOORS[1:]):
        if path.stem == "actions" or "actions" in path.parent.parts:
            yield path


def doors() -> dict[Path, set[str]]:
    """Of a package of actions only what it offers to others counts: the rest is its own machinery."""
    found = {}
    for path in action_files():
        if path.stem == "__init__":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found[path.parent] = {
                alias.asname or alias.name
                for n in tree.body
                if isinstance(n, ast.ImportFrom)
                for alias in n.names
            }
    return found


def is_offered(path: Path, name: str, offered: dict[Path, set[str]]) -> bool:
    return not name.startswith("_") and (path.stem == "actions" or name in offered.get(path.parent, {name}))


def calls_in(node: ast.AST) -> set[str]:
    names = set()
    for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
        target = call.func
        names.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def asks_first(function: ast.FunctionDef, askers: set[str]) -> bool:
    """`require(...)`, or an action that does, comes before anything is written."""
    for statement in function.body:
        called = calls_in(statement)
        if called & (askers | {"require"}):
            return True
        if called & {"add", "add_all", "insert", "update", "delete", "record", "insert_ignore", "upsert"}:
            return False
    return False


def test_every_action_asks_its_rule_first():
    functions: dict[str, list[tuple[str, ast.FunctionDef]]] = {}
    offered = doors()
    for path in action_files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and is_offered(path, node.name, offered):
                functions.setdefault(node.name, []).append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    assert functions, "no actions found"
    askers: set[str] = set()
    for _ in range(4):
        askers |= {
            name for name, found in functions.items() if all(asks_first(node, askers) for _, node in found)
        }
    silent = [
        f"{where} {node.name}"
        for name, found in functions.items()
        if name not in askers
        for where, node in found
        if calls_in(node)
        & {"add", "add_all", "insert", "update", "delete", "record", "insert_ignore", "upsert"}
    ]
    assert silent == []


# --- contracts, templates, history ---


def test_floors_and_rooms_are_kept():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == 0


@pytest.mark.slow
def test_every_template_compiles(app: Flask):
    for name in app.jinja_env.list_templates(extensions=["html", "txt", "xml"]):
        app.jinja_env.get_template(name)


def test_templates_hold_no_inline_script_or_style():
    pattern = re.compile(r"<style|style=\"|\son[a-z]+=\"|<script(?![^>]*\bsrc=)|javascript:", re.IGNORECASE)
    guilty = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path in (ROOT / "templates").rglob("*.html")
        if "mail" not in path.relative_to(ROOT).parts
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
        if 'type="application/' not in path.read_text(encoding="utf-8")[match.start() : match.start() + 60]
    ]
    assert guilty == []


def test_there_is_one_line_of_history():
    assert len(schema.heads()) == 1


def is_ours(thing: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Search tables belong to their adapter."""
    return not (kind in {"table", "index"} and (name or "").replace("ix_", "").startswith("search_"))


def differences(app: Flask) -> list[object]:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "include_object": is_ours, "target_metadata": Model.metadata},
        )
        return compare_metadata(context, Model.metadata)


def walk_history(url: str, folder: Path) -> None:
    app = create_app({"VAR_DIR": str(folder), "DATABASE_URL": url, "DEMO": "0", "LOG_LEVEL": "ERROR"})
    with app.app_context():
        schema.bring_up()
        assert schema.is_current()
    assert differences(app) == []
    with app.app_context():
        schema.take_down()
        names = set(sa.inspect(db.engine).get_table_names())
        assert names <= {"alembic_version"} | {n for n in names if n.startswith("search_")}
        schema.bring_up()
    assert differences(app) == []
    with app.app_context():
        dispose()


@pytest.mark.slow
def test_migrations_go_up_down_up_and_match_the_models_on_sqlite(tmp_path: Path):
    walk_history(f"sqlite:///{tmp_path / 'history.db'}", tmp_path)


@pytest.mark.scale
def test_migrations_go_up_down_up_and_match_the_models_on_postgresql(postgres, tmp_path: Path):
    walk_history(postgres.create("history"), tmp_path)


# --- every POST route as nobody ---

OPEN_TO_NOBODY = {
    "people.signing_in",
    "people.sign_out",
    "people.registering",
    "people.confirming",
    "people.resending",
    "people.asking_reset",
    "people.resetting",
    "people.changing_address",
    "people.accepting",
    "people.setting_up",
    "people.saving_theme",
    "people.saving_language",
    "notices.unsubscribe",
    "listening.stop_contact",
}
SIGNED_BY_SENDER = {"listening.receive_hook", "notices.unsubscribe"}


def post_routes(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        if rule.methods and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}:
            values = {name: ("1" if "id" in name else "x") for name in rule.arguments}
            with app.test_request_context():
                method = sorted(rule.methods & {"POST", "PUT", "PATCH", "DELETE"})[0]
                url = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
            yield rule.endpoint, f"{method} {url}"


@pytest.mark.slow
def test_nobody_can_change_anything(app: Flask, client):
    app.config["WTF_CSRF_ENABLED"] = False
    for endpoint, route in post_routes(app):
        method, url = route.split(" ", 1)
        response = client.open(url, method=method, data={"title": "x", "body": "x", "value": "1"})
        if endpoint in OPEN_TO_NOBODY:
            assert response.status_code < 500, route
            continue
        turned_away = response.status_code in {400, 401, 403, 404, 409, 410, 422}
        sent_to_sign_in = response.status_code in {302, 303} and "/sign-in" in response.headers["Location"]
        assert turned_away or sent_to_sign_in, f"{route} ({endpoint}) answered {response.status_code}"
    with app.app_context():
        assert db.session.execute(sa.select(sa.func.count()).select_from(Event)).scalar() == 0


@pytest.mark.slow
def test_every_form_needs_its_token(app: Flask, client):
    for endpoint, route in post_routes(app):
        method, url = route.split(" ", 1)
        if endpoint in SIGNED_BY_SENDER:
            continue
        assert client.open(url, method=method, data={}).status_code in {400, 401, 405}, (
            f"{route} ({endpoint})"
        )
