"""What belongs to a person: features register their part of the export, of a removal, and of two becoming one."""

from collections.abc import Callable, Iterable
from typing import Any

Section = Callable[[int], Iterable[dict[str, Any]]]
Removal = Callable[[int], None]
Merging = Callable[[int, int], None]
_sections: dict[str, Section] = {}
_removals: dict[str, Removal] = {}
_mergings: dict[str, tuple[int, Merging]] = {}


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


def on_merging(name: str, order: int) -> Callable[[Merging], Merging]:
    """Register `call(person_id, member_id)`, run in the merging's transaction: the first's is the second's now.

    Lower `order` comes first: upper floors, which look at what lower ones move and take their rows before theirs.
    """

    def register(call: Merging) -> Merging:
        _mergings[name] = (order, call)
        return call

    return register


def sections_of(person_id: int) -> dict[str, list[dict[str, Any]]]:
    """Everything kept about a person, by section name in alphabetical order."""
    return {name: list(_sections[name](person_id)) for name in sorted(_sections)}


def forget(person_id: int) -> None:
    """Run every feature's removal."""
    for name in sorted(_removals):
        _removals[name](person_id)


def merge(person_id: int, member_id: int) -> None:
    """Run every feature's merging, in order."""
    for _order, call in sorted(_mergings.values(), key=lambda pair: pair[0]):
        call(person_id, member_id)
