"""Every read of releases: lists, who asked for what shipped, and the provenance chain."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.models import RELEASE, Category, Follow, Thread
from ideation.backlog.queries import items_of
from ideation.models import Idea, IdeaEvidence, IdeaVote
from ideation.queries import EvidenceRow, IdeaRow, evidence, rows_by_ids
from ideation.releases.models import Release, Shipping
from ideation.releases.visibility import visible_releases
from people import queries as people

AUTHOR, VOTER, FOLLOWER, WITNESS = "author", "voter", "follower", "evidence"
_RANK = {AUTHOR: 0, WITNESS: 1, VOTER: 2, FOLLOWER: 3}


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who wanted an idea, and the strongest reason why we know."""

    person_id: int
    idea_id: int
    why: str


@dataclass(frozen=True, slots=True)
class ChainLink:
    """How one idea of a release came to be: what was said, the idea, the work."""

    idea: IdeaRow
    evidence: Sequence[EvidenceRow]
    items: Sequence[Any]
    asked_at: datetime


def release(viewer: Viewer, release_id: int) -> Release:
    """The release, if the viewer may see it."""
    statement = (
        sa.select(Release)
        .outerjoin(Thread, Thread.id == Release.thread_id)
        .where(Release.id == release_id, visible_releases(viewer))
    )
    found = db.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def release_of_thread(thread_id: int) -> Release | None:
    """The release that stands on this thread."""
    return db.session.execute(sa.select(Release).where(Release.thread_id == thread_id)).scalar_one_or_none()


def releases(viewer: Viewer, limit: int = 30, before_id: int | None = None) -> Sequence[Release]:
    """Releases, drafts first, then the latest."""
    statement = (
        sa.select(Release)
        .outerjoin(Thread, Thread.id == Release.thread_id)
        .where(visible_releases(viewer))
        .order_by(Release.published_at.is_(None).desc(), Release.published_at.desc(), Release.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        statement = statement.where(Release.id < before_id)
    return db.session.execute(statement).scalars().all()


def ideas_in(release_id: int) -> list[Idea]:
    """The ideas that ship in a release."""
    statement = (
        sa.select(Idea).join(Shipping, Shipping.idea_id == Idea.id).where(Shipping.release_id == release_id)
    )
    return list(db.session.execute(statement.order_by(Idea.id)).scalars())


def release_of_idea(viewer: Viewer, idea_id: int) -> Release | None:
    """The release an idea ships in, if the viewer may see it."""
    statement = (
        sa.select(Release)
        .join(Shipping, Shipping.release_id == Release.id)
        .outerjoin(Thread, Thread.id == Release.thread_id)
        .where(Shipping.idea_id == idea_id, visible_releases(viewer))
    )
    return db.session.execute(statement).scalar_one_or_none()


def category_id() -> int | None:
    """The category made for releases, if there is one."""
    return db.session.execute(
        sa.select(Category.id)
        .where(Category.default_kind == RELEASE)
        .order_by(Category.position, Category.id)
        .limit(1)
    ).scalar()


def askers(idea_ids: Collection[int]) -> list[Asker]:
    """Every author, voter, follower and evidence person of these ideas: one row a person, strongest reason first."""
    ids = list(idea_ids)
    authors = sa.select(Thread.author_id, Idea.id, sa.literal(AUTHOR)).join(
        Thread, Thread.id == Idea.thread_id
    )
    witnesses = sa.select(IdeaEvidence.person_id, IdeaEvidence.idea_id, sa.literal(WITNESS))
    voters = sa.select(IdeaVote.person_id, IdeaVote.idea_id, sa.literal(VOTER))
    followers = (
        sa.select(Follow.person_id, Idea.id, sa.literal(FOLLOWER))
        .join(Idea, Idea.thread_id == Follow.thread_id)
        .where(Follow.muted_at.is_(None))
    )
    found = [
        *db.session.execute(authors.where(Idea.id.in_(ids))),
        *db.session.execute(
            witnesses.where(IdeaEvidence.idea_id.in_(ids), IdeaEvidence.person_id.is_not(None))
        ),
        *db.session.execute(voters.where(IdeaVote.idea_id.in_(ids))),
        *db.session.execute(followers.where(Idea.id.in_(ids))),
    ]
    best: dict[int, Asker] = {}
    for person_id, idea_id, why in sorted(found, key=lambda row: (_RANK[row[2]], row[1])):
        best.setdefault(person_id, Asker(person_id, idea_id, why))
    return list(best.values())


def muted(person_ids: Collection[int], idea_ids: Collection[int]) -> set[int]:
    """Those of `person_ids` who muted the thread of every one of these ideas they have a row on: they are not told."""
    statement = (
        sa.select(Follow.person_id, sa.func.count(), sa.func.count(Follow.muted_at))
        .join(Idea, Idea.thread_id == Follow.thread_id)
        .where(Idea.id.in_(list(idea_ids)), Follow.person_id.in_(list(person_ids)))
        .group_by(Follow.person_id)
    )
    return {person_id for person_id, rows, muted_rows in db.session.execute(statement) if rows == muted_rows}


def chain(viewer: Viewer, release_id: int) -> list[ChainLink]:
    """For each idea of the release that the viewer may see: what was said, when it was first asked, and the work."""
    ids = [idea.id for idea in ideas_in(release_id)]
    items = items_of(ids)
    links = []
    for row in rows_by_ids(viewer, ids):
        quotes = evidence(viewer, row.id)
        asked = min([q.at for q in quotes] + [row.created_at])
        links.append(ChainLink(row, quotes, [i for i in items if i.idea_id == row.id], asked))
    return links


def asker_count(idea_ids: Collection[int]) -> int:
    """How many people asked: what the page says in public, without names."""
    return len(askers(idea_ids))


def faces(person_ids: Collection[int], limit: int = 8) -> list[people.PersonCard]:
    """Cards of some of these people."""
    return list(people.cards(list(person_ids)[:limit]).values())


def bare_release(release_id: int) -> Release:
    """The release by id, for letters: no viewer is asked."""
    return db.session.execute(sa.select(Release).where(Release.id == release_id)).scalar_one()


def open_releases() -> Sequence[Release]:
    """Drafts, the latest first: where an idea can be put."""
    statement = sa.select(Release).where(Release.published_at.is_(None)).order_by(Release.id.desc()).limit(20)
    return db.session.execute(statement).scalars().all()
