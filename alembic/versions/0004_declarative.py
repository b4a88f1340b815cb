"""Where a definition stood, and what a revision was made from."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE jobrunner.definitions
    ADD COLUMN file text,
    ADD COLUMN line integer;
ALTER TABLE jobrunner.revisions
    ADD COLUMN git_committed_at timestamptz,
    ADD COLUMN rolled_back_to bigint;
"""
_DOWN = """
ALTER TABLE jobrunner.revisions
    DROP COLUMN rolled_back_to,
    DROP COLUMN git_committed_at;
ALTER TABLE jobrunner.definitions
    DROP COLUMN line,
    DROP COLUMN file;
"""


def upgrade() -> None:
    """Make it."""
    op.execute(_UP)


def downgrade() -> None:
    """Undo it."""
    op.execute(_DOWN)
