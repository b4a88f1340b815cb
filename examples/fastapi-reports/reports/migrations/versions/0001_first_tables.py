"""First tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
    )
    op.create_table(
        "members",
        sa.Column(
            "organization_id", sa.Integer, sa.ForeignKey("organizations.id"), primary_key=True
        ),
        sa.Column("subject", sa.String, primary_key=True),
    )
    op.create_table(
        "sales",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "organization_id",
            sa.Integer,
            sa.ForeignKey("organizations.id"),
            nullable=False,
            index=True,
        ),
        sa.Column("sold_on", sa.Date, nullable=False),
        sa.Column("product", sa.String, nullable=False),
        sa.Column("amount", sa.Numeric(12, 2), nullable=False),
        sa.Column("currency", sa.String, nullable=False),
    )
    op.create_table(
        "rates",
        sa.Column("currency", sa.String, primary_key=True),
        sa.Column("euros", sa.Numeric(12, 6), nullable=False),
    )
    op.create_table(
        "requested_reports",
        sa.Column("run_id", sa.Uuid, primary_key=True),
        sa.Column("organization_id", sa.Integer, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("requested_by", sa.String, nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
    )


def downgrade() -> None:
    for table in ("requested_reports", "rates", "sales", "members", "organizations"):
        op.drop_table(table)
