"""An index that answers what was done lately without reading older attempts."""

from alembic import op

revision = "lh0003"
down_revision = "lh0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_attempts_finished_at"), "attempts", ["finished_at"])
