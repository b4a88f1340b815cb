"""The worker: runs of other Celery workers, clean-up after a run, progress, memory, refused messages."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE jobrunner.jobs
    ADD COLUMN delivery text DEFAULT 'claim' NOT NULL,
    ADD COLUMN has_on_end boolean DEFAULT false NOT NULL,
    ADD CONSTRAINT jobs_delivery_check CHECK (delivery IN ('claim', 'tracked', 'handed_over'));

ALTER TABLE jobrunner.runs
    ADD COLUMN delivery text DEFAULT 'claim' NOT NULL,
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN on_end_at timestamptz,
    ADD COLUMN on_end_tries smallint DEFAULT '0' NOT NULL,
    ADD COLUMN on_end_error text,
    ADD COLUMN progress jsonb,
    ADD CONSTRAINT runs_delivery_check CHECK (delivery IN ('claim', 'tracked', 'handed_over')),
    DROP CONSTRAINT runs_state_check,
    ADD CONSTRAINT runs_state_check CHECK (state IN
        ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'lost', 'skipped', 'missed',
         'expired', 'handed_over'));
CREATE INDEX runs_on_end_idx ON jobrunner.runs (on_end_at)
    WHERE on_end_at IS NOT NULL AND finished_at IS NOT NULL;
DROP INDEX jobrunner.runs_unsent_idx;
CREATE INDEX runs_unsent_idx ON jobrunner.runs (available_at)
    WHERE state = 'queued' AND sent_at IS NULL AND NOT held AND delivery = 'claim';
CREATE INDEX runs_to_hand_over_idx ON jobrunner.runs (available_at)
    WHERE state = 'queued' AND sent_at IS NULL AND NOT held AND delivery <> 'claim';
DROP INDEX jobrunner.runs_sent_idx;
CREATE INDEX runs_sent_idx ON jobrunner.runs (queue, (coalesce(priority, 0)), sent_at)
    WHERE state = 'queued' AND sent_at IS NOT NULL AND delivery = 'claim';
CREATE INDEX runs_to_revoke_idx ON jobrunner.runs (cancel_requested_at)
    WHERE delivery = 'tracked' AND cancel_requested_at IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX runs_tracked_idx ON jobrunner.runs (sent_at)
    WHERE delivery = 'tracked' AND finished_at IS NULL;

ALTER TABLE jobrunner.attempts ADD COLUMN memory_peak_bytes bigint;

CREATE TABLE jobrunner.refused_messages (
    id bigint GENERATED ALWAYS AS IDENTITY,
    refused_at timestamptz DEFAULT now() NOT NULL,
    worker text NOT NULL,
    reason text NOT NULL,
    message text NOT NULL,
    CONSTRAINT refused_messages_pkey PRIMARY KEY (id)
);
"""

_DOWN = """
DROP TABLE jobrunner.refused_messages;
ALTER TABLE jobrunner.attempts DROP COLUMN memory_peak_bytes;
DROP INDEX jobrunner.runs_tracked_idx;
DROP INDEX jobrunner.runs_to_revoke_idx;
DROP INDEX jobrunner.runs_sent_idx;
CREATE INDEX runs_sent_idx ON jobrunner.runs (queue, (coalesce(priority, 0)), sent_at)
    WHERE state = 'queued' AND sent_at IS NOT NULL;
DROP INDEX jobrunner.runs_to_hand_over_idx;
DROP INDEX jobrunner.runs_unsent_idx;
CREATE INDEX runs_unsent_idx ON jobrunner.runs (available_at)
    WHERE state = 'queued' AND sent_at IS NULL AND NOT held;
DROP INDEX jobrunner.runs_on_end_idx;
-- Nothing was heard of them, and an older version has no word for that.
UPDATE jobrunner.runs SET state = 'succeeded', error = 'handed over to another Celery app'
 WHERE state = 'handed_over';
ALTER TABLE jobrunner.runs
    DROP CONSTRAINT runs_state_check,
    ADD CONSTRAINT runs_state_check CHECK (state IN
        ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'lost', 'skipped', 'missed',
         'expired')),
    DROP CONSTRAINT runs_delivery_check,
    DROP COLUMN progress, DROP COLUMN on_end_error, DROP COLUMN on_end_tries,
    DROP COLUMN on_end_at, DROP COLUMN revoked_at, DROP COLUMN delivery;
ALTER TABLE jobrunner.jobs
    DROP CONSTRAINT jobs_delivery_check, DROP COLUMN has_on_end, DROP COLUMN delivery;
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(_DOWN)
