"""Real PostgreSQL, Redis and Chromium for the tests: found on this machine, private to one process."""

import atexit
import functools
import os
import platform
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import psycopg
import redis
from psycopg import sql

POSTGRES_AT_LEAST: Final = 13
READY_WITHIN: Final = 60.0  # seconds; a busy machine of two cores needs them
ROOM_IN_MEMORY: Final = 2 << 30  # bytes
EXTENSIONS: Final = ("pg_trgm", "unaccent")

CHROMIUM_ARGS: Final = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Nothing but this machine can be reached, so a page that leans on the outside fails here first.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)

# The keeper runs one server and ends it when its standard input closes: that happens however the test process
# dies, also by `kill -9`, so that no server and no folder outlives the tests.
_KEEPER: Final = """
signal=$1 folder=$2; shift 2
"$@" </dev/null & pid=$!
read -r _
kill -s "$signal" "$pid" 2>/dev/null
wait "$pid"
[ -z "$folder" ] || rm -rf "$folder"
"""


def keeping(command: Sequence[str | Path], *, ends_on: str, folder: Path | None = None) -> list[str]:
    """The command under its keeper: give it a pipe as standard input and close that to end it."""
    return ["sh", "-c", _KEEPER, "keeper", ends_on, str(folder or ""), *map(str, command)]


class ServiceMissing(Exception):
    """A service is not on this machine; the message says what to install and how."""


class ServiceBroken(Exception):
    """A service is there but did not start; the message ends with what it wrote."""


# --- finding ---


def find_postgres() -> Path:
    """Folder that holds `initdb` and `postgres`, the newest of version 13 or later. Raises ServiceMissing."""
    found = [(_postgres_version(folder), folder) for folder in _postgres_folders()]
    fit = [(version, folder) for version, folder in found if version >= POSTGRES_AT_LEAST]
    if not fit:
        older = f" (found only version {max(found)[0]})" if found else ""
        raise ServiceMissing(f"PostgreSQL {POSTGRES_AT_LEAST} or newer, the server programs{older}")
    folder = max(fit)[1]
    lacking = [name for name in EXTENSIONS if not _has_extension(folder, name)]
    if lacking:
        raise ServiceMissing(f"PostgreSQL's contrib extensions {' and '.join(lacking)}")
    return folder


def find_redis() -> Path:
    """The `redis-server` program, or Valkey's of the same habits. Raises ServiceMissing."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name, path=_wide_path())
        if found:
            return Path(found)
    raise ServiceMissing("Redis, the program redis-server")


@functools.cache
def find_chromium() -> Path:
    """A browser that really starts: $CHROMIUM, the system's, or Playwright's. Raises ServiceMissing.

    One in a snap (Ubuntu's Chromium) sees a part of the files only: it comes last.
    """
    for path in sorted(_chromium_candidates(), key=_is_snap):
        if _is_browser(path):
            return path
    raise ServiceMissing("Chromium, the browser")


def _wide_path() -> str:
    """PATH and the places of system programs that an ordinary account's PATH leaves out."""
    return os.pathsep.join(
        [
            os.environ.get("PATH", ""),
            "/usr/local/bin",
            "/usr/sbin",
            "/usr/bin",
            "/opt/homebrew/bin",
            "/snap/bin",
        ]
    )


def _postgres_folders() -> Iterable[Path]:
    places = [Path(part) for part in _wide_path().split(os.pathsep) if part]
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql*/bin",
        "usr/local/opt/postgresql*/bin",
    ):
        places.extend(Path("/").glob(pattern))
    # Through links to the real folder, where PostgreSQL's other programs stand too.
    real = ((place / "postgres").resolve().parent for place in places if (place / "postgres").exists())
    return (folder for folder in dict.fromkeys(real) if (folder / "initdb").exists())


def _postgres_version(folder: Path) -> int:
    number = re.search(r"\d+", _says(folder / "postgres", "--version"))
    return int(number[0]) if number else 0


def _has_extension(folder: Path, name: str) -> bool:
    """Look where this server keeps its extensions; Debian's server package has its own pg_config."""
    answer = _says(folder / "pg_config", "--sharedir")
    shares = [Path(answer)] if answer else []
    shares.append(Path("/usr/share/postgresql") / str(_postgres_version(folder)))
    return any((share / "extension" / f"{name}.control").exists() for share in shares)


def _chromium_candidates() -> Iterable[Path]:
    if chosen := os.environ.get("CHROMIUM"):
        yield Path(chosen)
    for name in ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"):
        if found := shutil.which(name, path=_wide_path()):
            yield Path(found)
    for name in ("Chromium", "Google Chrome"):
        yield Path(f"/Applications/{name}.app/Contents/MacOS/{name}")
    caches = [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]
    if chosen := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        caches.insert(0, Path(chosen))
    for cache in caches:
        yield from sorted(cache.glob("chromium-*/chrome-linux*/chrome"), reverse=True)
        yield from sorted(cache.glob("chromium-*/chrome-mac*/*.app/Contents/MacOS/*"), reverse=True)


def _is_snap(path: Path) -> bool:
    """Whether it is a snap's program; what was chosen by $CHROMIUM is the chooser's business."""
    chosen = str(path) == os.environ.get("CHROMIUM")
    return not chosen and "/snap/" in f"{path} {path.resolve()}"


