"""Every read of releases: lists, who asked for what shipped, and the provenance chain."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa

from core.db import db
from core.errors import NotFound
from core.viewer import Viewer
from forum.addresses import Place
from forum.models import Follow, Thread
from ideation.backlog.models import BacklogItem
from ideation.backlog.queries import items_of
from ideation.models import SHIPPED, Idea, IdeaEvidence, IdeaVote
from ideation.queries import EvidenceRow, IdeaRow, evidence_of, rows_by_ids, shippable
from ideation.releases.models import Release, Shipping
from ideation.releases.visibility import listed_releases, visible_releases

PAGE: Final = 15
AUTHOR, VOTER, FOLLOWER, WITNESS = "author", "voter", "follower", "evidence"
_REASONS: Final = (AUTHOR, WITNESS, VOTER, FOLLOWER)  # the strongest first


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
    items: Sequence[BacklogItem]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """A page of releases, drafts first, then the latest; with the ideas of each that the viewer may see."""

    rows: Sequence[Release]
    ideas: Mapping[int, Sequence[IdeaRow]]
    page: int
    has_more: bool


def release(viewer: Viewer, release_id: int) -> Release:
    """The release, if the viewer may see it. Raises NotFound."""
    statement = sa.select(Release).outerjoin(Thread, Thread.id == Release.thread_id)
    rule = sa.and_(Release.id == release_id, visible_releases(viewer))
    found = db.session.execute(statement.where(rule)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def release_of_thread(thread_id: int) -> Release | None:
    """The release that stands on this thread."""
    return db.session.execute(sa.select(Release).where(Release.thread_id == thread_id)).scalar_one_or_none()


def release_list(viewer: Viewer, page: int = 1) -> ReleaseList:
    """A page of releases in four statements. Raises NotFound behind the last page."""
    statement = (
        sa.select(Release)
        .outerjoin(Thread, Thread.id == Release.thread_id)
        .where(listed_releases(viewer))
        .order_by(Release.published_at.is_(None).desc(), Release.published_at.desc(), Release.id.desc())
    )
    found = db.session.execute(statement.limit(PAGE + 1).offset((page - 1) * PAGE)).scalars().all()
    if page > 1 and not found:
        raise NotFound
    rows = found[:PAGE]
    return ReleaseList(rows, _ideas_of(viewer, [r.id for r in rows]), page, len(found) > PAGE)


def _ideas_of(viewer: Viewer, release_ids: Collection[int]) -> Mapping[int, Sequence[IdeaRow]]:
    """The ideas of these releases that the viewer may see, the most wanted first."""
    shipping = sa.select(Shipping.idea_id, Shipping.release_id).where(Shipping.release_id.in_(release_ids))
    homes = {row.idea_id: row.release_id for row in db.session.execute(shipping)}
    found: dict[int, list[IdeaRow]] = defaultdict(list)
    for row in sorted(rows_by_ids(viewer, list(homes)), key=lambda r: (-r.votes, r.id)):
        found[homes[row.id]].append(row)
    return found


def ideas_in(release_id: int) -> list[Idea]:
    """The ideas that ship in a release, whoever asks, in the order of their ids."""
    statement = sa.select(Idea).join(Shipping, Shipping.idea_id == Idea.id)
    found = statement.where(Shipping.release_id == release_id).order_by(Idea.id)
    return list(db.session.execute(found).scalars())


def release_of_idea(viewer: Viewer, idea_id: int) -> Release | None:
    """The release an idea ships in, if lists show it to the viewer."""
    statement = (
        sa.select(Release)
        .join(Shipping, Shipping.release_id == Release.id)
        .outerjoin(Thread, Thread.id == Release.thread_id)
        .where(Shipping.idea_id == idea_id, listed_releases(viewer))
    )
    return db.session.execute(statement).scalar_one_or_none()


def askers(idea_ids: Collection[int]) -> list[Asker]:
    """Every author, voter, follower and evidence person of these ideas: one row a person, strongest reason first."""
    rows = db.session.execute(_asking(idea_ids)).all()
    best: dict[int, Asker] = {}
    for row in sorted(rows, key=lambda r: (r.rank, r.idea_id, r.person_id)):
        best.setdefault(row.person_id, Asker(row.person_id, row.idea_id, _REASONS[row.rank]))
    return list(best.values())


def _asking(idea_ids: Collection[int] | sa.Select[Any]) -> sa.CompoundSelect[Any]:
    """Rows of (person_id, idea_id, rank), several of them for whoever asked in several ways."""
    ids = idea_ids if isinstance(idea_ids, sa.Select) else list(idea_ids)
    on_thread = Thread.id == Idea.thread_id
    followed = sa.and_(Follow.thread_id == Idea.thread_id, Follow.muted_at.is_(None))
    said = sa.and_(IdeaEvidence.idea_id.in_(ids), IdeaEvidence.person_id.is_not(None))
    ranks = {why: sa.literal(i).label("rank") for i, why in enumerate(_REASONS)}
    person, idea = "person_id", "idea_id"
    return sa.union_all(
        sa.select(Thread.author_id.label(person), Idea.id.label(idea), ranks[AUTHOR])
        .join(Idea, on_thread)
        .where(Idea.id.in_(ids)),
        sa.select(IdeaEvidence.person_id, IdeaEvidence.idea_id, ranks[WITNESS]).where(said),
        sa.select(IdeaVote.person_id, IdeaVote.idea_id, ranks[VOTER]).where(IdeaVote.idea_id.in_(ids)),
        sa.select(Follow.person_id, Idea.id, ranks[FOLLOWER]).join(Idea, followed).where(Idea.id.in_(ids)),
    )


def asker_count(idea_ids: Collection[int]) -> int:
    """How many people asked for these ideas: what pages say in public, without names."""
    if not idea_ids:
        return 0
    asking = _asking(idea_ids).subquery()
    people = sa.select(sa.func.count(asking.c.person_id.distinct()))
    return int(db.session.execute(people).scalar_one())


def askers_since(since: datetime) -> int:
    """How many people asked for what was released since then; once for each release somebody asked for."""
    shipped = sa.select(Shipping.idea_id).join(Release, Release.id == Shipping.release_id)
    asking = _asking(shipped.where(Release.published_at >= since)).subquery()
    pairs = sa.select(Shipping.release_id, asking.c.person_id).distinct()
    pairs = pairs.join(asking, asking.c.idea_id == Shipping.idea_id)
    return int(db.session.execute(sa.select(sa.func.count()).select_from(pairs.subquery())).scalar_one())


def muted(person_ids: Collection[int], idea_ids: Collection[int]) -> set[int]:
    """Those of `person_ids` who muted every one of these ideas they have a follow on: they are not told."""
    statement = (
        sa.select(Follow.person_id)
        .join(Idea, Idea.thread_id == Follow.thread_id)
        .where(Idea.id.in_(list(idea_ids)))
        .group_by(Follow.person_id)
        .having(sa.func.count() == sa.func.count(Follow.muted_at))
    )
    return set(db.session.execute(statement).scalars()) & set(person_ids)


def told_count(idea_ids: Collection[int]) -> int:
    """How many people will be told when these ideas ship."""
    if not idea_ids:
        return 0
    people = {asker.person_id for asker in askers(idea_ids)}
    return len(people - muted(people, idea_ids))


def chain(viewer: Viewer, release_id: int) -> list[ChainLink]:
    """For each idea of the release that the viewer may see: what was said, when it was first asked, and the work.

    A fixed number of statements, however many ideas; quotes of posts the viewer may not see are left out.
    """
    rows = _ideas_of(viewer, [release_id]).get(release_id, [])
    ids = [row.id for row in rows]
    quotes = evidence_of(viewer, ids)
    work: dict[int, list[BacklogItem]] = defaultdict(list)
    for item in items_of(ids):
        work[item.idea_id].append(item)
    return [_link(row, quotes.get(row.id, []), work[row.id]) for row in rows]


def _link(row: IdeaRow, quotes: Sequence[EvidenceRow], items: Sequence[BacklogItem]) -> ChainLink:
    return ChainLink(row, quotes, items, min([row.created_at, *(quote.at for quote in quotes)]))


def bare_release(release_id: int) -> Release:
    """The release by id, for letters: no viewer is asked."""
    return db.session.execute(sa.select(Release).where(Release.id == release_id)).scalar_one()


def candidates(viewer: Viewer) -> list[IdeaRow]:
    """Living ideas that no release has yet, those furthest along first."""
    taken = set(
        db.session.execute(sa.select(Shipping.idea_id).join(Idea).where(Idea.status != SHIPPED)).scalars()
    )
    return [row for row in shippable(viewer) if row.id not in taken]


def open_releases() -> Sequence[Release]:
    """Drafts, the latest first: where an idea can be put by whoever may release."""
    statement = sa.select(Release).where(Release.published_at.is_(None)).order_by(Release.id.desc()).limit(20)
    return db.session.execute(statement).scalars().all()


def places(thread_ids: Collection[int]) -> Mapping[int, Place]:
    """Where the releases on these threads live, with what a list of threads says of them."""
    statement = sa.select(Release.thread_id, Release.id, Release.slug)
    found = db.session.execute(statement.where(Release.thread_id.in_(list(thread_ids)))).all()
    return {row.thread_id: Place(path_of(row.id, row.slug), SHIPPED) for row in found if row.thread_id}


def path_of(release_id: int, slug: str) -> str:
    """Where a release stands."""
    return f"/releases/{release_id}/{quote(slug)}"
