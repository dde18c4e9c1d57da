"""The ASGI root and the server: streams, pages in threads, slow senders, ended sessions, stopping."""

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, request

from core import hubs, intake, live
from core.asgi import Pace, create_asgi
from core.config import Settings
from core.hubs import Hub
from core.server import PortTaken, Server, address_of, listen
from core.viewer import Viewer

SITE = "https://community.orbit.example"


class Door:
    """Who is signed in, by the cookie `who`; tests change it as sign-out, ban and lost rights would."""

    def __init__(self) -> None:
        self.people = {
            "ana": Viewer(id=1, roles=frozenset({"customer"}), session_id=11),
            "ana-phone": Viewer(id=1, roles=frozenset({"customer"}), session_id=12),
            "dev": Viewer(id=4, roles=frozenset({"moderator"}), session_id=14),
        }
        self.is_broken = False

    def viewer(self) -> Viewer:
        if self.is_broken:
            raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))
        return self.people.get(request.cookies.get("who", ""), Viewer.visitor())


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr(live, "viewer", door.viewer)
    monkeypatch.setattr(live, "_rules", {**live._rules, "room": lambda asker, number: True})
    return door


@pytest.fixture
def pages(door: Door) -> Flask:
    """A small app with the live seam, one thread for pages and a few views."""
    app = Flask("pages")
    app.config["MAX_CONTENT_LENGTH"] = 100_000
    settings = Settings(site_url=SITE, web_threads=1)
    app.extensions["fullcircle.settings"] = settings
    live.init(app, settings)
    app.add_url_rule("/hello", "hello", lambda: f"hello from {request.remote_addr}")
    app.add_url_rule("/size", "size", lambda: {"size": len(request.get_data())}, methods=["POST"])
    return app


class Browser:
    """One connection to the root, spoken in ASGI: what arrives, and a way to leave."""

    def __init__(self, root: Any, path: str, **headers: str) -> None:
        self.root = root
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.is_over = False
        self.takes = asyncio.Event()
        self.takes.set()
        self._news = asyncio.Condition()
        self._sends: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        path, _question, query = path.partition("?")
        method = headers.pop("method", "GET")
        named = {"host": "community.orbit.example", **{k.replace("_", "-"): v for k, v in headers.items()}}
        self.scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("203.0.113.9", 5000),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
        }
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            await self.root(self.scope, self._sends.get, self._take)
        finally:
            self.is_over = True
            async with self._news:
                self._news.notify_all()

    async def _take(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.text += message.get("body", b"").decode()
        async with self._news:
            self._news.notify_all()

    async def until(self, arrived: Callable[[], bool]) -> None:
        async with self._news:
            await self._news.wait_for(lambda: arrived() or self.is_over)

    async def hears(self, text: str) -> bool:
        """Wait for a text; False when the stream ends before."""
        await self.until(lambda: text in self.text)
        return text in self.text

    async def over(self) -> "Browser":
        await self.task
        return self

    def send(self, body: bytes = b"", more_body: bool = False) -> None:
        self._sends.put_nowait({"type": "http.request", "body": body, "more_body": more_body})

    def leave(self) -> None:
        self._sends.put_nowait({"type": "http.disconnect"})

    def messages(self) -> list[dict[str, Any]]:
        return [
            json.loads(line.removeprefix("data: "))
            for line in self.text.splitlines()
            if line.startswith("data: ")
        ]


def listen_as(root: Any, who: str, channels: str = "person:1", **headers: str) -> Browser:
    return Browser(root, f"/events?c={channels}", cookie=f"who={who}", **headers)


def run(part: Callable[[], Awaitable[Any]]) -> None:
    asyncio.run(asyncio.wait_for(part(), 10))


# --- streams ---


def test_a_page_hears_its_channels_in_the_form_browsers_read(pages):
    async def part() -> None:
        root = create_asgi(pages)
        ana = listen_as(root, "ana", "person:1,staff")
        assert await ana.hears(": welcome")
        await asyncio.to_thread(root.hub.publish, ["staff"], {"type": "secret"})
        await asyncio.to_thread(root.hub.publish, ["staff", "person:1"], {"type": "bell", "text": "a\nb"})
        assert await ana.hears("bell")
        assert ana.messages() == [{"type": "bell", "text": "a\nb", "channel": "person:1"}]
        assert ana.status == 200
        assert ana.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert ana.headers["cache-control"] == "no-store"
        assert "retry: 3000\n" in ana.text
        ana.leave()
        await ana.over()

    run(part)


@pytest.mark.parametrize(
    ("who", "channels"),
    [("", "person:1"), ("ana", "person:4"), ("ana", "staff"), ("ana", ""), ("forged", "staff")],
)
def test_a_stream_of_what_one_may_not_hear_is_refused(pages, who, channels):
    async def part() -> None:
        assert (await listen_as(create_asgi(pages), who, channels).over()).status == 403

    run(part)


def test_a_visitor_hears_what_everybody_may(pages):
    async def part() -> None:
        root = create_asgi(pages)
        visitor = listen_as(root, "", "room:5,staff,person:1")
        assert await visitor.hears(": welcome")
        root.hub.publish(["staff"], {"type": "secret"})
        root.hub.publish(["room:5"], {"type": "reply"})
        assert await visitor.hears("reply")
        assert "secret" not in visitor.text
        visitor.leave()
        await visitor.over()

    run(part)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://community.orbit.example.evil.example"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"method": "POST"}, 405),
        ({"origin": SITE, "sec_fetch_site": "same-origin"}, 200),
        ({"origin": "http://inner:8000", "host": "inner:8000"}, 200),
        ({"origin": SITE, "host": "inner:8000"}, 200),
    ],
)
def test_only_pages_of_this_site_may_listen(pages, headers, status):
    async def part() -> None:
        browser = listen_as(create_asgi(pages), "ana", **headers)
        browser.leave()
        assert (await browser.over()).status == status

    run(part)


