"""Passwords: argon2id hashes, and what makes a password too easy to guess."""

import itertools
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from core.errors import Refused

SHORTEST: Final = 8
LONGEST: Final = 256  # characters; longer ones are refused before any hashing
_COMMON = Path(__file__).with_name("common_passwords.txt")
_LONG_ENOUGH: Final = 20  # characters, beyond which patterns are no longer tried first
_LONG_NUMBER: Final = 11  # digits; shorter numbers are dates, telephones and postal codes
_LOOKALIKES: Final = str.maketrans("013457@$!", "oleastasi")
_SHORTEST_WORD: Final = 4  # of the person's own words that a password may not consist of
# OWASP's second set for argon2id: 19 MiB, two passes, one lane; many sign-ins at once fit into a small machine.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_of(password: str) -> str:
    """The hash to store. Equal characters hash equal however a keyboard composed them (NFC)."""
    return _hasher.hash(_normal(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` belongs to the stored hash. Takes the same time when there is no hash to compare with."""
    if len(password) > LONGEST:
        return False
    try:
        return _hasher.verify(stored or _nobodys(), _normal(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with older parameters and should be made anew at this sign-in."""
    return _hasher.check_needs_rehash(stored)


def weakness(password: str, *own_words: str) -> str:
    """What is wrong with a new password, in a sentence; empty when nothing is.

    `own_words` are the names an attacker would try first: the person's name, handle, address and the site's name.
    """
    if len(password) < SHORTEST:
        return _("Please use at least %(number)s characters.", number=SHORTEST)
    if len(password) > LONGEST:
        return _("Please use at most %(number)s characters.", number=LONGEST)
    plain = _plain(password)
    if _is_pattern(password.casefold()):
        return _("This password follows a pattern that is tried first. Please choose another.")
    if not _common().isdisjoint({password.casefold(), plain, _unit(plain)}):
        return _("This password is among the most common ones. Please choose another.")
    if any(_is_made_of(password, word) for word in own_words):
        return _("This password is too close to your name, your address or the name of this site.")
    return ""


def require_strong(password: str, *own_words: str) -> None:
    """Stop with Refused at the field `password` when it is weak."""
    problem = weakness(password, *own_words)
    if problem:
        raise Refused(fields={"password": problem})


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody's password")


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


def _plain(password: str) -> str:
    """What is left to guess: lower case, letters for the digits that look like them, no tail such as `2024!`."""
    folded = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password.casefold()) or password.casefold()
    return folded.translate(_LOOKALIKES)


def _unit(text: str) -> str:
    """The piece that repeats, or the text itself."""
    found = re.fullmatch(r"(.{1,32}?)\1+", text)
    return found[1] if found else text


def _is_pattern(text: str) -> bool:
    """In short passwords: few different characters, a tiny piece repeated, a run up or down, a date or phone number."""
    if len(text) > _LONG_ENOUGH:
        return False
    if len(set(text)) < 4 or len(_unit(text)) <= 3 or (text.isdecimal() and len(text) <= _LONG_NUMBER):
        return True
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(text)}
    return steps in ({1}, {-1})


def _is_made_of(password: str, word: str) -> bool:
    """Whether the password is the word, or its parts, said once or more, with any digits at its end."""
    parts = {re.sub(r"[\W_]+", "", word.casefold()), *re.split(r"[\W_\d]+", word.casefold())}
    said = re.sub(r"\d+$", "", re.sub(r"[\W_]+", "", password.casefold()))
    longest_first = sorted((p for p in parts if len(p) >= _SHORTEST_WORD), key=len, reverse=True)
    return bool(said) and "" in {
        _without(said, longest_first),
        _without(said.translate(_LOOKALIKES), longest_first),
    }


def _without(text: str, parts: list[str]) -> str:
    for part in parts:
        text = text.replace(part, "")
    return text
