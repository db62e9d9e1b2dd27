"""The sentences of a library that a section is written from."""

import sqlalchemy as sa
from alembic import op

revision = "lh0009"
down_revision = "lh0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan_items", sa.Column("notes", sa.JSON(), nullable=True))