def test_a_person_may_have_eight_streams_and_a_left_one_makes_room(pages):
    async def part() -> None:
        root = create_asgi(pages)
        streams = [listen_as(root, who) for who in ("ana", "ana-phone") * 4]
        for stream in streams:
            assert await stream.hears(": welcome")
        ninth = await listen_as(root, "ana").over()
        assert (ninth.status, ninth.headers["retry-after"]) == (429, "60")
        dev = listen_as(root, "dev", "staff")
        assert await dev.hears(": welcome")
        streams[0].leave()
        await streams[0].over()
        again = listen_as(root, "ana")
        assert await again.hears(": welcome")
        for stream in (*streams[1:], dev, again):
            stream.leave()
            await stream.over()
        assert not root._seats

    run(part)


def test_a_quiet_stream_shows_signs_of_life(pages):
    async def part() -> None:
        ana = listen_as(create_asgi(pages, pace=Pace(heartbeat=0.02)), "ana")
        assert await ana.hears(": alive\n\n: alive\n\n")
        ana.leave()
        await ana.over()

    run(part)


def test_an_ended_session_ends_its_stream_at_once_and_no_other(pages, door):
    async def part() -> None:
        root = create_asgi(pages)
        laptop, phone = listen_as(root, "ana"), listen_as(root, "ana-phone", "room:5")
        assert await laptop.hears(": welcome")
        assert await phone.hears(": welcome")
        del door.people["ana-phone"]
        with pages.app_context():
            live.publish_end(1)
        await phone.over()
        root.hub.publish(["person:1"], {"type": "bell"})
        assert await laptop.hears("bell")
        assert "session-ended" not in laptop.text + phone.text
        laptop.leave()
        await laptop.over()

    run(part)


@pytest.mark.parametrize("change", ["signed out", "lost the role", "another person", "database gone"])
def test_a_stream_ends_soon_after_its_rights_did_though_nobody_said_so(pages, door, change):
    changes = {
        "signed out": lambda: door.people.pop("dev"),
        "lost the role": lambda: door.people.update(dev=Viewer(id=4, session_id=14)),
        "another person": lambda: door.people.update(
            dev=Viewer(id=5, roles=frozenset({"owner"}), session_id=15)
        ),
        "database gone": lambda: setattr(door, "is_broken", True),
    }

    async def part() -> None:
        dev = listen_as(create_asgi(pages, pace=Pace(recheck=0.05)), "dev", "staff,person:4")
        assert await dev.hears(": welcome")
        changes[change]()
        await dev.over()
        assert dev.status == 200

    run(part)


def test_a_stream_whose_rights_stand_goes_on_through_every_look(pages):
    async def part() -> None:
        root = create_asgi(pages, pace=Pace(recheck=0.01, heartbeat=0.02))
        ana = listen_as(root, "ana")
        assert await ana.hears(": alive\n\n" * 5)
        root.hub.publish(["person:1"], {"type": "bell"})
        assert await ana.hears("bell")
        ana.leave()
        await ana.over()

    run(part)


