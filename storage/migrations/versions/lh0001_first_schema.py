"""The first schema: documents, outlines, items, concepts, renderings, units, attempts."""

import sqlalchemy as sa
from alembic import op

revision = "lh0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("active_outline_id", sa.BigInteger(), nullable=True),
        sa.Column("space_card", sa.Text(), nullable=True),
        sa.Column("space_checksum", sa.Text(), nullable=True),
        sa.Column("space_dim", sa.Integer(), nullable=True),
        sa.Column("planner_card", sa.Text(), nullable=True),
        sa.Column("planner_checksum", sa.Text(), nullable=True),
        sa.Column("writer_card", sa.Text(), nullable=True),
        sa.Column("writer_checksum", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_documents_idempotency_key")),
    )
    op.create_index(op.f("ix_documents_created_at"), "documents", ["created_at"], unique=False)
    op.create_index(
        op.f("ix_documents_status_priority_created_at"),
        "documents",
        ["status", "priority", "created_at"],
        unique=False,
    )
    op.create_table(
        "outlines",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_outlines_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outlines")),
        sa.UniqueConstraint("document_id", "version", name=op.f("uq_outlines_document_id_version")),
    )
    op.create_table(
        "prompt_concepts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_prompt_concepts_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_concepts")),
        sa.UniqueConstraint(
            "document_id", "role", "ordinal", name=op.f("uq_prompt_concepts_document_id_role_ordinal")
        ),
    )
    op.create_table(
        "plan_items",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("outline_id", NUMBER, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("parent_path", sa.Text(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("is_leaf", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("planned_length", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("similarity", sa.Double(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=True),
        sa.Column("lead", sa.LargeBinary(), nullable=True),
        sa.Column("gist", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["outline_id"], ["outlines.id"], name=op.f("fk_plan_items_outline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_items")),
        sa.UniqueConstraint("outline_id", "path", name=op.f("uq_plan_items_outline_id_path")),
    )
    op.create_table(
        "units",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("outline_id", NUMBER, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_units_document_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["outline_id"], ["outlines.id"], name=op.f("fk_units_outline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint(
            "outline_id", "stage", "lang", "ordinal", name=op.f("uq_units_outline_id_stage_lang_ordinal")
        ),
    )
    op.create_index(op.f("ix_units_document_id"), "units", ["document_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("unit_id", NUMBER, nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("timing", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_attempts_document_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["units.id"], name=op.f("fk_attempts_unit_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_document_id"), "attempts", ["document_id"], unique=False)
    op.create_index(op.f("ix_attempts_unit_id"), "attempts", ["unit_id"], unique=False)
    op.create_table(
        "concepts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("plan_item_id", NUMBER, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_item_id"], ["plan_items.id"], name=op.f("fk_concepts_plan_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concepts")),
        sa.UniqueConstraint("plan_item_id", "ordinal", name=op.f("uq_concepts_plan_item_id_ordinal")),
    )
    op.create_table(
        "renderings",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("concept_id", NUMBER, nullable=True),
        sa.Column("plan_item_id", NUMBER, nullable=True),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("decoder", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(concept_id IS NULL) <> (plan_item_id IS NULL)", name=op.f("ck_renderings_one_owner")
        ),
        sa.ForeignKeyConstraint(
            ["concept_id"], ["concepts.id"], name=op.f("fk_renderings_concept_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["plan_item_id"], ["plan_items.id"], name=op.f("fk_renderings_plan_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renderings")),
        sa.UniqueConstraint("concept_id", "lang", name=op.f("uq_renderings_concept_id_lang")),
        sa.UniqueConstraint("plan_item_id", "lang", name=op.f("uq_renderings_plan_item_id_lang")),
    )
