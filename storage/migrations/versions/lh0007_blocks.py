"""Which block of its section a text begins: paragraph, step or bullet."""

import sqlalchemy as sa
from alembic import op

revision = "lh0007"
down_revision = "lh0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("renderings", sa.Column("block", sa.Text(), nullable=True))
