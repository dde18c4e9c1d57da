"""Backup and restore of a running community: one archive with the database, the files, and what they need to be read.

SQLite is copied by its own online backup, which sees one moment however busy the site is; PostgreSQL by `pg_dump`
in one snapshot. Files are content-addressed and never change, so copying them after the database misses nothing.
"""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from core import clock, schema
from core.config import settings
from core.db import db, dialect, dispose, take_stock, writing
from core.errors import NotFound
from core.files import get, put
from core.files.keys import is_key, key_for, type_of
from core.site import forget, site
from forum.models import Attachment
from people.models import Person

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
# Whoever holds a lock longer than this is told of, instead of a restore that waits for ever.
LOCK_TIMEOUT: Final = "60s"
PLACES: Final = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/*postgresql*/bin",
    "usr/local/opt/*postgresql*/bin",
)
Say = Callable[[str], None]
# What the community has made goes; extensions and the schema itself may belong to somebody else, and stay.
_EMPTY: Final = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE IF EXISTS public.%I CASCADE', found.tablename);
  END LOOP;
  FOR found IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
  END LOOP;
END $$;
"""


class BackupError(click.ClickException):
    """The archive cannot be written or read; the message says why and what to do."""


class Manifest(BaseModel):
    """What an archive says about itself."""

    format: int
    made_at: datetime
    database: str
    sha256: str
    revision: list[str]
    files: int
    secret_key: str  # signed links and sessions go on working after a restore


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
        packed = _pack(room, database, keys)
        os.chmod(room / "archive", 0o600)
        os.replace(room / "archive", target)
    return f"Backup written to {target} ({target.stat().st_size / 1_000_000:.1f} MB, {packed} files)."


def _keys() -> list[str]:
    """Every file that a row holds."""
    attached = db.session.execute(sa.select(Attachment.key).distinct()).scalars()
    faces = db.session.execute(sa.select(Person.avatar_key).distinct()).scalars()
    return sorted(key for key in {*attached, *faces, site().logo_key} if is_key(key))


def _dump(room: Path) -> Path:
    if dialect() == "sqlite":
        return _dump_sqlite(room / "database.sqlite")
    return _dump_postgres(room / "database.pgdump")


def _dump_sqlite(path: Path) -> Path:
    """In one step: writers are not held up, and no page is copied twice however much they write."""
    source = sqlite3.connect(f"{_sqlite_file().as_uri()}?mode=ro", uri=True)
    copy = sqlite3.connect(path)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    return path


def _sqlite_file() -> Path:
    return Path(str(db.engine.url.database)).absolute()


def _dump_postgres(path: Path) -> Path:
    shape = ("--format=custom", "--no-owner", "--no-privileges")
    _run("pg_dump", *shape, f"--file={path}", f"--dbname={_libpq_url()}")
    return path


def _libpq_url() -> str:
    """The address without its password: a command's arguments are there for all to read."""
    return db.engine.url.set(drivername="postgresql", password=None).render_as_string()


def _run(program: str, *arguments: str) -> None:
    environ = {**os.environ, "PGOPTIONS": f"-c lock_timeout={LOCK_TIMEOUT}"}
    if db.engine.url.password:
        environ["PGPASSWORD"] = str(db.engine.url.password)
    command = [_find(program), *arguments]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{program} failed: {error.stderr.strip()[-800:]}") from None


def _find(program: str) -> str:
    """PostgreSQL's client program: on PATH, else the newest where systems keep it."""
    found = shutil.which(program)
    elsewhere = [path for place in PLACES for path in Path("/").glob(f"{place}/{program}")]
    if found is None and not elsewhere:
        raise BackupError(f"{program} is not installed here: install PostgreSQL's client programs.")
    return found or str(max(elsewhere, key=_version))


def _version(program: Path) -> list[int]:
    return [int(part) for part in "".join(c if c.isdigit() else " " for c in str(program)).split()]


