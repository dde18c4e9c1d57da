"""People from outside who turn out to be members, work reopened, files that wait, the inbox searched by an index."""

import sqlalchemy as sa
import sqlalchemy.dialects.postgresql
from alembic import op


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE VIRTUAL TABLE search_mention USING fts5("
    "title, text, author_name, content='mention', content_rowid='id', tokenize='trigram')",
    """CREATE TRIGGER search_mention_added AFTER INSERT ON mention BEGIN
  INSERT INTO search_mention(rowid, title, text, author_name) VALUES (new.id, new.title, new.text, new.author_name);
END""",
    """CREATE TRIGGER search_mention_changed AFTER UPDATE OF title, text, author_name ON mention BEGIN
  INSERT INTO search_mention(search_mention, rowid, title, text, author_name) VALUES ('delete', old.id, old.title, old.text, old.author_name);
  INSERT INTO search_mention(rowid, title, text, author_name) VALUES (new.id, new.title, new.text, new.author_name);
END""",
    """CREATE TRIGGER search_mention_removed AFTER DELETE ON mention BEGIN
  INSERT INTO search_mention(search_mention, rowid, title, text, author_name) VALUES ('delete', old.id, old.title, old.text, old.author_name);
END""",
    "INSERT INTO search_mention(search_mention) VALUES ('rebuild')",
)
_POSTGRES = """DO $$ BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'pg_trgm could not be created: mention is searched row by row';
  END;
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
    CREATE INDEX search_mention ON mention USING gin ((title || ' ' || text || ' ' || author_name) gin_trgm_ops);
  END IF;
END $$"""


def upgrade() -> None:
    op.create_table(
        "reset_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_request")),
    )
    op.create_table(
        "waiting_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_waiting_file_by_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_waiting_file_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_file")),
        sa.UniqueConstraint("token", name=op.f("uq_waiting_file_token")),
    )
    with op.batch_alter_table("waiting_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_waiting_file_source_id"), ["source_id"], unique=False)

    op.create_table(
        "backlog_item_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_backlog_item_change_by_id")),
        sa.ForeignKeyConstraint(
            ["item_id"], ["backlog_item.id"], name=op.f("fk_backlog_item_change_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backlog_item_change")),
    )
    with op.batch_alter_table("backlog_item_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_backlog_item_change_item_id"), ["item_id"], unique=False)

    with op.batch_alter_table("linked_identity", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("verified_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("proof", sa.String(length=300), server_default="", nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_linked_identity_verified_by_id"), "person", ["verified_by_id"], ["id"]
        )

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_index(batch_op.f("ix_person_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_person_merged_into_id"), "person", ["merged_into_id"], ["id"]
        )

    with op.batch_alter_table("idea_evidence", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("thread_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_index(batch_op.f("ix_idea_evidence_thread_id"), ["thread_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_idea_evidence_thread_id"), "thread", ["thread_id"], ["id"])
    op.execute(
        "UPDATE idea_evidence SET thread_id = (SELECT post.thread_id FROM post WHERE post.id = idea_evidence.post_id)"
    )

    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else (_POSTGRES,):
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for trigger in ("added", "changed", "removed"):
            op.execute(f"DROP TRIGGER search_mention_{trigger}")
        op.execute("DROP TABLE search_mention")
    else:
        op.execute("DROP INDEX IF EXISTS search_mention")
    with op.batch_alter_table("idea_evidence", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_idea_evidence_thread_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_idea_evidence_thread_id"))
        batch_op.drop_column("thread_id")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_person_merged_into_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_person_merged_into_id"))
        batch_op.drop_column("merged_into_id")

    with op.batch_alter_table("linked_identity", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_linked_identity_verified_by_id"), type_="foreignkey")
        batch_op.drop_column("proof")
        batch_op.drop_column("verified_by_id")

    with op.batch_alter_table("backlog_item_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_backlog_item_change_item_id"))

    op.drop_table("backlog_item_change")
    with op.batch_alter_table("waiting_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_waiting_file_source_id"))

    op.drop_table("waiting_file")
    op.drop_table("reset_request")
