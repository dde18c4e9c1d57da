"""Every setting of the product in one typed table, read from the environment once."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from flask import Flask

from core.context import here

_TRUE = frozenset({"1", "true", "yes", "on"})
_KEY = "fullcircle.settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment may set; the variable is the field's name in capitals."""

    var_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = 8000
    site_url: str = ""  # public address; default http://HOST:PORT. https switches secure cookies and HSTS on
    site_name: str = "Fullcircle"
    secret_key: str = ""  # default: made once and kept in VAR_DIR/secret_key
    database_url: str = ""  # default: SQLite in VAR_DIR
    redis_url: str = ""  # set: Celery jobs, live updates, limits and cache over Redis
    search_url: str = ""  # whoosh:PATH or postgresql: ; default follows the database
    files_url: str = ""  # file:PATH or s3://key:secret@host/bucket ; default VAR_DIR/files
    mail_url: str = ""  # smtp://user:password@host:port?tls=starttls ; default: files in VAR_DIR/mail
    mail_from: str = "community@localhost"
    demo: bool = True  # fill an empty database with the demo company
    demo_public: bool = False  # allow the demo on an address other than loopback
    trusted_proxies: int = 0  # how many reverse proxies in front set X-Forwarded-*
    sqlite_synchronous: str = "NORMAL"  # FULL: no acknowledged write is lost to a power cut either
    web_threads: int = 10
    database_pool: int = 12
    log_level: str = "INFO"
    log_json: bool = True
    languages: str = "en"  # those with a catalogue in translations/, the default first
    allow_private_fetch: bool = False  # let feeds and webhooks reach private addresses (closed networks)
    session_hours: int = 24  # idle end of a session
    remember_days: int = 60  # the longer record behind "keep me signed in"
    session_days: int = 180  # absolute end of any session
    registration: str = "open"  # open or invited
    rate_limits: bool = True

    @property
    def is_scale(self) -> bool:
        """For operations pages and logs only: features never ask."""
        return bool(self.redis_url)

    @property
    def is_https(self) -> bool:
        """Secure cookies and HSTS follow the public address."""
        return self.site_url.startswith("https://")

    @property
    def language_list(self) -> tuple[str, ...]:
        """Languages offered, the default first."""
        return tuple(part.strip() for part in self.languages.split(",") if part.strip())


class SettingError(ValueError):
    """A setting that cannot be read, with the variable's name and what it should look like."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's own when None). Raises SettingError."""
    source = os.environ if environ is None else environ
    given = {
        f.name: _parse(f.name, str(f.type), source[f.name.upper()])
        for f in fields(Settings)
        if source.get(f.name.upper())
    }
    var_dir = Path(str(given.get("var_dir", "var"))).absolute()
    given["var_dir"] = var_dir
    given.setdefault("secret_key", _kept_secret(var_dir))
    given["database_url"] = _database_url(str(given.get("database_url", "")), var_dir)
    given.setdefault("site_url", f"http://{given.get('host', '127.0.0.1')}:{given.get('port', 8000)}")
    given["site_url"] = str(given["site_url"]).rstrip("/")
    return Settings(**given)  # type: ignore[arg-type]


def _parse(name: str, kind: str, text: str) -> object:
    if "bool" in kind:
        return text.strip().lower() in _TRUE
    if "int" in kind:
        try:
            return int(text)
        except ValueError:
            raise SettingError(f"{name.upper()} must be a whole number, not {text!r}.") from None
    return text


def _database_url(url: str, var_dir: Path) -> str:
    """Name the driver; the common short forms of hosting companies are understood."""
    if not url:
        return f"sqlite:///{var_dir / 'fullcircle.db'}"
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


def _kept_secret(var_dir: Path) -> str:
    """A secret made once and kept beside the data, readable by its owner alone."""
    path = var_dir / "secret_key"
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    var_dir.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(48)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    return secret


def init(app: Flask, settings: Settings) -> None:
    """Keep the settings with the app and hand Flask's own to it."""
    app.extensions[_KEY] = settings


def settings() -> Settings:
    """The current app's settings."""
    found: Settings = here().app.extensions[_KEY]
    return found
