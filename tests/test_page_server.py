"""The page server at scale, as docs/OPERATIONS.md starts it: gunicorn with the settings it finds in the root."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import make
from tests.running import ROOT
from tests.services import READY_WITHIN, free_port, keeping

pytestmark = [pytest.mark.scale, pytest.mark.slow]


def own_number(_environ: object, start_response) -> Iterable[bytes]:
    """A WSGI app that says which process answers."""
    start_response("200 OK", [("Content-Length", str(len(str(os.getpid()))))])
    return [str(os.getpid()).encode()]


@contextmanager
def served(target: str, environ: dict[str, str]) -> Iterator[int]:
    """The port of a page server with two workers."""
    port = free_port()
    program = Path(sys.executable).with_name("gunicorn")
    command = keeping([program, "-b", f"127.0.0.1:{port}", "--log-level", "error", target], ends_on="TERM")
    environ = {**os.environ, **environ, "WEB_CONCURRENCY": "2"}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, start_new_session=True)
    try:
        wait_for(port)
        yield port
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            if asked(HTTPConnection("127.0.0.1", port, timeout=5), "/ready")[0] == 200:
                return
        except OSError:
            assert time.monotonic() < deadline, "the page server was not ready in time"
        time.sleep(0.05)


def asked(connection: HTTPConnection, path: str) -> tuple[int, str]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def answering(port: int, connections: int) -> Counter[str]:
    """How many of so many connections that stay open each worker has."""
    found: Counter[str] = Counter()
    with ExitStack() as kept:
        for _ in range(connections):
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            kept.callback(connection.close)
            found[asked(connection, "/")[1]] += 1
    return found


def test_connections_that_stay_open_are_shared_by_all_workers():
    with served("tests.test_page_server:own_number", {}) as port:
        deadline = time.monotonic() + READY_WITHIN
        while len(answering(port, 4)) < 2:  # one worker is up before the other
            assert time.monotonic() < deadline, "one worker has all connections"
        shares = [sorted(answering(port, 12).values()) for _ in range(5)]
    assert all(len(share) == 2 and share[0] >= 3 for share in shares), shares


def test_it_serves_the_product(context, environ):
    thread = make.thread("Does it run?", by=make.actor("Ana"))
    with served("wsgi:app", environ) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        status, page = asked(connection, f"/t/{thread.id}/{thread.slug}")
    assert (status, "Does it run?" in page) == (200, True)
