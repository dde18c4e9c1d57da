"""The real program in a process of its own, for journeys in a browser and for pulling the plug."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
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
        self._keepers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it and return when it takes requests. Raises ServiceBroken with what it wrote."""
        with self.log.open("ab") as log:
            for command in self.commands:
                self._keepers.append(
                    subprocess.Popen(
                        keeping([PROGRAM, command], ends_on="TERM"),
                        cwd=ROOT,
                        env=self.environ,
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        self._wait()

    def stop(self) -> None:
        """End it in order, as a service manager would."""
        for keeper in self._keepers:
            if keeper.stdin:
                keeper.stdin.close()
        self._reap(timeout=20)

    def kill(self) -> None:
        """Pull the plug: `kill -9` for every process of it."""
        for keeper in self._keepers:
            os.killpg(keeper.pid, signal.SIGKILL)
        self._reap(timeout=20)

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

    def _reap(self, timeout: float) -> None:
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
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
