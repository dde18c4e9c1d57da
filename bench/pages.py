"""Pages under load, at home and at scale, beside the ceilings of a bare Flask app on the same server and workers.

`python -m bench.pages` fills 5,000 threads with 50,000 posts, asks home, category, thread, the long thread's last page
and search as a visitor and as a member at 1, 8 and 32 connections, and posts replies, to many threads and to one. CPU
per request is that of the web processes, the database and Redis together; the worker is not running. Where two cores
are two threads of one, the same work costs more of it while both are busy: see `bare_page_cpu_ms` of the same run.
`--quick` is a small try of the same.
"""

import argparse
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx

from bench import dataset, load
from tests import services

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
LONG_THREAD, THREAD = 1, 2
THREADS = 100  # that replies go to
CONNECTIONS = (1, 8, 32)
ROUNDS = 7


@dataclass
class Place:
    """One way to run: its environment, and the services whose CPU counts, by the names of their programs."""

    name: str
    environ: dict[str, str]
    services: frozenset[str]


def main() -> None:
    """Run it all and print the figures."""
    options = _options()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for place in _places(options, Path(folder)):
            results[place.name] = _measure(place, options)
    print(json.dumps(_summary(results)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 threads, 2,000 posts, short runs")
    parser.add_argument("--only", choices=["home", "scale"])
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


def _places(options: argparse.Namespace, folder: Path) -> Iterator[Place]:
    common = {
        "DEMO": "0",
        "RATE_LIMITS": "0",
        "LOG_LEVEL": "WARNING",
        "SITE_URL": "http://localhost",
        "SECRET_KEY": "bench",
    }
    if options.only != "scale":
        yield Place("home", common | {"VAR_DIR": str(folder / "home")}, frozenset())
    if options.only != "home":
        postgres, redis = services.start_postgres(), services.start_redis()
        try:
            environ = common | {
                "VAR_DIR": str(folder / "scale"),
                "DATABASE_URL": postgres.create("bench"),
                "REDIS_URL": redis.url,
            }
            yield Place("scale", environ, frozenset({"postgres", "redis-server"}))
        finally:
            postgres.stop()
            redis.stop()


def _measure(place: Place, options: argparse.Namespace) -> dict[str, Any]:
    print(f"\n== {place.name} ==", flush=True)
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bench.pages_fill", *(["--quick"] if options.quick else [])],
        check=True,
        env=os.environ | place.environ,
    )
    print(f"filled in {time.perf_counter() - started:.0f} s", flush=True)
    figures: dict[str, Any] = {}
    with _server(place, "app") as app:
        cookie, body = _sign_in(app.port)
        page_file = Path(place.environ["VAR_DIR"]) / "page.html"
        page_file.write_text(body, encoding="utf-8")
        with _server(place, "bare", {"BENCH_PAGE": str(page_file)}) as bare:
            figures["sizes"] = _sizes(app.port)
            paths = _paths(options)
            figures["rounds"] = _rounds(place, app, bare, cookie, options)
            for who, cookies in (("visitor", ""), ("member", cookie)):
                for name, path in paths.items():
                    figures[f"{name}_{who}"] = _ask(
                        place, app, [load.get(path, cookies)], options, f"{name} {who}"
                    )
            for name, threads in (("reply_member", THREADS), ("reply_one_thread", 1)):
                replies = _replies(app.port, cookie, threads)
                figures[name] = _ask(place, app, replies, options, name.replace("_", " "))
            figures["ceiling_view"] = _ask(place, bare, [load.get("/bare")], options, "bare view")
            figures["ceiling_page"] = _ask(place, bare, [load.get("/page")], options, "bare Jinja page")
    return figures


def _rounds(
    place: Place, app: "Server", bare: "Server", cookie: str, options: argparse.Namespace
) -> dict[str, list[float]]:
    """Rates of the thread page and of the bare page of its bytes, taken in turns at eight connections.

    A machine's speed changes from one minute to the next: what stands side by side is compared, and the middle of
    several comparisons says more than one.
    """
    path = _final(f"/t/{THREAD}")
    asked = {
        "visitor": (app, load.get(path)),
        "member": (app, load.get(path, cookie)),
        "ceiling": (bare, load.get("/page")),
    }
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(3 if options.quick else ROUNDS):
        for name, (server, request) in asked.items():
            load.run(server.port, [request], connections=2, seconds=0.2)
            run = load.run(server.port, [request], connections=8, seconds=0.5 if options.quick else 1.0)
            found[name].append(round(run.rate, 1))
        print("  ".join(f"{name} {rates[-1]:.0f}/s" for name, rates in found.items()), flush=True)
    _settle(place, app)
    return found


def _paths(options: argparse.Namespace) -> dict[str, str]:
    last = -(-(100 if options.quick else dataset.LONG) // 20)
    return {
        "home": "/",
        "category": "/c/questions",
        "thread": _final(f"/t/{THREAD}"),
        "last_page": _final(f"/t/{LONG_THREAD}") + f"?page={last}",
        "search": "/search?q=invoice+export",
    }


_finals: dict[str, str] = {}


def _final(path: str) -> str:
    return _finals.get(path, path)


@dataclass(frozen=True)
class Server:
    """A web server under test: where it listens, and its processes."""

    port: int
    pids: tuple[int, ...]


@contextmanager
def _server(place: Place, kind: str, more: dict[str, str] | None = None) -> Iterator[Server]:
    port = _free_port()
    environ = os.environ | place.environ | (more or {})
    if place.name == "scale":
        target = "wsgi:app" if kind == "app" else "bench.served:bare"
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-b",
            f"127.0.0.1:{port}",
            "-w",
            "2",
            "--log-level",
            "error",
            target,
        ]
    else:
        command = [sys.executable, "-m", "bench.served", kind, str(port)]
    process = subprocess.Popen(command, env=environ, cwd=ROOT, start_new_session=True)
    try:
        _wait(port, "/health" if kind == "app" else "/bare")
        yield Server(port, tuple(_tree(process.pid)))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _tree(pid: int) -> list[int]:
    """A process and all that came from it and still runs."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                found += _tree(int(child))
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait(port: int, path: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def _client(port: int) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Host": "localhost"}, follow_redirects=True
    )


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    if found is None:
        raise SystemExit("no form token on the page")
    return found.group(1)


def _sign_in(port: int) -> tuple[str, str]:
    """A member's cookie, and the thread page as a visitor gets it."""
    with _client(port) as client:
        for path in (f"/t/{THREAD}", f"/t/{LONG_THREAD}"):
            answer = client.get(path)
            answer.raise_for_status()
            _finals[path] = answer.url.path
        body = client.get(f"/t/{THREAD}").text
        token = _token(client.get("/sign-in").text)
        form = {"csrf_token": token, "email": "ana@example.org", "password": dataset.PASSWORD}
        client.post("/sign-in", data=form)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        assert "sign-out" in client.get("/").text, "the bench could not sign in"
    return cookie, body


def _replies(port: int, cookie: str, threads: int) -> list[bytes]:
    """Posts of fresh replies, spread over so many threads; the body differs each time, so none is a repeat.

    In one and the same thread each waits for the one before: the worst that can be.
    """
    with _client(port) as client:
        path = client.get(f"/t/{THREAD + 1}").url.path  # a redirect would drop the cookie
        page = client.get(path, headers={"Cookie": cookie}).text
    token = _token(page)
    wanted = []
    for number in range(20_000):
        text = f"It works when the column is named first, try {number} of these in {threads}."
        body = urlencode({"csrf_token": token, "body": text})
        path = f"/threads/{THREAD + 1 + number % threads}/replies"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
        head += "Content-Type: application/x-www-form-urlencoded\r\n"
        wanted.append(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return wanted


def _sizes(port: int) -> dict[str, int]:
    """Compressed bytes of a first view: the thread page's HTML, and the CSS and scripts that it asks for."""
    with _client(port) as client:
        page = client.get(f"/t/{THREAD}").text
        assets = set(
            re.findall(
                r'<(?:link rel="(?:stylesheet|modulepreload)"|script[^>]*) (?:href|src)="([^"]+)"', page
            )
        )
        weight = sum(len(gzip.compress(client.get(path).content, 6)) for path in assets)
    return {"html": len(gzip.compress(page.encode(), 6)), "css_js": weight}


def _ask(
    place: Place,
    server: Server,
    requests: list[bytes],
    options: argparse.Namespace,
    label: str,
) -> dict[str, Any]:
    warming, *shares = _shares(requests)
    load.run(server.port, warming, connections=2, seconds=0.5)
    figures: dict[str, Any] = {}
    for number, share in zip(CONNECTIONS, shares, strict=True):
        _settle(place, server)
        before = _cpu(place, server)
        seconds = 0.6 if options.quick else options.seconds
        found = load.run(server.port, share, connections=number, seconds=seconds)
        cpu_ms = (_cpu(place, server) - before) * 1000 / max(found.requests, 1)
        figures[str(number)] = {
            "rate": round(found.rate, 1),
            "p50": found.p50,
            "p95": found.p95,
            "p99": found.p99,
            "cpu_ms": round(cpu_ms, 2),
            "errors": found.errors,
        }
        print(
            f"{label:20} {number:3} conn  {found.rate:8.0f}/s  p50 {found.p50:7.2f}  p95 {found.p95:7.2f}  "
            f"p99 {found.p99:7.2f} ms  cpu {cpu_ms:6.2f} ms  errors {found.errors}",
            flush=True,
        )
    return figures


def _shares(requests: list[bytes]) -> list[list[bytes]]:
    """What each run sends: of many requests a share of its own, since a reply sent again is not posted again."""
    runs = 1 + len(CONNECTIONS)
    size = len(requests) // runs
    return [requests[n * size : (n + 1) * size] if size else requests for n in range(runs)]


def _settle(place: Place, server: Server) -> None:
    """Wait until the servers have done what the last run left in their queues."""
    before = _cpu(place, server)
    for _ in range(100):
        time.sleep(0.3)
        now = _cpu(place, server)
        if now - before < 0.03:
            return
        before = now


def _cpu(place: Place, server: Server) -> float:
    """CPU seconds so far of the web processes and of this benchmark's own services, with those that ended."""
    services = _tree(os.getpid()) if place.services else []
    return sum(map(_cpu_of, {*server.pids, *(pid for pid in services if _program(pid) in place.services)}))


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _cpu_of(pid: int) -> float:
    """User and system time of a process and of its children that ended (fields 14 to 17 of proc(5)'s stat)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def _summary(results: dict[str, Any]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name, figures in results.items():
        mark = "" if name == "home" else f"_{name}"
        rates = figures["rounds"]
        for who in ("visitor", "member"):
            shares = [rate / ceiling for rate, ceiling in zip(rates[who], rates["ceiling"], strict=True)]
            summary[f"thread_{who}_vs_ceiling{mark}"] = round(median(shares), 3)
        summary[f"thread_member_cpu_ms{mark}"] = figures["thread_member"]["8"]["cpu_ms"]
        replies = [run["cpu_ms"] for run in figures["reply_member"].values()]
        summary[f"reply_cpu_ms{mark}"], summary[f"reply_cpu_ms_most{mark}"] = replies[0], max(replies)
        bare = figures["ceiling_page"]["8"]
        summary[f"bare_page_cpu_ms{mark}"] = bare["cpu_ms"]  # how fast the machine was
        summary[f"html_kb{mark}"] = round(figures["sizes"]["html"] / 1000, 1)
        summary[f"css_js_kb{mark}"] = round(figures["sizes"]["css_js"] / 1000, 1)
        summary[name] = figures
    return summary


if __name__ == "__main__":
    main()
