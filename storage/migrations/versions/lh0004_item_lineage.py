"""Which item of an earlier version an edited outline's item comes from."""

import sqlalchemy as sa
from alembic import op

revision = "lh0004"
down_revision = "lh0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan_items", sa.Column("lineage", sa.BigInteger(), nullable=True))