def test_a_database_that_cannot_tell_refuses_for_now(pages, door):
    async def part() -> None:
        door.is_broken = True
        refused = await listen_as(create_asgi(pages), "ana").over()
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")

    run(part)


def test_a_browser_that_was_away_hears_what_it_missed_once(pages):
    async def part() -> None:
        root = create_asgi(pages)
        ana = listen_as(root, "ana")
        assert await ana.hears(": welcome")
        root.hub.publish(["person:1"], {"type": "first"})
        assert await ana.hears("first")
        ana.leave()
        await ana.over()
        cursor = [line for line in ana.text.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")
        root.hub.publish(["person:1"], {"type": "missed"})
        root.hub.publish(["person:4"], {"type": "secret"})
        for asked in ({"last_event_id": cursor}, {}):
            back = Browser(
                root, f"/events?c=person:1&since={'' if asked else cursor}", cookie="who=ana", **asked
            )
            assert await back.hears("missed")
            root.hub.publish(["person:1"], {"type": "fresh"})
            assert await back.hears("fresh")
            assert [m["type"] for m in back.messages() if m["type"] != "fresh"] == ["missed"]
            back.leave()
            await back.over()

    run(part)


def test_a_browser_that_was_away_too_long_is_told_to_look_for_itself(pages):
    async def part() -> None:
        ana = listen_as(create_asgi(pages), "ana", last_event_id="5-0")
        assert await ana.hears('data: {"type":"gap"}')
        ana.leave()
        await ana.over()

    run(part)


def test_a_reader_that_takes_nothing_is_let_go(pages, monkeypatch):
    async def part() -> None:
        root = create_asgi(pages, pace=Pace(patience=0.05))
        ana = listen_as(root, "ana")
        assert await ana.hears(": welcome")
        ana.takes.clear()
        root.hub.publish(["person:1"], {"type": "bell"})
        await ana.until(lambda: not root._seats)
        ana.task.cancel()
        assert not root._seats

    monkeypatch.setattr(hubs, "QUEUE", 5)
    run(part)


def test_a_strange_query_is_no_crash(pages):
    async def part() -> None:
        for query in ("&".join(["c=person:1"] * 500), "c=%ff%fe&since=%00", "c=" + "," * 5000, "%" * 200):
            assert (
                await Browser(create_asgi(pages), f"/events?{query}", cookie="who=ana").over()
            ).status == 403

    run(part)


# --- pages ---


def test_every_other_path_is_flasks(pages):
    async def part() -> None:
        root = create_asgi(pages)
        for path, status in (("/hello", 200), ("/events/poll", 200), ("/events/", 404), ("/nowhere", 404)):
            browser = Browser(root, path)
            browser.send()
            assert (await browser.over()).status == status
        assert "hello" not in browser.text

    run(part)


def test_slow_senders_hold_no_thread(pages):
    async def part() -> None:
        root = create_asgi(pages)
        slow = [Browser(root, "/size", method="POST", content_length="10") for _ in range(5)]
        for browser in slow:
            browser.send(b"12345", more_body=True)
        quick = Browser(root, "/hello")
        quick.send()
        assert (await quick.over()).text == "hello from 203.0.113.9"
        for browser in slow:
            browser.send(b"67890")
            assert json.loads((await browser.over()).text) == {"size": 10}

    run(part)


def test_a_sender_that_falls_silent_is_told_so(pages, monkeypatch):
    monkeypatch.setattr(intake, "IDLE_SECONDS", 0.05)

    async def part() -> None:
        browser = Browser(create_asgi(pages), "/size", method="POST", content_length="10")
        browser.send(b"12345", more_body=True)
        assert (await browser.over()).status == 408

    run(part)


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 99_999])
def test_a_body_without_announced_length_arrives_whole(pages, size, monkeypatch):
    monkeypatch.setattr(intake, "IN_MEMORY", 1000)

    async def part() -> None:
        browser = Browser(create_asgi(pages), "/size", method="POST", transfer_encoding="chunked")
        for start in range(0, size, 7000):
            browser.send(b"x" * min(7000, size - start), more_body=True)
        browser.send()
        assert json.loads((await browser.over()).text) == {"size": size}

    run(part)


@pytest.mark.parametrize("headers", [{"content_length": "100001"}, {"transfer_encoding": "chunked"}])
def test_a_body_beyond_the_limit_is_refused(pages, headers):
    async def part() -> None:
        browser = Browser(create_asgi(pages), "/size", method="POST", **headers)
        for _ in range(101):
            browser.send(b"x" * 1000, more_body=True)
        assert (await browser.over()).status == 413

    run(part)


