"""Indexes that PostgreSQL, too, can read the order of a list from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BEFORE = {
    "ix_thread_category_activity": ["category_id", "deleted_at", "last_post_at", "id"],
    "ix_thread_activity": ["deleted_at", "last_post_at", "id"],
    "ix_thread_kind_activity": ["kind", "deleted_at", "last_post_at", "id"],
}
_LISTED = {
    "ix_thread_category_activity": ["category_id", "last_post_at", "id"],
    "ix_thread_activity": ["last_post_at", "id"],
    "ix_thread_kind_activity": ["kind", "last_post_at", "id"],
    "ix_thread_newest": ["created_at", "id"],
    "ix_thread_score": ["score", "id"],
}


def upgrade() -> None:
    for name in _BEFORE:
        op.drop_index(name, table_name="thread")
    for name, columns in _LISTED.items():
        _create(name, columns, "deleted_at IS NULL")
    _create("ix_thread_pinned", ["pinned_at"], "pinned_at IS NOT NULL")


def _create(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "thread", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in ("ix_thread_pinned", *_LISTED):
        op.drop_index(name, table_name="thread")
    for name, columns in _BEFORE.items():
        op.create_index(name, "thread", columns)
