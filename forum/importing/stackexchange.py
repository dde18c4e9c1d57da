"""Importing a community from the public Stack Exchange dump format.

The dump is read and checked whole before anything is written: a broken file leaves nothing half-done. Then people,
tags, threads and links are written in short transactions, each of which says how far it came: stopped at any
moment, the import goes on from there when it is started again, and a finished one adds nothing.
"""

import re
import time
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from core.config import settings
from core.db import db, reading, take_stock, writing
from core.errors import Refused, require
from core.forms import one_line
from core.viewer import Viewer
from forum import policy
from forum.actions import create_category
from forum.addresses import slug_of
from forum.importing import dump, staging
from forum.importing.authors import write_people
from forum.importing.labels import write_links, write_tags
from forum.importing.origin import KIND, Origin
from forum.importing.progress import Progress
from forum.importing.queries import waiting
from forum.importing.report import Report, make_report
from forum.importing.runs import PHASES, open_run
from forum.importing.staging import Staging
from forum.importing.threads import write_threads
from forum.importing.writing import Job
from forum.models import Category

__all__ = ["Report", "run"]

_WRITERS: Final = {
    "people": write_people,
    "tags": write_tags,
    "threads": write_threads,
    "links": write_links,
}


def run(directory: Path, *, category: str, site: str, is_terminal: bool) -> Report:
    """Bring in the dump in a folder; returns when everything can be read (search follows in the background).

    `category` is made if missing (public, for questions; default: the folder's name); `site` is the origin's host,
    for links and attribution. Raises Refused, with nothing written, for what is no dump or is broken.
    """
    actor = Viewer.system()
    require(policy.may_import(actor))
    began = time.monotonic()
    origin = Origin.of(directory, site)
    name = _category_name(category, directory)
    files = dump.find(directory)
    progress = Progress(is_terminal)
    try:
        with Staging(_folder() / f"{_file_name(origin)}.staging") as store:
            mark = staging.fingerprint(files)
            sizes = {name: path.stat().st_size for name, path in files.items()}
            store.fill(files, mark, lambda file, read: progress.show(f"Reading {file}", read, sizes[file]))
            job = _start(store, origin, mark, actor, name, progress)
            _write(job)
            return _report(job, files, began)
    finally:
        progress.end()


def _start(store: Staging, origin: Origin, mark: str, actor: Viewer, name: str, progress: Progress) -> Job:
    """Only a dump that could be read makes a category and a run."""
    run = open_run(origin, mark)
    with writing():
        category_id = _category(actor, name)
    return Job(store, run, origin, actor, category_id, progress)


def _write(job: Job) -> None:
    while job.run.phase != "done":
        _WRITERS[job.run.phase](job)
        job.run.enter(PHASES[PHASES.index(job.run.phase) + 1])
    with writing():
        take_stock()


def _report(job: Job, files: dict[str, Path], began: float) -> Report:
    with reading():
        category = db.session.execute(
            sa.select(Category.name).where(Category.id == job.category_id)
        ).scalar_one()
        return make_report(
            job.store,
            job.run,
            category=category,
            missing=[name for name in dump.FILES if name not in files],
            seconds=time.monotonic() - began,
            waiting=waiting(),
            path=_folder() / f"{_file_name(job.origin)}.rows.tsv",
        )


def _folder() -> Path:
    return settings().var_dir / "imports"


def _file_name(origin: Origin) -> str:
    return f"{KIND}-{re.sub(r'[^a-z0-9.-]+', '-', origin.label.lower())}"


def _category_name(given: str, directory: Path) -> str:
    name = one_line(given) or one_line(directory.resolve().name)
    if not 2 <= len(name) <= 60:
        raise Refused("A category's name has 2 to 60 characters: give one with --category.")
    return name


def _category(actor: Viewer, name: str) -> int:
    """The category of that name, or a new one."""
    same = sa.or_(sa.func.lower(Category.name) == name.lower(), Category.slug == slug_of(name)[:60])
    found = db.session.execute(sa.select(Category.id).where(same).order_by(Category.id).limit(1)).scalar()
    return found or create_category(actor, name=name).id
