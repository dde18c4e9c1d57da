"""Fail when a committed file holds a package registry's address or a path of somebody's own machine."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOT = r"\."  # patterns are put together here so that this file does not match itself
REGISTRIES = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "(?:org|com)"),
    ("yarnpkg", "com"),
    ("debian", "org/debian"),
    ("(?:deb|security|snapshot|packages)" + DOT + "debian", "org"),
    ("(?:archive|security)" + DOT + "ubuntu", "com"),
    ("crates", "io"),
    ("rubygems", "org"),
    ("proxy" + DOT + "golang", "org"),
)
MACHINES = ("work", "root", r"home/[a-z][\w-]*", r"Users/[A-Za-z][\w-]*", "opt/pypi")
MADE = {
    *(".venv", ".git", "var", "build", "__pycache__"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis"),
}
FORBIDDEN = (
    (
        "a package registry's address",
        re.compile("|".join(rf"\b{name}{DOT}{end}\b" for name, end in REGISTRIES)),
    ),
    ("a path of one machine", re.compile(rf"(?<![\w.:/$}}>-])/(?:{'|'.join(MACHINES)})/[\w.]")),
)


def main() -> int:
    """Returns 1 and names file, line and reason when something was found."""
    found = [finding for path in tracked() for finding in findings(path)]
    print("\n".join(found))
    return 1 if found else 0


def tracked() -> Iterator[Path]:
    """Every file that is committed or would be by `git add`; without git every file that nobody made."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        names = [str(path) for path in Path(".").rglob("*") if MADE.isdisjoint(path.parts)]
    return (Path(name) for name in names if name and Path(name).is_file())


def findings(path: Path) -> Iterator[str]:
    """Findings of one file as `path:line: reason: match`; what is not UTF-8 is a picture or an archive."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for reason, pattern in FORBIDDEN:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {reason}: {match[0]}"


if __name__ == "__main__":
    sys.exit(main())
