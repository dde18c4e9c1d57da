"""The commands of the terminal: backup, restore, the first-run token, dead letters."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

import cli
from core import outbox, worker
from core.db import db, writing
from core.outbox import DeliveryRow
from forum.models import Thread
from people.models import Person


@pytest.fixture
def command(environ, monkeypatch):
    """`command("backup", path)`: run as from a terminal, in an app of its own over the same data."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object, typed: str = "") -> Result:
        db.session.rollback()
        result = CliRunner().invoke(cli.main, [str(a) for a in arguments], input=typed)
        db.session.rollback()
        db.session.expire_all()
        return result

    return run


def test_a_backup_is_written_and_restored(house, command, tmp_path: Path):
    target = tmp_path / "community.tar.gz"
    result = command("backup", target)
    assert result.exit_code == 0, result.output
    assert f"Backup written to {target}" in result.output
    with writing():
        db.session.execute(sa.update(Thread).values(title="Overwritten"))
    result = command("restore", target, typed="y\n")
    assert result.exit_code == 0, result.output
    assert "Restored the community of" in result.output
    assert db.session.execute(sa.select(Thread.title)).scalar_one() == "How do I export?"


def test_a_restore_asks_first_and_no_leaves_everything(house, command, tmp_path: Path):
    target = tmp_path / "community.tar.gz"
    command("backup", target)
    with writing():
        db.session.execute(sa.update(Thread).values(title="Newer words"))
    result = command("restore", target, typed="n\n")
    assert result.exit_code == 1
    assert db.session.execute(sa.select(Thread.title)).scalar_one() == "Newer words"


def test_a_damaged_archive_is_told_of_in_one_line(house, command, tmp_path: Path):
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"this is no archive")
    result = command("restore", broken, "--yes")
    assert result.exit_code == 1
    assert "is not a complete backup" in result.output
    assert "Traceback" not in result.output


def test_a_restore_fills_an_empty_machine(house, command, tmp_path: Path, monkeypatch):
    target = tmp_path / "community.tar.gz"
    command("backup", target)
    there = tmp_path / "elsewhere"
    monkeypatch.setenv("VAR_DIR", str(there))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{there / 'fullcircle.db'}")
    result = command("restore", target, "--yes")
    assert result.exit_code == 0, result.output
    assert (there / "fullcircle.db").stat().st_size > 10_000


def test_the_first_run_address_opens_the_page_that_makes_the_owner(context, command, client):
    result = command("setup-token")
    assert result.exit_code == 0, result.output
    path = re.search(r"http://localhost(/setup\?token=\S+)", result.output)[1]
    assert client.get(path).status_code == 200


def test_there_is_no_first_run_address_once_somebody_owns_the_house(house, command):
    result = command("setup-token")
    assert result.exit_code == 1
    assert "has an owner already" in result.output


@pytest.fixture
def dead(house) -> None:
    worker.drain()
    with writing():
        values = {"state": outbox.DEAD, "error": "Traceback\nValueError: no such thing"}
        chosen = sa.select(sa.func.min(DeliveryRow.id)).scalar_subquery()
        db.session.execute(sa.update(DeliveryRow).where(DeliveryRow.id == chosen).values(**values))


@pytest.mark.slow
def test_dead_letters_are_shown_and_replayed(dead, command):
    result = command("replay", "--yes")
    assert "ValueError: no such thing" in result.output
    assert "1 will be tried again." in result.output
    assert outbox.dead_letters() == []


@pytest.mark.slow
def test_dead_letters_stay_when_the_answer_is_no(dead, command):
    assert command("replay", typed="n\n").exit_code == 0
    assert len(outbox.dead_letters()) == 1


def test_the_demo_is_refused_where_people_are(house, command):
    result = command("seed")
    assert result.exit_code == 1
    assert "only for an empty one" in result.output
    assert db.session.execute(sa.select(sa.func.count()).select_from(Person)).scalar_one() == 6