def _is_browser(path: Path) -> bool:
    """Ask it for its version: on some systems `chromium-browser` is only a note about another package."""
    return os.access(path, os.X_OK) and _says(path, "--version").startswith(("Chromium", "Google Chrome"))


def _says(program: Path, question: str) -> str:
    """What a program answers, or nothing when it cannot."""
    try:
        answer = subprocess.run([program, question], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


# --- running ---


class Account(TypedDict, total=False):
    """How `subprocess` names the account a program runs under; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


def in_memory() -> Path | None:
    """A folder in memory, for data that need not outlive the tests; None where there is none with room."""
    place = Path("/dev/shm")
    if not place.is_dir() or not os.access(place, os.W_OK):
        return None
    found = os.statvfs(place)
    is_roomy = found.f_bavail * found.f_frsize > ROOM_IN_MEMORY
    return place if is_roomy and not found.f_flag & os.ST_NOEXEC else None


class Kept:
    """One server process in its own folder, ended with this process whatever happens."""

    def __init__(self, name: str, ends_on: str, owner: pwd.struct_passwd | None = None) -> None:
        """Make the folder; short, because a socket's path may have 104 characters at most."""
        short = Path("/tmp") if os.access("/tmp", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix=f"fc-{name}-", dir=in_memory() or short))
        self.name, self.ends_on, self.owner = name, ends_on, owner
        self._keeper: subprocess.Popen[bytes] | None = None
        if owner:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.folder / "log"

    def run(self, *command: str | Path) -> None:
        """Run a preparing command to its end as the server's account. Raises ServiceBroken."""
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, **self._account()
        )
        if done.returncode:
            raise ServiceBroken(f"{self.name}: {command[0]} failed.\n{done.stdout}{done.stderr}")

    def start(self, *command: str | Path) -> None:
        """Start the server under its keeper; it ends on `stop` or with this process."""
        keeper = keeping(command, ends_on=self.ends_on, folder=self.folder)
        with self.log.open("ab") as log:
            self._keeper = subprocess.Popen(
                keeper,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the tests, which then end the server
                **self._account(),
            )
        atexit.register(self.stop)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return when `ready` says so. Raises ServiceBroken after READY_WITHIN seconds."""
        deadline = time.monotonic() + READY_WITHIN
        while not ready():
            if time.monotonic() > deadline:
                wrote = self.log.read_text(errors="replace")[-2000:]
                self.stop()
                raise ServiceBroken(
                    f"{self.name} was not ready within {READY_WITHIN:.0f} s. It wrote:\n{wrote}"
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and remove its folder; a second call does nothing."""
        atexit.unregister(self.stop)
        keeper, self._keeper = self._keeper, None
        if keeper and keeper.stdin:
            keeper.stdin.close()
            try:
                keeper.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(keeper.pid, signal.SIGKILL)
                keeper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _account(self) -> Account:
        if not self.owner:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: the account it runs under then, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceMissing("an account named postgres or nobody, because PostgreSQL refuses to run as root")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running cluster of one test process."""

    kept: Kept

    def url(self, database: str) -> str:
        """SQLAlchemy's address of one database over the unix socket."""
        return f"postgresql+psycopg://fullcircle@/{database}?host={self.kept.folder}"

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database as a copy of another that nobody is connected to; returns its address."""
        self._do("CREATE DATABASE {} TEMPLATE {}", database, template)
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, ending whoever is still connected to it."""
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def stop(self) -> None:
        """End the cluster."""
        self.kept.stop()

    def _do(self, statement: str, *names: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection in autocommit mode."""
        return psycopg.connect(
            host=str(self.kept.folder), user="fullcircle", dbname=database, autocommit=True
        )


def start_postgres() -> Postgres:
    """A cluster of its own in a second: no network, no fsync, removed at the end.

    Raises ServiceMissing, ServiceBroken.
    """
    programs = find_postgres()
    kept = Kept("pg", ends_on="INT", owner=_unprivileged())
    data = kept.folder / "data"
    locale = "en_US.UTF-8" if platform.system() == "Darwin" else "C.UTF-8"
    kept.run(
        *(programs / "initdb", "-D", data, "-U", "fullcircle", "-A", "trust"),
        *("-E", "UTF8", f"--locale={locale}", "--no-sync", "--no-instructions"),
    )
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(kept.folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "autovacuum": "off",  # plans must not depend on when it ran
        "timezone": "UTC",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    kept.start(programs / "postgres", "-D", data, *settings)
    server = Postgres(kept)
    kept.wait_until(lambda: _answers(server))
    return server


def _answers(server: Postgres) -> bool:
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Redis:
    """A running Redis of one test process, reached over loopback."""

    kept: Kept
    url: str

    def clear(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def stop(self) -> None:
        """End the server."""
        self.kept.stop()


def start_redis() -> Redis:
    """A server of its own on a free port, keeping nothing on disk. Raises ServiceMissing, ServiceBroken."""
    program = find_redis()
    kept = Kept("redis", ends_on="TERM")
    port = free_port()
    gate = kept.folder / "gate"  # only our own server makes this socket: nobody else's answers by mistake
    kept.start(
        *(program, "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", gate),
        *("--save", "", "--appendonly", "no", "--dir", kept.folder, "--daemonize", "no"),
    )
    kept.wait_until(gate.exists)
    return Redis(kept, f"redis://127.0.0.1:{port}/0")


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
