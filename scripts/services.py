"""Find PostgreSQL, Redis and Chromium, or install them where allowed: `python -m scripts.services`."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.services import ServiceMissing, find_chromium, find_postgres, find_redis

PLAYWRIGHT = (sys.executable, "-m", "playwright")


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
    may_all = platform.system() == "Linux" and is_allowed()
    command = [*PLAYWRIGHT, "install", "chromium", *(["--with-deps"] if may_all else [])]
    print(f"Missing: {lacking[CHROMIUM]}. Installing Playwright's: {' '.join(command)}", flush=True)
    if ran(*command) and CHROMIUM not in missing():
        return True
    print("No browser starts yet. Please do one of these, then try again:", file=sys.stderr)
    if platform.system() == "Linux":
        print(f"    sudo {' '.join(PLAYWRIGHT)} install-deps chromium", file=sys.stderr)
    print("    install Google Chrome or Chromium, or set CHROMIUM to the path of one", file=sys.stderr)
    return False


def is_allowed() -> bool:
    """Whether this account may install system packages without being asked: the libraries a browser needs."""
    return os.geteuid() == 0 or (shutil.which("sudo") is not None and ran("sudo", "-n", "true", shown=False))


def has_chromium_package() -> bool:
    """Debian has one; Ubuntu's is a note that points to a snap."""
    if platform.system() != "Linux":
        return False
    release = Path("/etc/os-release")
    return not (release.exists() and "ubuntu" in release.read_text(encoding="utf-8").lower())


def ran(*command: str, shown: bool = True) -> bool:
    """Run, with its output shown or not; True when it succeeded."""
    output = None if shown else subprocess.DEVNULL
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
