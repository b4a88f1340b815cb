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
-- Times with `H` are made from the address: those of the past stay what they were when a job moves.
ALTER TABLE jobrunner.active_intervals ADD COLUMN address text;
UPDATE jobrunner.active_intervals AS i SET address = j.address || '#' || s.name
  FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
 WHERE s.id = i.schedule_id AND i.spec ->> 'cron' LIKE '%H%';
"""
_DOWN = """
ALTER TABLE jobrunner.active_intervals DROP COLUMN address;
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
