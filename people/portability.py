"""What leaves with a person: features register their part of the data export and of an account's removal."""

from collections.abc import Callable, Iterable
from typing import Any

Section = Callable[[int], Iterable[dict[str, Any]]]
Removal = Callable[[int], None]
_sections: dict[str, Section] = {}
_removals: dict[str, Removal] = {}


def export_section(name: str) -> Callable[[Section], Section]:
    """Register `call(person_id) -> rows` as the part `name` of everybody's export, such as `forum.posts`."""

    def register(call: Section) -> Section:
        _sections[name] = call
        return call

    return register


def on_removal(name: str) -> Callable[[Removal], Removal]:
    """Register `call(person_id)`, run in the removal's transaction: delete what is the person's alone."""

    def register(call: Removal) -> Removal:
        _removals[name] = call
        return call

    return register


def sections_of(person_id: int) -> dict[str, list[dict[str, Any]]]:
    """Everything kept about a person, by section name in alphabetical order."""
    return {name: list(_sections[name](person_id)) for name in sorted(_sections)}


def forget(person_id: int) -> None:
    """Run every feature's removal."""
    for name in sorted(_removals):
        _removals[name](person_id)
