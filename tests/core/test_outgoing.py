"""The guarded client against real servers that behave well, badly and maliciously."""

import gzip
import socket
import threading
import time
from collections.abc import Callable

import pytest

from core.outgoing import Limits, OutgoingFailed, OutgoingRefused
from core.outgoing.addresses import is_public
from core.outgoing.client import Client
from tests.fakes.site import Site, client_trust, says, server_tls

PUBLIC = "93.184.216.34"
OTHER = "93.184.216.35"

CLOSED = [
    *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *(
        "100.64.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.7",
    ),
    *("224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1"),
    *(
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fe80::1%eth0",
    ),
    *("fec0::1", "ff02::1", "ff0e::1"),
]


def towards(site: Site, dialled: list[str] | None = None) -> Callable[[str, int, float], socket.socket]:
    """Stands for the internet: whatever public address is called, `site` answers."""

    def dial(address: str, port: int, timeout: float) -> socket.socket:
        if dialled is not None:
            dialled.append(address)
        return socket.create_connection(("127.0.0.1", site.port), timeout)

    return dial


def names(**known: str) -> Callable[[str, int], list[str]]:
    """A resolver of `a_example="1.2.3.4"`, written so for a.example."""
    table = {name.replace("_", "."): address.split() for name, address in known.items()}

    def resolve(host: str, port: int) -> list[str]:
        if host not in table:
            raise socket.gaierror("unknown")
        return table[host]

    return resolve


def never(address: str, port: int, timeout: float) -> socket.socket:
    raise AssertionError(f"{address} must not be called")


def loopback() -> Client:
    """For tests of behaviour: the real dialler, loopback let through."""
    return Client(allow_private=True)


# --- which addresses ---


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_that_is_not_the_public_internet_is_closed(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", PUBLIC, "2606:4700::1111", "2a00:1450:4001:81b::200e"]
)
def test_a_public_address_is_open(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[fe80::1%25eth0]/",
        "http://[64:ff9b::7f00:1]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://0/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/",
    ],
)
def test_no_way_to_write_a_private_address_is_called(url):
    with pytest.raises(OutgoingRefused):
        Client(dial=never).fetch(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://ana:secret@example.com/",
        "http://ana@example.com/",
        "http://a.example\\@127.0.0.1/",
        "http://example.com:22/",
        "http://example.com:0/",
        "https://example.com:8443/",
        "http://example..com/",
        "http://exa mple.com/",
        "http://example.com%00.evil.example/",
        "http://xn--/",
        "http://exam\r\nple.com/",
        "http://example.com/" + "a" * 5000,
    ],
)
def test_an_address_of_another_form_is_refused(url):
    with pytest.raises(OutgoingRefused) as refusal:
        Client(resolve=names(example_com=PUBLIC), dial=never).fetch(url)
    assert refusal.value.message


def test_the_checked_address_itself_is_called_and_the_name_is_kept_for_the_other_side():
    dialled: list[str] = []
    with Site(says("200 OK", body=b"hello")) as site:
        client = Client(resolve=names(news_example=PUBLIC), dial=towards(site, dialled))
        answer = client.fetch("http://news.example/feed?a=b#part")
        assert (answer.status, answer.body, answer.url) == (200, b"hello", "http://news.example/feed?a=b")
        assert dialled == [PUBLIC]
        assert site.requests[0].startswith(b"GET /feed?a=b HTTP/1.1\r\nHost: news.example\r\n")


def test_one_private_address_among_public_ones_closes_the_name():
    client = Client(resolve=names(mixed_example=f"{PUBLIC} 10.0.0.7"), dial=never)
    with pytest.raises(OutgoingRefused, match="private network"):
        client.fetch("http://mixed.example/")


def test_a_name_that_changes_its_address_after_the_check_gains_nothing():
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    dialled: list[str] = []
    with Site(says("200 OK")) as site:
        client = Client(resolve=lambda host, port: next(answers), dial=towards(site, dialled))
        client.fetch("http://rebind.example/")
        assert dialled == [PUBLIC]
        with pytest.raises(OutgoingRefused):
            client.fetch("http://rebind.example/")
    assert dialled == [PUBLIC]


def test_a_dead_address_is_passed_over_for_the_next():
    with Site(says("200 OK", body=b"second")) as site:

        def dial(address: str, port: int, timeout: float) -> socket.socket:
            if address == PUBLIC:
                raise ConnectionRefusedError
            return socket.create_connection(("127.0.0.1", site.port), timeout)

        assert (
            Client(resolve=names(two_example=f"{PUBLIC} {OTHER}"), dial=dial)
            .fetch("http://two.example/")
            .body
            == b"second"
        )


