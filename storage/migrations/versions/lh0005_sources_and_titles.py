"""The text that a document is made of, and its title in the languages that it is translated into."""

import sqlalchemy as sa
from alembic import op

revision = "lh0005"
down_revision = "lh0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_sources_document_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name="pk_sources"),
    )
    op.create_table(
        "titles",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_titles_document_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "lang", name="pk_titles"),
    )
