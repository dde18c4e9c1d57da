"""Install a lock file with pip, showing how far it is: `python scripts/install.py requirements/base.txt`."""

import collections
import re
import subprocess
import sys
from pathlib import Path

COMMAND = (
    *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"),
    *("--progress-bar", "off", "--require-hashes", "--no-deps", "-r"),
)
A_PACKAGE = re.compile(
    r"(?:Collecting|Processing|Requirement already satisfied:) (?:\S*/)?([\w.-]+?)(?:[=-]+\d|\s|$)"
)


def main(lock: str) -> int:
    """Returns pip's own exit code; on failure shows the last lines it wrote."""
    total = sum("==" in line for line in Path(lock).read_text(encoding="utf-8").splitlines())
    recent: collections.deque[str] = collections.deque(maxlen=25)
    with subprocess.Popen(
        [*COMMAND, lock], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        seen = 0
        for line in pip.stdout or ():
            recent.append(line)
            if named := A_PACKAGE.match(line):
                seen += 1
                show(f"{seen} of {total}: {named[1]}", every_tenth=seen)
            elif line.startswith("Installing collected"):
                show("unpacking")
    end_line()
    if pip.returncode:
        sys.stderr.writelines(recent)
    return pip.returncode


def show(text: str, every_tenth: int = 0) -> None:
    """One line that changes on a terminal; some lines of a log elsewhere."""
    if sys.stdout.isatty():
        print(f"\r\033[K  {text}", end="", flush=True)
    elif every_tenth % 10 == 0:
        print(f"  {text}", flush=True)


def end_line() -> None:
    """Leave the changing line."""
    if sys.stdout.isatty():
        print("\r\033[K", end="")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