def test_an_unknown_name_and_a_closed_door_are_told_apart_in_plain_words():
    with Site(says("200 OK")) as site:
        closed = site.url()
    with pytest.raises(OutgoingFailed, match=r"no site named nowhere\.example"):
        Client(resolve=names()).fetch("http://nowhere.example/")
    with pytest.raises(OutgoingFailed, match="does not accept"):
        loopback().fetch(closed)


def test_a_closed_network_may_open_private_addresses_but_never_link_local_ones():
    with Site(says("200 OK", body=b"inside")) as site:
        assert loopback().fetch(site.url()).body == b"inside"
    for url in (
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
    ):
        with pytest.raises(OutgoingRefused):
            Client(allow_private=True, dial=never).fetch(url)


def test_checking_an_address_judges_it_without_a_call():
    client = Client(resolve=names(good_example=PUBLIC, bad_example="192.168.0.4"), dial=never)
    client.check("https://good.example/hook")
    with pytest.raises(OutgoingRefused):
        client.check("https://bad.example/hook")


# --- what a failure tells: a caller that must not act twice asks whether anything was sent ---


def _failure(client: Client, url: str) -> OutgoingFailed:
    with pytest.raises(OutgoingFailed) as caught:
        client.fetch(url, method="POST", body=b"x", limits=Limits(deadline=0.3))
    return caught.value


def test_a_failure_before_the_first_byte_says_that_nothing_was_sent():
    with Site(says("200 OK")) as site:
        closed = site.url()
    assert _failure(loopback(), closed).nothing_sent
    assert _failure(Client(resolve=names()), "http://nowhere.example/").nothing_sent
    with Site(says("200 OK"), tls=server_tls()) as site:
        assert _failure(loopback(), site.url()).nothing_sent
        assert site.requests == []


@pytest.mark.slow
def test_a_failure_after_that_does_not():
    with Site(lambda _request, _sock: None) as site:
        assert not _failure(loopback(), site.url()).nothing_sent
    with Site(lambda _request, _sock: site.ended.wait(5)) as site:
        assert not _failure(loopback(), site.url()).nothing_sent


def test_a_failure_at_the_second_address_of_a_redirect_does_not_either():
    with Site(says("200 OK")) as site:
        closed = site.url()
    with Site(says("303 See Other", f"Location: {closed}")) as site:
        assert not _failure(loopback(), site.url()).nothing_sent


# --- redirects ---


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/",
        "http://inside.example/",
        "http://[::1]:80/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "http://u:p@a.example/",
    ],
)
def test_a_redirect_into_the_private_network_is_refused(target):
    with Site(says("302 Found", f"Location: {target}")) as site:
        client = Client(resolve=names(a_example=PUBLIC, inside_example="10.0.0.1"), dial=towards(site))
        with pytest.raises(OutgoingRefused):
            client.fetch("http://a.example/")
        assert len(site.requests) == 1


def test_redirects_are_followed_to_the_end_and_the_last_address_is_told():
    def play(request: bytes, sock: socket.socket) -> None:
        step = {b"/1": "/2?x=1", b"/2?x=1": "3"}.get(request.split()[1])
        (says("302 Found", f"Location: {step}") if step else says("200 OK", body=b"end"))(request, sock)

    with Site(play) as site:
        answer = loopback().fetch(site.url("/1"))
    assert (answer.body, answer.url) == (b"end", site.url("/3"))


def test_a_ring_of_redirects_ends_after_five():
    with Site(says("302 Found", "Location: /again")) as site:
        with pytest.raises(OutgoingFailed, match="more than 5"):
            loopback().fetch(site.url())
        assert len(site.requests) == 6


def test_a_call_that_follows_no_redirects_gets_the_redirect_as_its_answer():
    with Site(says("302 Found", "Location: http://169.254.169.254/")) as site:
        answer = loopback().fetch(site.url(), method="POST", body=b"x", limits=Limits(redirects=0))
        assert (answer.status, answer.url, len(site.requests)) == (302, site.url(), 1)


