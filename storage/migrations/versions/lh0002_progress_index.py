"""An index that answers the progress of a list of documents without reading a single item."""

from alembic import op

revision = "lh0002"
down_revision = "lh0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_plan_items_outline_id_is_leaf_status"), "plan_items", ["outline_id", "is_leaf", "status"]
    )
