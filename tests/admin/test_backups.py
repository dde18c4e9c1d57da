"""Backup and restore: everything comes back as it was, while others write, and a bad archive changes nothing."""

import hashlib
import io
import json
import os
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from admin import backups
from admin.backups import BackupError, Manifest
from core import files
from core.config import settings
from core.db import db, writing
from core.site import set_site, site
from core.text import render
from forum import actions as forum
from forum.models import Post, Thread
from tests import make


def quiet(_words: str) -> None:
    """Progress that nobody reads."""


def add_thread(house, title: str) -> None:
    room = db.session.execute(sa.select(Thread.category_id).limit(1)).scalar_one()
    with writing():
        forum.start_thread(house.ana, category_id=room, title=title, body=render("Words."))


def titles() -> set[str]:
    db.session.rollback()
    return set(db.session.execute(sa.select(Thread.title)).scalars())


@pytest.fixture
def logo(house) -> str:
    """A stored file that a row holds."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG")
    with writing():
        key = files.put(data.getvalue(), "image/png")
        set_site(house.olu, logo_key=key)
    return key


@pytest.fixture
def archive(house, logo, tmp_path: Path) -> Path:
    """A backup of the house with its logo."""
    path = tmp_path / "backups" / "community.tar.gz"
    backups.write(path, quiet)
    return path


@pytest.mark.slow
@pytest.mark.both
def test_what_was_backed_up_comes_back_and_what_came_later_goes(house, logo, archive):
    before = backups.table_counts()
    add_thread(house, "Written after the backup")
    with writing():
        set_site(house.olu, logo_key="")
    files.delete(logo)
    said = backups.read(archive, quiet)
    assert "with 1 files" in said
    assert backups.table_counts() == before
    assert titles() == {"How do I export?"}
    assert files.exists(logo)
    assert site().logo_key == logo


@pytest.mark.both
def test_a_restored_community_takes_new_posts(house, archive):
    backups.read(archive, quiet)
    add_thread(house, "Written after the restore")
    assert "Written after the restore" in titles()


@pytest.mark.both
def test_a_backup_while_others_write_is_one_moment(house, app, tmp_path):
    """Each write is a thread with its opening post: a backup that saw half of one would count differently."""
    stop = threading.Event()
    written: list[int] = []

    def write_on() -> None:
        with app.app_context():
            while not stop.is_set() and len(written) < 200:
                add_thread(house, f"Thread number {len(written)}")
                written.append(1)

    writer = threading.Thread(target=write_on)
    writer.start()
    while len(written) < 3:
        writer.join(0.01)
    path = tmp_path / "community.tar.gz"
    backups.write(path, quiet)
    stop.set()
    writer.join()
    db.session.rollback()
    backups.read(path, quiet)
    counts = backups.table_counts()
    assert 4 <= counts["thread"] <= len(written) + 1
    openings = db.session.execute(sa.select(sa.func.count()).where(Post.position == 1)).scalar_one()
    assert openings == counts["thread"]


def test_a_restore_reaches_a_process_that_has_the_database_open(house, archive):
    add_thread(house, "Written after the backup")
    other = sqlite3.connect(db.engine.url.database)
    assert other.execute("SELECT count(*) FROM thread").fetchone() == (2,)
    backups.read(archive, quiet)
    assert other.execute("SELECT count(*) FROM thread").fetchone() == (1,)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_an_archive_is_for_its_owner_alone_and_an_interrupted_one_leaves_nothing(house, archive, monkeypatch):
    assert stat.S_IMODE(os.stat(archive).st_mode) == 0o600

    def breaks(*_parts: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(backups, "_pack", breaks)
    with pytest.raises(KeyboardInterrupt):
        backups.write(archive.with_name("second.tar.gz"), quiet)
    assert [p.name for p in archive.parent.iterdir()] == [archive.name]


def test_links_and_sessions_go_on_working_where_the_secret_was_the_installations_own(house, archive):
    own = settings().var_dir / "secret_key"
    own.write_text(settings().secret_key)
    archive_secret(archive, "the-secret-of-the-archive")
    backups.read(archive, quiet)
    assert own.read_text() == "the-secret-of-the-archive"
    assert stat.S_IMODE(own.stat().st_mode) == 0o600


# --- archives that are refused before anything is touched ---

Change = Callable[[dict[str, bytes]], None]


def repacked(archive: Path, change: Change) -> None:
    """The archive with some of its members changed."""
    with tarfile.open(archive, "r:gz") as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
    change(members)
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def in_manifest(**values: object) -> Change:
    def change(members: dict[str, bytes]) -> None:
        members[backups.MANIFEST] = json.dumps({**json.loads(members[backups.MANIFEST]), **values}).encode()

    return change


def archive_secret(archive: Path, secret: str) -> None:
    repacked(archive, in_manifest(secret_key=secret))


def without(name: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        del members[next(m for m in members if m.startswith(name))]

    return change


def with_bytes(name: str, data: bytes) -> Change:
    def change(members: dict[str, bytes]) -> None:
        members[next(m for m in members if m.startswith(name))] = data

    return change


def with_another_file(members: dict[str, bytes]) -> None:
    members["files/" + "0" * 64 + ".png"] = b"not what its name says"


def with_a_way_out(members: dict[str, bytes]) -> None:
    members["../escaped"] = b"x"


REFUSED = {
    "no manifest": without(backups.MANIFEST),
    "no database": without("database"),
    "a damaged database": with_bytes("database", b"SQLite format 3\x00 and then nothing"),
    "a damaged file": with_bytes("files/", b"other bytes"),
    "a missing file": without("files/"),
    "a file too many": with_another_file,
    "a member that leads away": with_a_way_out,
    "a newer format": in_manifest(format=99),
    "a newer revision": in_manifest(revision=["ffffffffffff"]),
    "the other database": in_manifest(database="database.pgdump"),
    "a manifest of another shape": with_bytes(backups.MANIFEST, b"[1, 2]"),
}


@pytest.mark.slow
@pytest.mark.parametrize("why", REFUSED)
def test_a_bad_archive_is_refused_before_anything_is_touched(house, archive, why, tmp_path):
    add_thread(house, "Written after the backup")
    repacked(archive, REFUSED[why])
    before = backups.table_counts()
    with pytest.raises(BackupError):
        backups.read(archive, quiet)
    assert backups.table_counts() == before
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_off_archive_is_refused(house, archive, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BackupError):
        backups.read(archive, quiet)
    assert titles() == {"How do I export?"}


def test_an_archive_with_flipped_bytes_is_refused(house, archive):
    data = bytearray(archive.read_bytes())
    for place in range(len(data) // 3, len(data) - 200, max(1, len(data) // 20)):
        data[place] ^= 0xFF
    archive.write_bytes(bytes(data))
    with pytest.raises(BackupError):
        backups.read(archive, quiet)


def test_a_database_whose_pages_are_broken_is_refused_even_when_its_checksum_fits(house, archive):
    def breaks(members: dict[str, bytes]) -> None:
        whole = bytearray(members["database.sqlite"])
        whole[4096:12288] = os.urandom(8192)
        members["database.sqlite"] = bytes(whole)
        in_manifest(sha256=hashlib.sha256(whole).hexdigest())(members)

    repacked(archive, breaks)
    with pytest.raises(BackupError, match="damaged"):
        backups.read(archive, quiet)
    assert titles() == {"How do I export?"}


def test_a_manifest_tells_what_is_in_the_archive(house, archive):
    with tarfile.open(archive, "r:gz") as tar:
        manifest = Manifest.model_validate_json(tar.extractfile(backups.MANIFEST).read())
    assert (manifest.format, manifest.database, manifest.files) == (1, "database.sqlite", 1)


@pytest.mark.scale
def test_no_password_stands_in_the_arguments_of_the_programs(house):
    seen = {}

    def run(command, **more):
        seen["command"], seen["environ"] = command, more["env"]

    class Engine:
        url = db.engine.url.set(password="hunter2", host="db.example")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(db), "engine", Engine())
        patch.setattr(backups.subprocess, "run", run)
        backups._dump_postgres(Path("/nowhere/database.pgdump"))
    assert "hunter2" not in " ".join(seen["command"])
    assert seen["environ"]["PGPASSWORD"] == "hunter2"


def test_a_missing_program_is_named(context, monkeypatch):
    monkeypatch.setattr(backups.shutil, "which", lambda _name: None)
    monkeypatch.setattr(backups, "PLACES", ())
    with pytest.raises(BackupError, match="pg_dump is not installed"):
        backups._find("pg_dump")


def test_somebody_made_after_the_backup_is_gone_after_the_restore(house, archive):
    late = make.person("Late")
    backups.read(archive, quiet)
    assert backups.table_counts()["person"] == 6
    assert late.handle not in {row.handle for row in db.session.execute(sa.text("SELECT handle FROM person"))}
