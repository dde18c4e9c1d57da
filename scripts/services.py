"""Find PostgreSQL, Redis and Chromium, or install them where allowed: `python -m scripts.services`."""

import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.services import ServiceMissing, find_chromium, find_postgres, find_redis


@dataclass(frozen=True, slots=True)
class Need:
    """One program the tests run on, and the packages it comes in."""

    find: Callable[[], Path]
    debian: str
    homebrew: str


POSTGRES = Need(find_postgres, "postgresql postgresql-contrib", "postgresql@17")
REDIS = Need(find_redis, "redis-server", "redis")
CHROMIUM = Need(find_chromium, "chromium fonts-liberation", "")


def main() -> int:
    """Returns 0 when everything is there in the end; otherwise what is missing was named."""
    if not missing():
        return 0
    for install in (packages, browser):
        lacking = missing()
        if lacking and not install(lacking):
            return 1
    left = missing()
    for text in left.values():
        print(f"Still missing: {text}.", file=sys.stderr)
    return 1 if left else 0


def missing() -> dict[Need, str]:
    """What is not on this machine, with the words for it."""
    lacking = {}
    for need in (POSTGRES, REDIS, CHROMIUM):
        try:
            need.find()
        except ServiceMissing as absence:
            lacking[need] = str(absence)
    return lacking


def packages(lacking: dict[Need, str]) -> bool:
    """Install from the system's packages; without the right to, the script names them."""
    wanted = {need: text for need, text in lacking.items() if need is not CHROMIUM or has_chromium_package()}
    if not wanted:
        return True
    names = [" ".join(need.debian for need in wanted), " ".join(need.homebrew for need in wanted)]
    return ran("sh", "scripts/packages.sh", *names, "; ".join(wanted.values()))


def browser(lacking: dict[Need, str]) -> bool:
    """Where the system has no Chromium package (Ubuntu, macOS) Playwright brings its own."""
    if CHROMIUM not in lacking:
        return True
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    command += ["--with-deps"] if platform.system() == "Linux" else []
    print(f"Missing: {lacking[CHROMIUM]}. Installing Playwright's: {' '.join(command[1:])}", flush=True)
    if ran(*command):
        return True
    print("That failed. Install Chrome or Chromium yourself, or set CHROMIUM to its path.", file=sys.stderr)
    return False


def has_chromium_package() -> bool:
    """Debian has one; Ubuntu's is a note that points to a snap."""
    if platform.system() != "Linux":
        return False
    release = Path("/etc/os-release")
    return not (release.exists() and "ubuntu" in release.read_text(encoding="utf-8").lower())


def ran(*command: str) -> bool:
    """Run with its output shown; True when it succeeded."""
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