def _sent_on(status: str, method: str, target: str, body: bytes | None = b"data") -> list[bytes]:
    """The requests of a call from a.example that is redirected to `target`."""

    def play(request: bytes, sock: socket.socket) -> None:
        moved = request.split()[1] == b"/old"
        (says(status, f"Location: {target}") if moved else says("200 OK"))(request, sock)

    with Site(play) as site:
        client = Client(resolve=names(a_example=PUBLIC, b_example=OTHER), dial=towards(site))
        headers = {
            "Authorization": "Bearer s3cret",
            "Cookie": "id=1",
            "X-Key": "s3cret",
            "Accept": "text/xml",
            "Content-Type": "text/plain",
        }
        client.fetch("http://a.example/old", method=method, headers=headers, body=body)
        return site.requests


def test_secrets_do_not_follow_a_redirect_to_another_host():
    first, second = _sent_on("302 Found", "GET", "http://b.example/new", body=None)
    assert b"s3cret" in first
    assert b"s3cret" not in second
    assert b"id=1" not in second
    assert b"accept: text/xml" in second.lower()
    assert b"Host: b.example" in second


def test_secrets_follow_a_redirect_on_the_same_host():
    _first, second = _sent_on("302 Found", "GET", "/new", body=None)
    assert b"s3cret" in second


def test_a_post_becomes_a_read_where_http_says_so_and_stays_a_post_where_not():
    assert _sent_on("303 See Other", "POST", "/new")[1].startswith(b"GET /new ")
    assert _sent_on("302 Found", "POST", "/new")[1].startswith(b"GET /new ")
    kept = _sent_on("308 Permanent Redirect", "POST", "/new")[1]
    assert kept.startswith(b"POST /new ")
    assert kept.endswith(b"\r\n\r\ndata")


def test_a_body_is_not_carried_to_another_host():
    with pytest.raises(OutgoingRefused, match="final address"):
        _sent_on("307 Temporary Redirect", "POST", "http://b.example/new")


# --- limits ---


def _drip(site_ended: threading.Event, head: bytes) -> Callable[[bytes, socket.socket], None]:
    def play(_request: bytes, sock: socket.socket) -> None:
        sock.sendall(head)
        while not site_ended.wait(0.02):
            sock.sendall(b"x")

    return play


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["status line", "headers", "body", "body without length"],
)
def test_a_server_that_drips_is_cut_at_the_deadline_of_the_whole_call(head):
    ended = threading.Event()
    begun = time.monotonic()
    with Site(_drip(ended, head)) as site, pytest.raises(OutgoingFailed, match=r"within 0\.3 seconds"):
        loopback().fetch(site.url(), limits=Limits(deadline=0.3))
    ended.set()
    assert time.monotonic() - begun < 3


@pytest.mark.slow
def test_a_server_that_never_reads_a_large_body_is_cut_too():
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with listener, pytest.raises(OutgoingFailed, match="within"):
        loopback().fetch(url, method="POST", body=b"x" * 30_000_000, limits=Limits(deadline=0.3))


def test_a_slow_look_up_is_cut_at_the_deadline():
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(10)
        return [PUBLIC]

    with pytest.raises(OutgoingFailed, match="within"):
        Client(resolve=resolve, dial=never).fetch("http://slow.example/", limits=Limits(deadline=0.1))
    release.set()


@pytest.mark.slow
def test_redirects_share_one_deadline():
    pause = threading.Event()

    def play(request: bytes, sock: socket.socket) -> None:
        pause.wait(0.15)
        says("302 Found", "Location: /again")(request, sock)

    with Site(play) as site, pytest.raises(OutgoingFailed, match="within"):
        loopback().fetch(site.url(), limits=Limits(deadline=0.4))
    assert len(site.requests) < 5


@pytest.mark.parametrize(
    "play",
    [
        says("200 OK", body=b"x" * 2001),
        says("200 OK", "Content-Length: 999999999999"),
        lambda _request, sock: sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000),
        lambda _request, sock: sock.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * 500
        ),
    ],
    ids=["honest", "announced", "no length", "chunked"],
)
def test_an_answer_beyond_the_limit_is_not_taken_in(play):
    with Site(play) as site, pytest.raises(OutgoingFailed, match="larger than 2 kB"):
        loopback().fetch(site.url(), limits=Limits(max_bytes=2000))


def test_an_answer_of_just_the_limit_is_taken_packed_or_not():
    content = b"x" * 2000
    for play in (
        says("200 OK", body=content),
        says("200 OK", "Content-Encoding: gzip", body=gzip.compress(content)),
    ):
        with Site(play) as site:
            assert loopback().fetch(site.url(), limits=Limits(max_bytes=2000)).body == content


@pytest.mark.slow
def test_a_gzip_bomb_is_refused_before_it_unfolds():
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    site = Site(says("200 OK", "Content-Encoding: gzip", body=bomb))
    with site, pytest.raises(OutgoingFailed, match="larger than 5000 kB"):
        loopback().fetch(site.url())


