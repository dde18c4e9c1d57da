"""Tables of the forum. States that lists filter on (closed, deleted, pinned) are columns of who and when."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import BigId, Model, id_column

PUBLIC, MEMBERS, STAFF = 0, 1, 2
QUESTION, DISCUSSION, IDEA, RELEASE = "question", "discussion", "idea", "release"
OPENING, ANSWER, COMMENT = "opening", "answer", "comment"


class Category(Model):
    """A room of the forum; `access` is copied onto its threads."""

    __tablename__ = "category"
    id: Mapped[int] = id_column()
    name: Mapped[str] = mapped_column(sa.String(60), unique=True)
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)
    description: Mapped[str] = mapped_column(sa.String(300), default="")
    access: Mapped[int] = mapped_column(sa.SmallInteger, default=PUBLIC)
    default_kind: Mapped[str] = mapped_column(sa.String(12), default=QUESTION)
    colour: Mapped[str] = mapped_column(sa.String(20), default="")
    position: Mapped[int] = mapped_column(default=0)
    thread_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


_IS_THERE, _IS_PINNED = sa.text("deleted_at IS NULL"), sa.text("pinned_at IS NOT NULL")


def _listed(name: str, *columns: str) -> sa.Index:
    """An order of lists, which show nothing deleted: PostgreSQL reads no order off an index that leads with a null."""
    return sa.Index(name, *columns, "id", sqlite_where=_IS_THERE, postgresql_where=_IS_THERE)


class Thread(Model):
    """A question, a talk, or the discussion under an idea or release. `version` grows with every change."""

    __tablename__ = "thread"
    __table_args__ = (
        _listed("ix_thread_category_activity", "category_id", "last_post_at"),
        _listed("ix_thread_activity", "last_post_at"),
        _listed("ix_thread_kind_activity", "kind", "last_post_at"),
        _listed("ix_thread_newest", "created_at"),
        _listed("ix_thread_score", "score"),
        sa.Index("ix_thread_pinned", "pinned_at", sqlite_where=_IS_PINNED, postgresql_where=_IS_PINNED),
        sa.Index("ix_thread_author", "author_id", "id"),
        sa.Index("ix_thread_needs_staff", "needs_staff_at"),
        sa.Index("ix_thread_waiting_on_author", "waiting_on_author_at"),
    )
    id: Mapped[int] = id_column()
    category_id: Mapped[int] = mapped_column(sa.ForeignKey("category.id"))
    kind: Mapped[str] = mapped_column(sa.String(12))
    title: Mapped[str] = mapped_column(sa.String(200))
    slug: Mapped[str] = mapped_column(sa.String(80))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    access: Mapped[int] = mapped_column(sa.SmallInteger, default=PUBLIC)
    version: Mapped[int] = mapped_column(default=1)
    tags: Mapped[str] = mapped_column(sa.String(210), default="")  # names joined by a blank
    post_count: Mapped[int] = mapped_column(default=1)  # positions given out, those of deleted posts included
    reply_count: Mapped[int] = mapped_column(default=0)  # answers and comments that are there
    answer_count: Mapped[int] = mapped_column(default=0)  # answers that are there
    score: Mapped[int] = mapped_column(default=0)  # votes on the opening post
    view_count: Mapped[int] = mapped_column(default=0)
    accepted_post_id: Mapped[int | None] = mapped_column(BigId)
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    created_at: Mapped[datetime]
    last_post_at: Mapped[datetime]
    last_post_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    closed_reason: Mapped[str] = mapped_column(sa.String(300), default="")
    deleted_at: Mapped[datetime | None]
    deleted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    deleted_reason: Mapped[str] = mapped_column(sa.String(300), default="")
    pinned_at: Mapped[datetime | None]
    needs_staff_at: Mapped[datetime | None]
    waiting_on_author_at: Mapped[datetime | None]
    origin_label: Mapped[str] = mapped_column(sa.String(80), default="")  # channel of an outside post
    origin_url: Mapped[str] = mapped_column(sa.String(500), default="")
    origin_key: Mapped[str | None] = mapped_column(sa.String(120), unique=True)


class Post(Model):
    """One contribution. `position` counts from 1 without gaps; the text is rendered once, at write."""

    __tablename__ = "post"
    __table_args__ = (
        sa.UniqueConstraint("thread_id", "position"),
        sa.Index("ix_post_author", "author_id", "id"),
        sa.Index("ix_post_text_version", "text_version"),
    )
    id: Mapped[int] = id_column()
    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(10))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    reply_to_id: Mapped[int | None] = mapped_column(sa.ForeignKey("post.id"))
    source: Mapped[str] = mapped_column(sa.Text)
    format: Mapped[str] = mapped_column(sa.String(10), default="markdown")
    html: Mapped[str] = mapped_column(sa.Text)
    text_version: Mapped[int]
    score: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    edited_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    edit_count: Mapped[int] = mapped_column(default=0)
    deleted_at: Mapped[datetime | None]
    deleted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    deleted_reason: Mapped[str] = mapped_column(sa.String(300), default="")
    accepted_at: Mapped[datetime | None]  # kept while the post is deleted, so that restoring brings it back
    accepted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    origin_key: Mapped[str | None] = mapped_column(sa.String(120), unique=True)


class PostRevision(Model):
    """What a post (and, for an opening post, its title) said before an edit."""

    __tablename__ = "post_revision"
    __table_args__ = (sa.UniqueConstraint("post_id", "number"),)
    id: Mapped[int] = id_column()
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(sa.String(200), default="")
    tags: Mapped[str] = mapped_column(sa.String(210), default="")
    source: Mapped[str] = mapped_column(sa.Text)
    format: Mapped[str] = mapped_column(sa.String(10), default="markdown")
    edited_at: Mapped[datetime]
    edited_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.String(200), default="")


class PostVote(Model):
    """A vote on a post's quality: +1 or -1. Imported votes have no voter."""

    __tablename__ = "post_vote"
    __table_args__ = (sa.UniqueConstraint("post_id", "person_id"),)
    id: Mapped[int] = id_column()
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    value: Mapped[int] = mapped_column(sa.SmallInteger)
    at: Mapped[datetime]
    origin_key: Mapped[str | None] = mapped_column(sa.String(120), unique=True)