def _pack(room: Path, database: Path, keys: list[str]) -> int:
    """The archive beside its parts; how many files are in it. One that was deleted meanwhile is left out."""
    held = room / "files"
    for key in keys:
        _copy_out(key, held / key)
    paths = sorted(held.iterdir()) if held.exists() else []
    manifest = Manifest(
        format=FORMAT,
        made_at=clock.now(),
        database=database.name,
        sha256=_sha256(database),
        revision=list(schema.heads()),
        files=len(paths),
        secret_key=settings().secret_key,
    )
    (room / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    with tarfile.open(room / "archive", "w:gz", compresslevel=6) as tar:
        for path in (room / MANIFEST, database, *paths):
            tar.add(path, path.relative_to(room).as_posix())
    return len(paths)


def _copy_out(key: str, path: Path) -> None:
    try:
        data = get(key).data
    except NotFound:
        return
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(source: Path, say: Say) -> str:
    """Replace database and files by an archive's. It is checked whole before anything here is touched."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        say("Checking the archive ...")
        manifest = _unpack(source, room)
        database, paths = _checked_database(room, manifest), _checked_files(room / "files", manifest)
        say("Replacing the database ...")
        _load(database)
        _keep_secret(manifest.secret_key)
        say(f"Restoring {len(paths)} files ...")
        for path in paths:
            put(path.read_bytes(), type_of(path.name))
    shutil.rmtree(settings().var_dir / "search", ignore_errors=True)
    schema.bring_up()
    when = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    return f"Restored the community of {when}, with {len(paths)} files. Restart it; the search index rebuilds itself."


def _unpack(source: Path, room: Path) -> Manifest:
    """Everything out of the archive, nothing outside of `room`."""
    try:
        with tarfile.open(source, "r:gz") as tar:
            for member in tar:
                _take_out(tar, member, room)
        manifest = Manifest.model_validate_json((room / MANIFEST).read_bytes())
    except ValidationError:
        raise BackupError(
            f"{source} is not a backup of this product: it does not say what is in it."
        ) from None
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} is not a complete backup: {error}") from None
    if manifest.format != FORMAT or not set(manifest.revision) <= schema.known():
        raise BackupError("This backup was made by a newer version. Update the program first, then restore.")
    return manifest


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, room: Path) -> None:
    """One plain file of ours. By hand: `filter="data"` came only with Python 3.11.4, Debian 12 has 3.11.2."""
    parts = Path(member.name).parts
    content = tar.extractfile(member) if member.isreg() else None
    is_ours = len(parts) == 1 or (len(parts) == 2 and parts[0] == "files" and is_key(parts[1]))
    if content is None or not is_ours or ".." in parts or Path(member.name).is_absolute():
        raise tarfile.TarError(f"{member.name!r} does not belong into a backup")
    target = room.joinpath(*parts)
    target.parent.mkdir(exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)


def _checked_database(room: Path, manifest: Manifest) -> Path:
    path = room / Path(manifest.database).name
    if not path.is_file() or _sha256(path) != manifest.sha256:
        raise BackupError("The database in this backup is damaged: its checksum differs.")
    if path.suffix != {"sqlite": ".sqlite"}.get(dialect(), ".pgdump"):
        raise BackupError(
            "This backup is of the other kind of database. Restore it where DATABASE_URL is of its kind."
        )
    if dialect() == "sqlite":
        _require_sound(path)
    return path


def _require_sound(path: Path) -> None:
    copy = sqlite3.connect(path)
    try:
        answer = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        answer = str(error)
    finally:
        copy.close()
    if answer != "ok":
        raise BackupError(f"The database in this backup is damaged: {answer}")


def _checked_files(folder: Path, manifest: Manifest) -> list[Path]:
    """A file's name is the hash of its content, so each tells whether it is whole."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    whole = [p for p in paths if is_key(p.name) and key_for(p.read_bytes(), type_of(p.name)) == p.name]
    if len(whole) != len(paths) or len(whole) != manifest.files:
        raise BackupError("Files in this backup are damaged or missing.")
    return whole


def _load(path: Path) -> None:
    db.session.remove()
    if dialect() == "sqlite":
        _load_sqlite(path)
    else:
        _load_postgres(path)
    dispose()
    forget()
    with writing():
        take_stock()


def _load_sqlite(path: Path) -> None:
    """Write the copy over the live file through SQLite itself: running processes see it as one big transaction."""
    copy = sqlite3.connect(path)
    live = sqlite3.connect(_sqlite_file(), timeout=30)
    try:
        copy.backup(live)
    finally:
        live.close()
        copy.close()


def _load_postgres(path: Path) -> None:
    """Everything out and the archive in, in one transaction: others see the old community or the new one."""
    script = path.with_suffix(".sql")
    _run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(path))
    empty = path.with_name("empty.sql")
    empty.write_text(_EMPTY, encoding="ascii")
    strict = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
    _run("psql", *strict, f"--file={empty}", f"--file={script}", f"--dbname={_libpq_url()}")


def _keep_secret(secret: str) -> None:
    """The archive's secret in place of this installation's own, unless the environment gives one."""
    path = settings().var_dir / "secret_key"
    if not path.exists() or path.read_text(encoding="ascii").strip() != settings().secret_key:
        return
    path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)


def table_counts() -> dict[str, int]:
    """Rows of each table: what a test of a restore compares."""
    return {
        table.name: int(db.session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
        for table in db.metadata.sorted_tables
    }
