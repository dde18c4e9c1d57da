"""The index of parts of words: made alike by both ways of making tables, kept true by the database itself."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from app import create_app
from core import schema
from core.db import db, dispose, writing
from listening.models import WORDS, Mention
from tests import make


def found(part: str) -> list[str]:
    statement = sa.select(Mention.author_name).where(WORDS.holds(part)).order_by(Mention.id)
    return list(db.session.execute(statement).scalars())


@pytest.fixture
def posts(context) -> None:
    make.mention("Mein Gerät zeigt 100% an", author_name="Ines")
    make.mention("It says it's “full_up”", title="Cold lamp", author_name="Olaf")
    make.mention("设备无法启动", author_name="李雷")


@pytest.mark.both
@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("gerät", ["Ines"]),
        ("GERÄT", ["Ines"]),
        ("erä", ["Ines"]),
        ("100%", ["Ines"]),
        ("0%0", []),
        ("full_", ["Olaf"]),
        ("full-", []),
        ("it's", ["Olaf"]),
        ('"full', []),
        ("“full_up”", ["Olaf"]),
        ("LAMP", ["Olaf"]),
        ("olaf", ["Olaf"]),
        ("无法启", ["李雷"]),
        ("李雷", ["李雷"]),
        ("an", ["Ines"]),
        ("NEAR(", []),
        ("a AND b", []),
        ("*", []),
        ('"', []),
        ("\\", []),
    ],
)
def test_parts_of_words_are_found_in_every_column_and_nothing_is_a_command(posts, part, names):
    assert found(part) == names


@pytest.mark.both
def test_what_is_changed_or_deleted_is_not_found_any_more(context):
    mention = make.mention("It squeaks", author_name="Ines")
    with writing():
        db.session.execute(sa.update(Mention).where(Mention.id == mention.id).values(text="It hums"))
    assert (found("squeak"), found("hums")) == ([], ["Ines"])
    with writing():
        db.session.execute(sa.delete(Mention).where(Mention.id == mention.id))
    assert found("hums") == []


def plan(statement: sa.Select) -> str:
    text = statement.compile(db.engine, compile_kwargs={"literal_binds": True})
    prefix = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    with db.engine.connect() as connection:
        if db.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        return str(connection.exec_driver_sql(prefix + str(text).replace("%", "%%")).all())


@pytest.mark.both
def test_the_index_is_used(posts):
    asked = plan(sa.select(Mention.id).where(WORDS.holds("squeak")))
    assert "search_mention" in asked
    assert "SCAN mention" not in asked


def made(folder: Path, name: str, way) -> set[str]:
    """What the database holds for the index, with blanks evened out."""
    app = create_app({"VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder / name}", "DEMO": "0"})
    with app.app_context():
        way()
        held = sa.text("SELECT sql FROM sqlite_master WHERE name LIKE 'search_mention%' AND sql IS NOT NULL")
        with db.engine.connect() as connection:
            sql = {" ".join(row.sql.split()) for row in connection.execute(held)}
        dispose()
    return sql


@pytest.mark.slow
def test_migrations_make_the_same_index_as_the_models(tmp_path: Path):
    assert made(tmp_path, "a.db", schema.bring_up) == made(tmp_path, "b.db", schema.create_directly)


@pytest.mark.slow
def test_posts_that_were_there_before_the_index_are_found(tmp_path: Path):
    address = f"sqlite:///{tmp_path / 'old.db'}"
    app = create_app({"VAR_DIR": str(tmp_path), "DATABASE_URL": address, "DEMO": "0", "LOG_LEVEL": "ERROR"})
    with app.app_context():
        schema.bring_up()
        make.mention("It squeaks", author_name="Ines")
        schema.take_down("0001")
        schema.bring_up()
        assert found("squeak") == ["Ines"]
        dispose()
