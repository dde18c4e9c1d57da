"""Backup and restore of a running community: one archive with the database, the files, and what they need to be read.

SQLite is copied by its own online backup, which sees one moment however busy the site is; PostgreSQL by `pg_dump`
in one snapshot. Files are content-addressed and never change, so copying them after the database misses nothing.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import sqlalchemy as sa

from core import clock, schema
from core.config import settings
from core.db import db, dialect
from core.files import exists, get, put
from core.files.keys import is_key, type_of
from core.site import site
from forum.models import Attachment
from people.models import Person

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
Say = Callable[[str], None]


class BackupError(click.ClickException):
    """The archive cannot be written or read; the message says why and what to do."""


def write(target: Path, say: Say) -> str:
    """Write the archive (gzipped tar) and give a line about it. An interrupted backup leaves no file of that name."""
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        room = Path(folder)
        say("Copying the database ...")
        database = _dump(room)
        keys = _keys()
        say(f"Copying {len(keys)} files ...")
        partial = room / "archive"
        _pack(partial, room, database, keys)
        os.chmod(partial, 0o600)
        os.replace(partial, target)
    return f"Backup written to {target} ({target.stat().st_size / 1_000_000:.1f} MB, {len(keys)} files)."


def _keys() -> list[str]:
    """Every file that a row holds."""
    attached = set(db.session.execute(sa.select(Attachment.key).distinct()).scalars())
    faces = set(
        db.session.execute(sa.select(Person.avatar_key).where(Person.avatar_key != "").distinct()).scalars()
    )
    return sorted(key for key in attached | faces | {site().logo_key} if key and exists(key))


def _dump(room: Path) -> Path:
    if dialect() == "sqlite":
        return _dump_sqlite(room / "database.sqlite")
    return _dump_postgres(room / "database.pgdump")


def _dump_sqlite(path: Path) -> Path:
    source = sqlite3.connect(f"file:{db.engine.url.database}?mode=ro", uri=True)
    copy = sqlite3.connect(path)
    try:
        source.backup(copy, pages=2000)
    finally:
        copy.close()
        source.close()
    return path


def _dump_postgres(path: Path) -> Path:
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}", _libpq_url()])
    return path


def _libpq_url() -> str:
    return db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BackupError(
            f"{command[0]} is not installed here: install PostgreSQL's client programs."
        ) from None
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{command[0]} failed: {error.stderr.strip()[-800:]}") from None


def _pack(archive: Path, room: Path, database: Path, keys: list[str]) -> None:
    manifest = {
        "format": FORMAT,
        "made_at": clock.now().isoformat(),
        "database": database.name,
        "sha256": _sha256(database),
        "revision": list(schema.heads()),
        "files": len(keys),
        "secret_key": settings().secret_key,  # signed links and sessions go on working after a restore
    }
    (room / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        tar.add(room / MANIFEST, MANIFEST)
        tar.add(database, database.name)
        for key in keys:
            _add_file(tar, key, room)


def _add_file(tar: tarfile.TarFile, key: str, room: Path) -> None:
    held = room / "held"
    held.write_bytes(get(key).data)
    tar.add(held, f"files/{key}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(source: Path, say: Say) -> str:
    """Replace database and files by an archive's. It is checked whole before anything here is touched."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        say("Checking the archive ...")
        manifest = _unpack(source, room)
        say("Replacing the database ...")
        _load(room / manifest["database"])
        _keep_secret(str(manifest["secret_key"]))
        restored = _restore_files(room / "files", say)
    schema.bring_up()
    made = datetime.fromisoformat(manifest["made_at"])
    when = f"{made:%Y-%m-%d %H:%M} UTC"
    return f"Restored the community of {when}, with {restored} files. Restart it; the search index rebuilds itself."


def _unpack(source: Path, room: Path) -> dict[str, Any]:
    """Everything out of the archive, nothing outside of `room`: the data filter refuses paths that lead away."""
    try:
        with tarfile.open(source, "r:gz") as tar:
            tar.extractall(room, filter="data")
        manifest: dict[str, Any] = json.loads((room / MANIFEST).read_text(encoding="utf-8"))
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise BackupError(f"{source} is not a complete backup: {error}") from None
    if manifest.get("format") != FORMAT:
        raise BackupError("This backup was made by another version whose format is not known here.")
    database = room / Path(str(manifest["database"])).name
    if not database.is_file() or _sha256(database) != manifest["sha256"]:
        raise BackupError("The database in this backup is damaged: its checksum differs.")
    if database.suffix != {"sqlite": ".sqlite"}.get(dialect(), ".pgdump"):
        raise BackupError(
            "This backup is of the other kind of database. Restore it where DATABASE_URL is of its kind."
        )
    return manifest


def _load(path: Path) -> None:
    db.session.remove()
    if dialect() == "sqlite":
        _load_sqlite(path)
    else:
        _run(
            [
                "pg_restore",
                "--clean",
                "--if-exists",
                "--no-owner",
                "--no-privileges",
                "--single-transaction",
                f"--dbname={_libpq_url()}",
                str(path),
            ]
        )
    db.engine.dispose()


def _load_sqlite(path: Path) -> None:
    """Write the copy over the live file through SQLite itself: running processes see it as one big transaction."""
    copy = sqlite3.connect(path)
    live = sqlite3.connect(str(db.engine.url.database), timeout=30)
    try:
        if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise BackupError("The database in this backup is damaged.")
        copy.backup(live)
    finally:
        live.close()
        copy.close()


def _keep_secret(secret: str) -> None:
    if os.environ.get("SECRET_KEY"):
        return
    path = settings().var_dir / "secret_key"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)


def _restore_files(folder: Path, say: Say) -> int:
    paths = [p for p in folder.rglob("*") if p.is_file() and is_key(p.relative_to(folder).as_posix())]
    say(f"Restoring {len(paths)} files ...")
    for path in paths:
        put(path.read_bytes(), type_of(path.relative_to(folder).as_posix()))
    shutil.rmtree(settings().var_dir / "search", ignore_errors=True)
    return len(paths)


def table_counts() -> dict[str, int]:
    """Rows of each table: what a test of a restore compares."""
    return {
        table.name: int(db.session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
        for table in db.metadata.sorted_tables
    }
