"""What ideas put into other pages: threads that led to one, profiles, rows of lists; what leaves with a person."""

from collections.abc import Iterable
from typing import Any

from flask import render_template

from core.slots import fill
from core.viewer import Viewer
from forum import addresses
from forum import queries as forum
from forum.models import IDEA
from ideation import actions, policy, queries
from ideation.queries import exports
from people.models import Person
from people.portability import export_section, on_merging


def _path_of_thread(thread_id: int) -> str:
    place = queries.places([thread_id]).get(thread_id)
    return place.path if place else addresses.plain_path(thread_id, "")


addresses.register(IDEA, _path_of_thread, queries.places)
forum.ask_beside("evidence", queries.is_evidence())


@fill("thread.head", order=30)
def ideas_of_thread(viewer: Viewer, thread: Any, **_more: object) -> str | None:
    """Under a thread's title: the ideas that came out of it."""
    if thread.kind not in policy.TURNED_KINDS or not thread.beside_evidence:
        return None
    led = queries.ideas_led_to(viewer, thread.id)
    return render_template("ideation/_led.html", led=led) if led else None


@fill("thread.actions", order=20)
def turn_into_idea(viewer: Viewer, thread: Any, **_more: object) -> str | None:
    """For staff: make an idea of it."""
    if not policy.may_turn(viewer, thread):
        return None
    return render_template("ideation/_turn_button.html", thread=thread)


@fill("feeds.list", order=10)
def feed_of_ideas() -> str:
    """Among the feeds."""
    return render_template("ideation/_feed_item.html")


@fill("sitemap.pages", order=10)
def pages_of_ideas(*, base: str) -> str:
    """The lists, for search engines."""
    return render_template("ideation/_sitemap.xml", base=base)


@fill("person.tabs", order=20)
def ideas_of_person(person: Person, viewer: Viewer, **_more: object) -> str | None:
    """The ideas somebody raised, as far as the reader may see them."""
    rows = queries.ideas_by(viewer, person.id, queries.ON_PROFILE + 1)
    if not rows:
        return None
    values = {"rows": rows[: queries.ON_PROFILE], "has_more": len(rows) > queries.ON_PROFILE}
    return render_template("ideation/_person.html", person=person, **values)


@export_section("ideation.ideas")
def exported_ideas(person_id: int) -> Iterable[dict[str, Any]]:
    """Every idea somebody raised."""
    return exports.ideas(person_id)


@export_section("ideation.votes")
def exported_votes(person_id: int) -> Iterable[dict[str, Any]]:
    """Every vote for an idea that counts as theirs."""
    return exports.votes(person_id)


@export_section("ideation.evidence")
def exported_evidence(person_id: int) -> Iterable[dict[str, Any]]:
    """Their words that were kept as evidence."""
    return exports.evidence(person_id)


@on_merging("ideation", order=40)
def merge_person(person_id: int, member_id: int) -> None:
    """What somebody from outside wished is the wish of the member they turned out to be."""
    actions.move_wishes(Viewer.system(), person_id, member_id)