def test_a_bomb_in_many_small_parts_is_refused():
    parts = gzip.compress(b"") * 1000
    with (
        Site(says("200 OK", "Content-Encoding: gzip", body=parts)) as site,
        pytest.raises(OutgoingFailed, match="too many parts"),
    ):
        loopback().fetch(site.url())


def test_gzip_in_two_parts_is_read_whole():
    with Site(
        says("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"one ") + gzip.compress(b"two"))
    ) as site:
        assert loopback().fetch(site.url()).body == b"one two"


@pytest.mark.parametrize(
    "body", [gzip.compress(b"hello" * 100, mtime=0)[:-9], b"not gzip at all"], ids=["cut off", "no gzip"]
)
def test_a_damaged_packed_answer_is_not_taken_for_a_whole_one(body):
    with (
        Site(says("200 OK", "Content-Encoding: gzip", body=body)) as site,
        pytest.raises(OutgoingFailed, match="damaged"),
    ):
        loopback().fetch(site.url())


def test_packing_that_was_not_asked_for_is_refused():
    with Site(says("200 OK", "Content-Encoding: br", body=b"whatever")) as site:
        with pytest.raises(OutgoingFailed, match="not asked for"):
            loopback().fetch(site.url())
        assert b"Accept-Encoding: gzip\r\n" in site.requests[0]


@pytest.mark.parametrize("count", [30, 3000], ids=["just above", "far above"])
def test_headers_beyond_the_limit_are_refused(count):
    headers = [f"X-{place}: {'y' * 3000}" for place in range(count)]
    with Site(says("200 OK", *headers)) as site, pytest.raises(OutgoingFailed):
        loopback().fetch(site.url())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
    ids=["silence", "not http", "cut short", "upgrade"],
)
def test_an_answer_that_is_not_http_is_a_failure_and_not_half_a_success(raw):
    with Site(lambda _request, sock: sock.sendall(raw)) as site, pytest.raises(OutgoingFailed):
        loopback().fetch(site.url())


# --- the call itself ---


def test_status_headers_and_sent_headers_reach_both_sides():
    with Site(says("304 Not Modified", 'ETag: "v1"', "X-A: 1", "X-A: 2")) as site:
        answer = loopback().fetch(site.url(), headers={"If-None-Match": '"v1"', "User-Agent": "Reader"})
        assert (answer.status, answer.headers["etag"], answer.headers["X-A"]) == (304, '"v1"', "1, 2")
        request = site.requests[0].lower()
        assert b'if-none-match: "v1"' in request
        assert request.count(b"user-agent: reader") == 1


def test_a_caller_cannot_set_the_headers_that_frame_the_request():
    with Site(says("200 OK")) as site:
        loopback().fetch(
            site.url(),
            method="POST",
            body=b"abc",
            headers={"Host": "evil.example", "Content-Length": "1", "Accept-Encoding": "br"},
        )
        request = site.requests[0]
        assert b"evil.example" not in request
        assert b"Content-Length: 3" in request
        assert b": br" not in request


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "Ω"])
def test_a_header_cannot_smuggle_another(value):
    with Site(says("200 OK")) as site:
        with pytest.raises((OutgoingRefused, OutgoingFailed)):
            loopback().fetch(site.url(), headers={"X-Note": value})
        assert not any(b"X-Evil" in request for request in site.requests)


def test_a_method_outside_the_list_is_refused():
    with pytest.raises(OutgoingRefused):
        Client(dial=never).fetch("http://8.8.8.8/", method="CONNECT")


def test_the_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    with Site(says("200 OK", body=b"direct")) as site:
        assert loopback().fetch(site.url()).body == b"direct"


def test_https_checks_the_certificate_against_the_name_and_not_the_number():
    with Site(says("200 OK", body=b"safe"), tls=server_tls()) as site:
        client = Client(
            resolve=names(right_example=PUBLIC, wrong_example=PUBLIC), dial=towards(site), trust=client_trust
        )
        assert client.fetch("https://right.example/").body == b"safe"
        with pytest.raises(OutgoingFailed, match="certificate"):
            client.fetch("https://wrong.example/")


def test_https_does_not_trust_an_unknown_authority():
    with Site(says("200 OK"), tls=server_tls()) as site, pytest.raises(OutgoingFailed, match="certificate"):
        Client(resolve=names(right_example=PUBLIC), dial=towards(site)).fetch("https://right.example/")
