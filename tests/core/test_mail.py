"""Letters: nothing breaks out of a header, files are kept exactly once, a real SMTP server takes them."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from hypothesis import given
from hypothesis import strategies as st

from core import clock, disk
from core.config import SettingError, Settings
from core.mail import Letter, Mail, MailFailed, MailRefused, checked, one_line, sender_of, unlinked
from core.mail.files import MailFiles
from core.mail.letter import build
from core.mail.smtp import Smtp
from tests.fakes.site import Site, client_trust, server_tls
from tests.services import free_port

SENDER = Address("Orbit community", addr_spec="community@orbit.example")


def letter(**changes: Any) -> Letter:
    """A letter to Ana about a release."""
    values: dict[str, Any] = {
        "to": "Ana <ana@example.com>",
        "subject": "Your idea shipped",
        "text": "Hello Ana.\n",
    }
    return Letter(**(values | {"message_id": "release-7-ana"} | changes))


def parsed(**changes: Any):
    """The letter as the recipient's mail program reads it."""
    return message_from_bytes(build(letter(**changes), SENDER).message.as_bytes(), policy=default)


def text_of(message: Any, kind: str = "plain") -> str:
    """The body without the line ends that mail travels with."""
    content: str = message.get_body((kind,)).get_content()
    return content.replace("\r\n", "\n")


# --- building ---


def test_a_letter_carries_what_mail_programs_ask_of_automatic_mail():
    message = parsed(
        html="<p>Hello Ana.</p>",
        list_unsubscribe="https://orbit.example/u/abc",
        headers={"X-Kind": "release"},
    )
    assert message["From"] == "Orbit community <community@orbit.example>"
    assert message["To"] == "Ana <ana@example.com>"
    assert message["Message-ID"] == "<release-7-ana@orbit.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<https://orbit.example/u/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["X-Kind"] == "release"
    assert text_of(message) == "Hello Ana.\n"
    assert text_of(message, "html") == "<p>Hello Ana.</p>\n"


NASTY = [
    "a\r\nBcc: evil@example.net",
    "a\nBcc: evil@example.net\n\nbody",
    "a\rBcc: evil@example.net",
    "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b",
    "=?utf-8?q?a=0D=0ABcc:_evil@example.net?=",
    "=?utf-8?b?YQ0KQmNjOiBldmlsQGV4YW1wbGUubmV0?=",
    'Ana" <evil@example.net>, "x',
    "Ana, evil@example.net",
    "Ana\\",
    "<evil@example.net>",
    "\u202egnp.exe",
    "\0\ud800",
    "x" * 5000,
    "ä" * 5000,
    "Grüße 👋 שלום مرحبا",
]


@pytest.mark.parametrize("text", NASTY)
def test_no_subject_and_no_name_breaks_out_of_its_header(text):
    message = parsed(subject=text, to=f"{text} <ana@example.com>", headers={"X-Note": text})
    _is_one_letter_to_ana(message)
    assert message["Subject"] == one_line(text, 200)
    assert max(map(len, build(letter(subject=text), SENDER).message.as_bytes().splitlines())) < 998
    assert "\u202e" not in str(message["To"])


WORDS = st.text(st.characters(codec="utf-8") | st.sampled_from(" äß…Ж日👋"), max_size=300)


@pytest.mark.slow
@given(WORDS)
def test_whatever_the_subject_and_name_the_letter_has_one_recipient(text):
    message = parsed(subject=text, to=f"{text} <ana@example.com>", headers={"X-Note": text})
    _is_one_letter_to_ana(message)
    assert message["Subject"] == message["X-Note"] == one_line(text, 200)
    assert message["To"].addresses[0].display_name == one_line(text.strip().strip('"'), 80)