def test_a_request_cut_off_never_reaches_a_view(pages):
    async def part() -> None:
        seen: list[str] = []
        pages.before_request(lambda: seen.append(request.path))
        browser = Browser(create_asgi(pages), "/size", method="POST", content_length="10")
        browser.send(b"12345", more_body=True)
        browser.leave()
        assert (await browser.over()).status == 400
        assert seen == []

    run(part)


def test_a_websocket_is_closed(pages):
    async def part() -> None:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await create_asgi(pages)({"type": "websocket"}, asyncio.Queue[Any]().get, send)
        assert sent == [{"type": "websocket.close", "code": 1000}]

    run(part)


# --- a real server ---


class Started:
    """The product's server over a small app, in a thread."""

    def __init__(self, pages: Flask) -> None:
        self.addresses: list[str] = []
        self.ready = threading.Event()
        self.listener = listen("127.0.0.1", 0)
        self.port: int = self.listener.getsockname()[1]
        self.root = create_asgi(pages)
        self.server = Server(self.root, self.listener, self._note)
        self.thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True
        )

    def _note(self, address: str) -> None:
        self.addresses.append(address)
        self.ready.set()

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(8)


@pytest.fixture
def started(pages: Flask) -> Iterator[Started]:
    server = Started(pages)
    server.thread.start()
    assert server.ready.wait(10)
    yield server
    server.stop()


def test_the_server_tells_its_address_when_it_answers(started):
    assert started.addresses == [f"http://127.0.0.1:{started.port}"]
    answer = started.get("/hello")
    assert answer.read() == b"hello from 127.0.0.1"
    assert "server" not in {name.lower() for name, _value in answer.getheaders()}


def test_the_server_believes_no_forwarded_header_by_itself(started):
    answer = started.get("/hello", **{"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1"})
    assert answer.read() == b"hello from 127.0.0.1"


def test_headers_without_end_are_refused(started):
    with socket.create_connection(("127.0.0.1", started.port), 10) as sock:
        sock.sendall(b"GET /hello HTTP/1.1\r\n" + b"X-Long: " + b"x" * 100_000)
        assert sock.recv(1000).startswith(b"HTTP/1.1 400")


@pytest.mark.slow
def test_streams_are_ended_when_the_server_stops(started):
    stream = started.get("/events?c=person:1", Cookie="who=ana")
    assert b"retry" in stream.readline()
    hub: Hub = started.root.hub
    hub.publish(["person:1"], {"type": "bell"})
    started.stop()
    assert not started.thread.is_alive()
    assert b"bell" in stream.read()


def test_a_left_stream_gives_its_seat_back(started):
    stream = started.get("/events?c=person:1", Cookie="who=ana")
    assert b"retry" in stream.readline()
    assert started.root._seats[1] == 1
    stream.close()
    gone = threading.Event()
    for _ in range(200):
        if not started.root._seats:
            gone.set()
            break
        gone.wait(0.02)
    assert gone.is_set()


def test_small_pieces_are_sent_at_once():
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # by this alone asyncio decides


def test_a_port_in_use_is_named_with_the_way_out():
    with listen("127.0.0.1", 0) as taken, pytest.raises(PortTaken, match=r"PORT="):
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")])
def test_the_address_told_is_one_to_open_in_a_browser(host, shown):
    with listen(host, 0) as listener:
        assert address_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"


SERVED = """
import sys
from flask import Flask
from core import live, server
from core.config import Settings

class Worker:
    def __init__(self, app): pass
    def start(self): print("worker begins", flush=True)
    def stop(self): print("worker ends", flush=True)

server.Worker = Worker
server._claim_index = lambda: print("index claimed", flush=True)
app = Flask("served")
settings = Settings(port=0)
app.extensions["fullcircle.settings"] = settings
live.init(app, settings)
server.serve(app, settings)
print("served", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_server_and_worker_in_order(number):
    process = subprocess.Popen([sys.executable, "-c", SERVED], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "index claimed\n"
    assert process.stdout.readline() == "worker begins\n"
    assert process.stdout.readline().startswith("Fullcircle is at http://127.0.0.1:")
    process.send_signal(number)
    rest, _nothing = process.communicate(timeout=20)
    assert rest.splitlines() == ["worker ends", "served"]
    assert process.returncode == 0