class Tag(Model):
    """A topic. Counts of what a viewer may see are computed per clearance, never stored."""

    __tablename__ = "tag"
    id: Mapped[int] = id_column()
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)
    description: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime]


class ThreadTag(Model):
    """A thread's topic."""

    __tablename__ = "thread_tag"
    __table_args__ = (sa.Index("ix_thread_tag_tag", "tag_id", "thread_id"),)
    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("tag.id"), primary_key=True)


class ThreadLink(Model):
    """One thread points at another: `linked` or `duplicate`."""

    __tablename__ = "thread_link"
    from_thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), primary_key=True)
    to_thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    at: Mapped[datetime]


class Follow(Model):
    """Somebody wants to hear of a thread; `muted_at` means: not any more, and not by itself again."""

    __tablename__ = "follow"
    __table_args__ = (sa.Index("ix_follow_thread", "thread_id"),)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(12))  # author, reply, vote, chosen
    at: Mapped[datetime]
    muted_at: Mapped[datetime | None]


class Reading(Model):
    """How far somebody has read a thread."""

    __tablename__ = "reading"
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), primary_key=True)
    position: Mapped[int]
    at: Mapped[datetime]


class Draft(Model):
    """Unsent writing, kept on the server under a key such as `thread` or `reply:7`."""

    __tablename__ = "draft"
    __table_args__ = (sa.UniqueConstraint("person_id", "key"),)
    id: Mapped[int] = id_column()
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(sa.String(60))
    fields: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class Attachment(Model):
    """A picture somebody put in; readable by its owner, and by whoever may see the post it stands in."""

    __tablename__ = "attachment"
    id: Mapped[int] = id_column()
    key: Mapped[str] = mapped_column(sa.String(100))
    public_id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    post_id: Mapped[int | None] = mapped_column(sa.ForeignKey("post.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(120), default="")
    content_type: Mapped[str] = mapped_column(sa.String(40))
    size: Mapped[int]
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Flag(Model):
    """A member says a post needs a moderator's eye; one open or settled flag per member and post."""

    __tablename__ = "flag"
    __table_args__ = (
        sa.UniqueConstraint("post_id", "reporter_id"),
        sa.Index("ix_flag_open", "settled_at", "id"),
    )
    id: Mapped[int] = id_column()
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    reporter_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.String(20))  # spam, rude, off_topic, other
    note: Mapped[str] = mapped_column(sa.String(500), default="")
    at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    outcome: Mapped[str] = mapped_column(sa.String(12), default="")  # agreed, declined


class Escalation(Model):
    """A case on a post that the company's staff must settle: owner, deadline, outcome."""

    __tablename__ = "escalation"
    __table_args__ = (sa.Index("ix_escalation_open", "closed_at", "due_at"),)
    id: Mapped[int] = id_column()
    post_id: Mapped[int] = mapped_column(sa.ForeignKey("post.id"))
    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), index=True)
    reason: Mapped[str] = mapped_column(sa.String(500))
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    due_at: Mapped[datetime]
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    taken_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(sa.String(1000), default="")
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))


class ImportRun(Model):
    """How far an import has come, so that it can be resumed."""

    __tablename__ = "import_run"
    __table_args__ = (sa.UniqueConstraint("kind", "label"),)
    id: Mapped[int] = id_column()
    kind: Mapped[str] = mapped_column(sa.String(40))
    label: Mapped[str] = mapped_column(sa.String(300))
    progress: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
