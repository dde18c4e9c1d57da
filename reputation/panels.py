"""What reputation puts into other pages."""

from typing import Any

from flask import render_template

from core.slots import fill
from reputation import queries, rules


@fill("person.facts")
def standing(*, person: Any, **_: Any) -> str:
    """Points and level, with the way to the next."""
    return render_template(
        "reputation/_standing.html",
        person=person,
        level=rules.LEVELS[min(person.level, len(rules.LEVELS) - 1)],
        next_level=rules.next_level(person.points),
        topics=queries.topics_of(person.id),
    )
