"""The `fullcircle` command: run, migrate, seed, import, reindex, worker, backup, restore and the first-run token."""

import ipaddress
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from flask import Flask

from core import garbage
from core.config import SettingError, Settings
from core.errors import Refused


def _app() -> Flask:
    from app import create_app

    try:
        return create_app()
    except SettingError as error:
        raise click.ClickException(str(error)) from error


def _say(text: str) -> None:
    click.echo(text, err=True)


def _settings(app: Flask) -> Settings:
    found: Settings = app.extensions["fullcircle.settings"]
    return found


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Fullcircle: the customer community that closes the circle. Settings come from the environment."""


@main.command()
def run() -> None:
    """Migrate, fill an empty database, and serve pages and jobs in this one process."""
    with garbage.lasting():
        from core.server import serve

        app = _app()
    with app.app_context():
        _prepare(app, _say)
    serve(app, _settings(app))


def _prepare(app: Flask, say: Callable[[str], None]) -> None:
    """Everything between an empty folder and a page: told step by step."""
    from core import schema

    settings = _settings(app)
    if not schema.is_current():
        say("Preparing the database ...")
        schema.bring_up()
    _fill(settings, say)
    _mend_search(say)


def _fill(settings: Settings, say: Callable[[str], None]) -> None:
    from admin import demo
    from people import queries

    if queries.is_empty():
        if not settings.demo:
            _open_first_run(settings, _setup_token(), say)
            return
        _refuse_public_demo(settings)
        demo.fill(say)
    elif not queries.is_owned():
        _open_first_run(settings, _setup_token(), say)
    demo.print_sign_ins(settings, say)


def _setup_token() -> str:
    from core.db import writing
    from people import actions

    with writing():
        return actions.prepare_setup()


def _open_first_run(settings: Settings, token: str, say: Callable[[str], None]) -> None:
    say("This community is empty. Make the owner's account here (the address works once):")
    say(f"  {settings.site_url}/setup?token={token}")


def _refuse_public_demo(settings: Settings) -> None:
    """Demo passwords are printed and the same people are in every demo: not for an open address unless asked for."""
    if settings.demo_public or _is_loopback(settings.host):
        return
    raise click.ClickException(
        f"The demo company is not started on {settings.host}, which others can reach. "
        "Set DEMO=0 to begin with your own community, or DEMO_PUBLIC=1 if you do want to show the demo."
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _mend_search(say: Callable[[str], None]) -> None:
    """A missing or corrupt index is rebuilt by the worker, with a notice to staff; pages are served meanwhile."""
    from forum import tasks

    if tasks.schedule_reindex_if_needed():
        say("The search index is missing or damaged: it is being rebuilt in the background.")


@main.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    from core import schema

    app = _app()
    with app.app_context():
        schema.bring_up()
    click.echo("The database is current.")


@main.command()
def seed() -> None:
    """Fill an empty database with the demo company."""
    from admin import demo
    from core import schema
    from people import queries

    app = _app()
    with app.app_context():
        schema.bring_up()
        if not queries.is_empty():
            raise click.ClickException(
                "The database already has people in it; the demo is only for an empty one."
            )
        demo.fill(_say)
        demo.print_sign_ins(_settings(app), _say)


@main.group("import")
def import_() -> None:
    """Bring in a community from elsewhere."""


@import_.command("stackexchange")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--category", default="", help="Name of the category to import into; default: the folder's name."
)
@click.option(
    "--site", default="", help="The site's address, for links and attribution, e.g. travel.stackexchange.com."
)
def import_stackexchange(directory: Path, category: str, site: str) -> None:
    """Import a Stack Exchange data dump (Posts.xml, Users.xml, Votes.xml, Tags.xml, PostLinks.xml, Comments.xml).

    Can be stopped and started again at any time; a second run adds nothing.
    """
    from core import schema
    from forum.importing import stackexchange

    app = _app()
    with app.app_context():
        schema.bring_up()
        try:
            report = stackexchange.run(
                directory, category=category, site=site, is_terminal=sys.stderr.isatty()
            )
        except Refused as refusal:
            raise click.ClickException(refusal.message) from refusal
    click.echo(report.as_text())


@main.command()
def reindex() -> None:
    """Rebuild the search index from the database, showing progress. Safe while the site is running."""
    from forum import tasks

    app = _app()
    with app.app_context():
        click.echo(tasks.reindex_command(_say))


@main.command()
@click.option("--concurrency", default=4, show_default=True, help="Jobs at once.")
def worker(concurrency: int) -> None:
    """Run jobs apart from the pages (with REDIS_URL: a relay and a Celery worker)."""
    from core import worker as jobs

    app = _app()
    settings = _settings(app)
    if not settings.redis_url:
        raise click.ClickException(
            "Without REDIS_URL the jobs run inside `fullcircle run`. Set REDIS_URL to run them apart."
        )
    jobs.serve_jobs(app, concurrency)


@main.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def backup(target: Path) -> None:
    """Write database and files to one archive, while the site is running."""
    from admin import backups

    app = _app()
    with app.app_context():
        click.echo(backups.write(target, _say))


@main.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask before replacing what is there.")
def restore(source: Path, yes: bool) -> None:
    """Replace database and files by those of an archive, while the site is running."""
    from admin import backups

    app = _app()
    with app.app_context():
        if not yes:
            click.confirm("This replaces everything in this community by the archive. Go on?", abort=True)
        click.echo(backups.read(source, _say))


@main.command("setup-token")
def setup_token() -> None:
    """Print a new address of the first-run page (only while there is no owner)."""
    from people import queries

    app = _app()
    with app.app_context():
        if queries.is_owned():
            raise click.ClickException("This community has an owner already.")
        _open_first_run(_settings(app), _setup_token(), click.echo)


@main.command()
@click.option("--yes", is_flag=True, help="Replay without asking.")
def replay(yes: bool) -> None:
    """Show the dead letters of the outbox and give them another life."""
    from core import outbox
    from core.db import writing

    app = _app()
    with app.app_context():
        letters = outbox.dead_letters()
        for letter in letters:
            click.echo(
                f"{letter.id}  {letter.handler}  {letter.kind} {letter.subject}  {_last_line(letter.error)}"
            )
        if letters and (yes or click.confirm(f"Replay these {len(letters)}?")):
            with writing():
                click.echo(f"{outbox.replay([letter.id for letter in letters])} will be tried again.")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def flask(arguments: tuple[str, ...]) -> Any:
    """Flask's own commands (routes, shell, db ...)."""
    from flask.cli import FlaskGroup

    return FlaskGroup(create_app=_app).main(args=list(arguments), prog_name="fullcircle flask")


if __name__ == "__main__":
    main()
