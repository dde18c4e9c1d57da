"""Measures a second start: from `make -s run` being typed to the first page, with environment and data there already.

    python -m bench.start [--times 5]

The data are a demo company in a folder of their own, made by a first start that is not measured. The last line is
JSON: seconds on the wall and of CPU (of the whole process tree, until it had stopped again).
"""

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from tests.services import free_port

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE: Final = 300.0


def first_page(var: Path) -> tuple[float, float]:
    """Start over the data in `var`, stop after the first page: seconds to that page, and of CPU altogether."""
    port = free_port()
    environ = {**os.environ, "VAR_DIR": str(var), "PORT": str(port), "HOST": "127.0.0.1"}
    before, began = _cpu(), time.perf_counter()
    with (var / "start.log").open("ab") as log:
        running = subprocess.Popen(
            ["make", "-s", "run"], cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/", running)
        seconds = time.perf_counter() - began
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait()
    return seconds, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for(url: str, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
                answer.read()
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise SystemExit("There was no first page; see start.log.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        print(f"first start, with a demo company to make: {first_page(var)[0]:.2f} s")
        starts = [first_page(var) for _ in range(options.times)]
    for seconds, cpu in starts:
        print(f"second start: {seconds:.2f} s, {cpu:.2f} s of CPU")
    wall, cpu = (statistics.median(column) for column in zip(*starts, strict=True))
    print(json.dumps({"second_start_s": round(wall, 2), "second_start_cpu_s": round(cpu, 2)}))


if __name__ == "__main__":
    main()
