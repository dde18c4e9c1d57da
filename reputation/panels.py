"""What reputation puts into other pages, and what of it leaves with a person."""

from collections.abc import Iterable
from typing import Any

from flask import render_template

from core.slots import fill
from core.viewer import Viewer
from people.portability import export_section, on_merging
from reputation import actions, queries, rules


@fill("person.aside", order=10)
def standing(*, person: Any, **_: Any) -> str:
    """Points and level, with the way to the next."""
    return render_template(
        "reputation/_standing.html",
        person=person,
        level=rules.LEVELS[min(person.level, len(rules.LEVELS) - 1)],
        next_level=rules.next_level(person.points),
        topics=queries.topics_of(person.id),
    )


@export_section("reputation.ledger")
def exported_ledger(person_id: int) -> Iterable[dict[str, Any]]:
    """Every point somebody has, why and when."""
    return queries.export_entries(person_id)


@on_merging("reputation", order=20)
def merge_person(person_id: int, member_id: int) -> None:
    """What somebody from outside earned is the member's they turned out to be."""
    actions.move_points(Viewer.system(), person_id, member_id)