def _is_one_letter_to_ana(message: Any) -> None:
    assert [address.addr_spec for address in message["To"].addresses] == ["ana@example.com"]
    names = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Note"}
    body = {"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
    assert set(message.keys()) == names | body
    assert text_of(message) == "Hello Ana.\n"


@pytest.mark.parametrize(
    "address",
    [
        *("", "ana", "ana@", "@example.com", "ana@exa mple.com", "ana@[127.0.0.1]", "ana@example.com>"),
        *(
            "ana@example.com, ben@example.com",
            "ana@example.com\nbcc: x@example.com",
            "Ana <ana@example.com> <",
        ),
        *("=?x?q?ana=40example.net=3e?=@example.com", '"ana ben"@example.com', "änä@example.com"),
        "a" * 300 + "@example.com",
    ],
)
def test_what_is_not_one_plain_address_is_refused(address):
    with pytest.raises(MailRefused):
        build(letter(to=address), SENDER)


@pytest.mark.parametrize(
    "address", ["ana@example.com", "ana+tag@desk.internal", "ana@localhost", "a.n-a_1@sub.example.org"]
)
def test_addresses_of_the_internet_and_of_a_closed_network_are_taken(address):
    assert checked(address) == address


def test_a_domain_of_another_script_is_written_in_its_mail_form():
    assert checked("ana@bücher.example") == "ana@xn--bcher-kva.example"


def test_a_caller_cannot_replace_the_frame_of_a_letter():
    for name in ("Bcc", "to", "Content-Type", "X Bad", "X-Bad:", "X-\nBcc"):
        with pytest.raises(ValueError, match="header"):
            build(letter(headers={name: "x"}), SENDER)


def test_two_message_ids_never_fall_together_and_unusual_ones_stay_valid():
    ids = ["a b", "a\tb", "a\r\nBcc: x", "ä", "x" * 500, "<a@b>", "a@b@c", "", "-a"]
    keys = {build(letter(message_id=name), SENDER).key for name in ids if name}
    assert len(keys) == len(ids) - 1
    for name in filter(None, ids):
        assert parsed(message_id=name)["Message-ID"].isascii()
    with pytest.raises(ValueError, match="message id"):
        build(letter(message_id=""), SENDER)


def test_a_name_that_looks_like_an_address_is_no_link_in_text_mail():
    for name in ("evil.test/x", "https://evil.test", "ana@evil.test", "www.evil.test", "//evil.test"):
        shown = unlinked(name)
        assert not re.search(r"[.:/@]\w", shown)
        assert shown.replace("\N{WORD JOINER}", "") == name
    assert unlinked("Ana Maria") == "Ana Maria"


def test_the_address_of_one_click_unsubscribing_stays_whole_however_long():
    address = "https://community.orbit.example/unsubscribe/" + "WzksIm1lbnRpb24iXQ." * 8
    sent = build(letter(list_unsubscribe=address), SENDER).message.as_bytes()
    assert f"\r\nList-Unsubscribe: <{address}>\r\n".encode() in sent


def test_letters_come_under_the_name_of_the_community_unless_the_setting_has_one(tmp_path: Path):
    def from_line(mail_from: str) -> str:
        post = Mail(MailFiles(tmp_path / mail_from), sender_of(Settings(mail_from=mail_from)))
        post.send(letter(), "Orbit\nBcc: x")
        (kept,) = post.backend.outbox(1, None)
        found = post.backend.read(kept.key)
        return found.headers[0][1]

    assert from_line("hello@orbit.example") == '"Orbit Bcc: x" <hello@orbit.example>'
    assert from_line("Team <hello@orbit.example>") == "Team <hello@orbit.example>"


def test_the_sender_is_the_setting():
    assert str(sender_of(Settings(mail_from="hello@orbit.example"))) == "hello@orbit.example"
    assert str(sender_of(Settings(mail_from="Team <hello@orbit.example>"))) == "Team <hello@orbit.example>"
    with pytest.raises(SettingError):
        sender_of(Settings(mail_from="nobody"))


# --- files ---


@pytest.fixture
def kept(tmp_path: Path) -> Mail:
    return Mail(MailFiles(tmp_path / "mail"), SENDER)


def _letters(folder: Path) -> list[Path]:
    return sorted((folder / "mail").glob("*.eml"))


def test_a_letter_is_kept_whole_and_read_back(kept):
    kept.send(letter(subject="Grüße", text="Zeile\nzwei …\n", html="<p>zwei</p>"))
    (summary,) = kept.backend.outbox(10, None)
    assert (summary.to, summary.subject) == ("Ana <ana@example.com>", "Grüße")
    view = kept.backend.read(summary.key)
    assert (view.text, view.html) == ("Zeile\nzwei …\n", "<p>zwei</p>\n")
    assert view.sender == "Orbit community <community@orbit.example>"
    assert ("Auto-Submitted", "auto-generated") in view.headers


def test_a_repeat_overwrites_the_same_file_also_hours_later_and_from_another_process(kept, tmp_path):
    start = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
    with clock.frozen(start):
        kept.send(letter(text="first"))
    with clock.frozen(start + timedelta(hours=5)):
        Mail(MailFiles(tmp_path / "mail"), SENDER).send(letter(text="second"))
    (path,) = _letters(tmp_path)
    assert path.name.startswith("20260501T090000")
    assert b"second" in path.read_bytes()


def test_the_same_letter_sent_at_once_by_many_is_there_once(kept, tmp_path):
    threads = [threading.Thread(target=kept.send, args=(letter(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_letters(tmp_path)) == 1
    assert len(kept.backend.outbox(10, None)) == 1


def test_a_crash_while_writing_leaves_no_half_letter_and_the_repeat_makes_it_whole(
    kept, tmp_path, monkeypatch
):
    def broken(*_args: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", broken)
        with pytest.raises(OSError, match="power cut"):
            kept.send(letter())
    assert _letters(tmp_path) == []
    assert kept.backend.outbox(10, None) == []
    kept.send(letter())
    assert len(_letters(tmp_path)) == 1
    assert not list(tmp_path.rglob(".draft-*"))


def test_the_outbox_is_read_in_pages_newest_first(kept):
    start = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
    for place in range(5):
        with clock.frozen(start + timedelta(minutes=place)):
            kept.send(letter(subject=f"Letter {place}", message_id=f"m-{place}"))
    first = kept.backend.outbox(2, None)
    second = kept.backend.outbox(2, first[-1].key)
    third = kept.backend.outbox(2, second[-1].key)
    assert [m.subject for m in [*first, *second, *third]] == [f"Letter {place}" for place in (4, 3, 2, 1, 0)]
    assert third[0].sent_at == start
    assert kept.backend.outbox(2, "0" * 32) == []


@pytest.mark.parametrize("key", ["", "..", "../../secret_key", "0" * 32, "0" * 31 + "/", "A" * 32])
def test_a_key_of_no_letter_reads_nothing_and_names_no_path(kept, key):
    kept.send(letter())
    assert kept.backend.read(key) is None


def test_an_empty_outbox_is_empty(kept):
    assert kept.backend.outbox(10, None) == []
    assert kept.backend.read("0" * 32) is None


def test_files_of_mail_are_the_owners_alone(kept, tmp_path):
    kept.send(letter())
    assert (tmp_path / "mail").stat().st_mode & 0o077 == 0
    assert _letters(tmp_path)[0].stat().st_mode & 0o077 == 0


def test_of_two_first_writers_only_one_is_first(tmp_path):
    assert disk.write_first(tmp_path / "note", b"one")
    assert not disk.write_first(tmp_path / "note", b"two")
    assert (tmp_path / "note").read_bytes() == b"one"


# --- SMTP ---


class Postbox:
    """The part of a mail server that takes letters, with faults on demand."""

    def __init__(self, **replies: str) -> None:
        self.letters: list[bytes] = []
        self.sessions: set[int] = set()
        self.replies = replies
        self.drop_after_taking = False

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.replies.get("rcpt", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.sessions.add(id(session))
        assert isinstance(envelope.content, bytes)
        self.letters.append(envelope.content)
        if self.drop_after_taking:
            self.drop_after_taking = False
            server.transport.abort()
        return self.replies.get("data", "250 OK")


@contextmanager
def running(postbox: Postbox, **options: Any) -> Iterator[int]:
    """A real server on a free port of loopback."""
    controller = Controller(postbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def over(port: int, **options: Any) -> Mail:
    return Mail(Smtp("127.0.0.1", port, **({"tls": "none"} | options)), SENDER)


def test_a_letter_arrives_whole_with_its_lasting_id():
    postbox = Postbox()
    with running(postbox) as port:
        over(port).send(letter(subject="Grüße an 王", text=".\nA line\n..\nof dots é\n"))
    message = message_from_bytes(postbox.letters[0], policy=default)
    assert message["Subject"] == "Grüße an 王"
    assert message["Message-ID"] == "<release-7-ana@orbit.example>"
    assert text_of(message) == ".\nA line\n..\nof dots é\n"


def test_one_connection_serves_many_letters_and_a_lost_one_is_replaced():
    postbox = Postbox()
    with running(postbox) as port:
        mail = over(port)
        for place in range(5):
            mail.send(letter(message_id=f"m-{place}"))
        assert len(postbox.sessions) == 1
    with running(postbox) as port:
        assert isinstance(mail.backend, Smtp)
        mail.backend.port = port
        mail.send(letter(message_id="m-6"))
    assert len(postbox.letters) == 6


@pytest.mark.slow
def test_a_recipient_refused_for_good_is_told_from_one_refused_for_now():
    with (
        running(Postbox(rcpt="550 5.1.1 No such person")) as port,
        pytest.raises(MailRefused, match="No such person"),
    ):
        over(port).send(letter())
    with running(Postbox(rcpt="451 4.3.0 Try later")) as port, pytest.raises(MailFailed, match="Try later"):
        over(port).send(letter())
    with running(Postbox(data="554 5.7.1 Looks like spam")) as port, pytest.raises(MailRefused, match="spam"):
        over(port).send(letter())
    with running(Postbox(data="452 4.2.2 Box full")) as port, pytest.raises(MailFailed, match="full"):
        over(port).send(letter())


def test_a_letter_interrupted_in_mid_call_is_repeated_under_the_same_id():
    postbox = Postbox()
    postbox.drop_after_taking = True
    with running(postbox) as port:
        mail = over(port)
        with pytest.raises(MailFailed):
            mail.send(letter())
        mail.send(letter())
    ids = [message_from_bytes(content)["Message-ID"] for content in postbox.letters]
    assert ids == ["<release-7-ana@orbit.example>"] * 2


def test_no_server_is_a_failure_to_try_again():
    with Site(lambda _request, _sock: None) as site:
        port = site.port
    with pytest.raises(MailFailed):
        over(port).send(letter())


@pytest.mark.slow
def test_a_server_that_only_drips_is_cut_at_the_deadline_of_the_letter():
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        sock, _peer = listener.accept()
        with sock:
            try:
                while not ended.wait(0.02):
                    sock.sendall(b"2")
            except OSError:
                return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with listener, pytest.raises(MailFailed):
        over(listener.getsockname()[1], timeout=5, deadline=0.3).send(letter())
    ended.set()
    thread.join(5)
    assert not thread.is_alive()


def _accept_all(*_args: Any) -> AuthResult:
    return AuthResult(success=True)


def test_a_letter_travels_encrypted_to_the_named_server_alone():
    postbox = Postbox()
    options = {"tls_context": server_tls(), "require_starttls": True, "authenticator": _accept_all}
    with running(postbox, **options) as port:
        account = {"user": "site", "password": "secret"}
        secure: dict[str, Any] = {"tls": "starttls", "trust": client_trust(), **account}
        over(port, **secure).send(letter())
        wrong = Mail(Smtp("127.0.0.2", port, **secure), SENDER)
        with pytest.raises(MailFailed):
            wrong.send(letter(message_id="other"))
        with pytest.raises(MailFailed):
            over(port, tls="starttls").send(letter(message_id="untrusted"))
    assert len(postbox.letters) == 1


def test_no_letter_goes_to_a_server_without_the_encryption_that_was_asked_for():
    postbox = Postbox()
    with running(postbox) as port, pytest.raises(MailFailed):
        over(port, tls="starttls", trust=client_trust()).send(letter())
    assert postbox.letters == []


def test_a_letter_travels_over_tls_from_the_first_byte():
    postbox = Postbox()
    with running(postbox, ssl_context=server_tls()) as port:
        over(port, tls="ssl", trust=client_trust()).send(letter())
    assert len(postbox.letters) == 1


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("smtp://u%40x:p%3Aw@mail.example", "mail.example", 587, "starttls"),
        ("smtps://mail.example", "mail.example", 465, "ssl"),
        ("smtp://localhost", "localhost", 25, "none"),
        ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, "none"),
        ("smtp://mail.example:2525?tls=none", "mail.example", 2525, "none"),
        ("smtp://localhost:2525?tls=starttls", "localhost", 2525, "starttls"),
    ],
)
def test_the_address_of_the_mail_server_is_read_with_encryption_as_the_rule(url, host, port, tls):
    backend = Smtp.from_url(url)
    assert (backend.host, backend.port, backend.tls) == (host, port, tls)


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://h:x", "smtp://h?tls=maybe"]
)
def test_an_address_that_is_no_mail_server_is_told_at_start(url):
    with pytest.raises(SettingError, match="MAIL_URL"):
        Smtp.from_url(url)
