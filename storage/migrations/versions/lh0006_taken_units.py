"""Which process is at a unit, where several share a document."""

import sqlalchemy as sa
from alembic import op

revision = "lh0006"
down_revision = "lh0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("units", sa.Column("taken_by", sa.Text(), nullable=True))
    op.add_column("units", sa.Column("taken_epoch", sa.BigInteger(), nullable=True))
    op.add_column("units", sa.Column("taken_until", sa.Double(), nullable=True))
    op.create_index("ix_documents_owner", "documents", ["owner"])
