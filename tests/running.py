"""The real program in a process of its own, for journeys in a browser and for pulling the plug."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.services import READY_WITHIN, ServiceBroken, free_port, keeping

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAM: Final = Path(sys.executable).with_name("fullcircle")


class Running:
    """`fullcircle run` over data that outlives it; at scale with `fullcircle worker` beside it."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        """Choose a free port; nothing runs yet. `folder` takes the logs."""
        port = str(free_port())
        self.url = f"http://127.0.0.1:{port}"
        self.environ = {**_bare(), **environ, "HOST": "127.0.0.1", "PORT": port, "SITE_URL": self.url}
        self.log = folder / "fullcircle.log"
        self.commands = ("run", "worker") if "REDIS_URL" in environ else ("run",)
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start what does not run, and return when it takes requests. Raises ServiceBroken with what it wrote."""
        with self.log.open("ab") as log:
            for command in self.commands:
                if command in self._keepers:
                    continue
                self._keepers[command] = subprocess.Popen(
                    keeping([PROGRAM, command], ends_on="TERM"),
                    cwd=ROOT,
                    env=self.environ,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        self._wait()

    def stop(self) -> None:
        """End it in order, as a service manager would."""
        for keeper in self._keepers.values():
            if keeper.stdin:
                keeper.stdin.close()
        self._reap(self.commands, timeout=20)

    def kill(self, *commands: str) -> None:
        """Pull the plug: `kill -9` for every process of these commands, of all of them when none is named."""
        chosen = commands or self.commands
        for command in chosen:
            if command in self._keepers:
                os.killpg(self._keepers[command].pid, signal.SIGKILL)
        self._reap(chosen, timeout=20)

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not self.is_ready():
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceBroken(f"fullcircle was not ready in time. It wrote:\n{self.wrote()}")
            time.sleep(0.05)

    def _reap(self, commands: Sequence[str], timeout: float) -> None:
        for keeper in [self._keepers.pop(name) for name in commands if name in self._keepers]:
            try:
                keeper.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(keeper.pid, signal.SIGKILL)
                keeper.wait()

    def wrote(self, characters: int = 4000) -> str:
        """The end of what it wrote to its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]


def _bare() -> dict[str, str]:
    """The part of our environment that is no setting of the product."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
