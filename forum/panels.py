"""What the forum puts into pages of people: the tabs of what somebody wrote, their numbers; their data."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from flask import render_template, request

from core.db import db
from core.slots import fill
from core.viewer import Viewer
from forum import actions, queries
from forum.models import Attachment, Draft, Follow, Reading
from forum.queries import activity
from people.models import Person
from people.portability import export_section, on_merging, on_removal

TABS: Final = ("answers", "posts")


@fill("person.tabs", order=10)
def written(person: Person, viewer: Viewer, **_context: object) -> str:
    """What somebody wrote, as far as the reader may see it."""
    tab = request.args.get("tab", TABS[0])
    tab = tab if tab in TABS else TABS[0]
    sent = request.args.get("page", "1")
    page = min(int(sent), 1000) if sent.isascii() and sent.isdecimal() and len(sent) < 5 else 1
    read = queries.answers_of if tab == "answers" else queries.posts_of
    rows, has_more = read(viewer, person.id, max(1, page))
    numbers = queries.numbers_of(viewer, person.id)
    values = {"person": person, "tab": tab, "page": max(1, page), "rows": rows, "has_more": has_more}
    return render_template("forum/person_tabs.html", numbers=numbers, **values)


@export_section("forum.posts")
def exported_posts(person_id: int) -> Iterable[dict[str, Any]]:
    """Everything somebody wrote."""
    return activity.export_posts(person_id)


@export_section("forum.votes")
def exported_votes(person_id: int) -> Iterable[dict[str, Any]]:
    """Every vote somebody cast."""
    return activity.export_votes(person_id)


@export_section("forum.follows")
def exported_follows(person_id: int) -> Iterable[dict[str, Any]]:
    """Every thread somebody follows."""
    return activity.export_follows(person_id)


@export_section("forum.drafts")
def exported_drafts(person_id: int) -> Iterable[dict[str, Any]]:
    """Everything somebody has not sent yet."""
    return activity.export_drafts(person_id)


@on_removal("forum")
def forget_person(person_id: int) -> None:
    """Drop what is somebody's alone; posts and votes stay, under a name that says nothing."""
    for table in (Follow, Reading, Draft):
        db.session.execute(sa.delete(table).where(table.person_id == person_id))
    unplaced = sa.and_(Attachment.owner_id == person_id, Attachment.post_id.is_(None))
    db.session.execute(sa.delete(Attachment).where(unplaced))


@on_merging("forum", order=50)
def merge_person(person_id: int, member_id: int) -> None:
    """What somebody from outside wrote is the member's they turned out to be."""
    actions.move_authorship(Viewer.system(), person_id, member_id)
