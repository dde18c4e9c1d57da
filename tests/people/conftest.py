"""What several tests of people need: the mails that went out, and the links in them."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from core import mail, worker

Letters = Callable[[str], list[mail.MailView]]


@pytest.fixture
def letters(context: Flask) -> Letters:
    """`letters("ana@example.com")`: what was sent there, newest first, after the worker has done its work."""

    def sent_to(email: str) -> list[mail.MailView]:
        worker.drain()
        found = [mail.read(row.key) for row in mail.outbox(100) if email in row.to]
        return [letter for letter in found if letter is not None]

    return sent_to


@pytest.fixture
def link(letters: Letters) -> Callable[[str], str]:
    """`link("ana@example.com")`: the path of the link in the newest letter to that address."""

    def newest(email: str) -> str:
        found = re.search(r"http://localhost(/\S+)", letters(email)[0].text)
        assert found, "no link in the letter"
        return found[1]

    return newest
