"""The scheduler: what was in force when, backfills, a limit of concurrency, totals beyond retention."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE jobrunner.jobs ADD COLUMN max_concurrency integer;

ALTER TABLE jobrunner.schedules ADD COLUMN kept_from timestamptz;

-- A time that a hand has put beyond the calendar could not be read, nor any row beside it.
UPDATE jobrunner.schedules
   SET next_scheduled_for = NULL, next_run_at = NULL,
       error = 'its next time was missing or out of range; `jobrunner apply` computes it again'
 WHERE (next_scheduled_for IS NULL) <> (next_run_at IS NULL)
    OR NOT (next_scheduled_for >= '0001-01-03Z' AND next_scheduled_for < '9999-12-30Z')
    OR NOT (next_run_at >= '0001-01-03Z' AND next_run_at < '9999-12-30Z');
UPDATE jobrunner.schedules SET last_run_at = NULL
 WHERE NOT (last_run_at >= '0001-01-03Z' AND last_run_at < '9999-12-30Z');
ALTER TABLE jobrunner.schedules
    ADD CONSTRAINT schedules_next_check
        CHECK ((next_scheduled_for IS NULL) = (next_run_at IS NULL)),
    ADD CONSTRAINT schedules_next_scheduled_for_check
        CHECK (next_scheduled_for >= '0001-01-03Z' AND next_scheduled_for < '9999-12-30Z'),
    ADD CONSTRAINT schedules_next_run_at_check
        CHECK (next_run_at >= '0001-01-03Z' AND next_run_at < '9999-12-30Z'),
    ADD CONSTRAINT schedules_last_run_at_check
        CHECK (last_run_at >= '0001-01-03Z' AND last_run_at < '9999-12-30Z'),
    ADD CONSTRAINT schedules_kept_from_check
        CHECK (kept_from >= '0001-01-03Z' AND kept_from < '9999-12-30Z');

CREATE TABLE jobrunner.active_intervals (
    id bigint GENERATED ALWAYS AS IDENTITY,
    schedule_id uuid NOT NULL,
    spec jsonb NOT NULL,
    tzdata text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT active_intervals_pkey PRIMARY KEY (id),
    CONSTRAINT active_intervals_schedule_id_fkey FOREIGN KEY (schedule_id)
        REFERENCES jobrunner.schedules (id) ON DELETE CASCADE
);

CREATE INDEX active_intervals_schedule_id_idx ON jobrunner.active_intervals (schedule_id);
CREATE INDEX active_intervals_tzdata_idx ON jobrunner.active_intervals (tzdata)
    WHERE ended_at IS NULL;
CREATE UNIQUE INDEX active_intervals_in_force_key ON jobrunner.active_intervals (schedule_id)
    WHERE ended_at IS NULL;

CREATE TABLE jobrunner.tzdata_versions (
    version text NOT NULL,
    first_seen_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT tzdata_versions_pkey PRIMARY KEY (version)
);

CREATE TABLE jobrunner.backfills (
    id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    max_active integer NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT backfills_pkey PRIMARY KEY (id),
    CONSTRAINT backfills_schedule_id_fkey FOREIGN KEY (schedule_id)
        REFERENCES jobrunner.schedules (id) ON DELETE CASCADE
);

CREATE INDEX backfills_schedule_id_idx ON jobrunner.backfills (schedule_id);

CREATE TABLE jobrunner.run_totals (
    job_id uuid NOT NULL,
    trigger text NOT NULL,
    state text NOT NULL,
    deleted bigint NOT NULL,
    CONSTRAINT run_totals_pkey PRIMARY KEY (job_id, trigger, state),
    CONSTRAINT run_totals_job_id_fkey FOREIGN KEY (job_id)
        REFERENCES jobrunner.jobs (id) ON DELETE CASCADE
);

ALTER TABLE jobrunner.runs ADD COLUMN backfill_id uuid
    CONSTRAINT runs_backfill_id_fkey REFERENCES jobrunner.backfills (id) ON DELETE SET NULL;
CREATE INDEX runs_backfill_id_idx ON jobrunner.runs (backfill_id) WHERE backfill_id IS NOT NULL;

-- A row that stands for many times says up to when in a column of its own, not only in its sentence.
ALTER TABLE jobrunner.runs ADD COLUMN missed_until timestamptz;
UPDATE jobrunner.runs
   SET missed_until = CAST(substring(error FROM '; last (\\S+)$') AS timestamptz)
 WHERE state = 'missed' AND error ~ '; last \\d{4}-\\d\\d-\\d\\dT\\S+$';

-- A batch that somebody is sending is one row; a tick writes no run twice and locks no job for its keys.
CREATE TABLE jobrunner.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    sent_at timestamptz NOT NULL,
    run_ids uuid[] NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

ALTER TABLE jobrunner.runs
    DROP COLUMN sending_until,
    DROP CONSTRAINT runs_job_id_fkey,
    DROP CONSTRAINT runs_schedule_id_fkey;

DROP INDEX jobrunner.runs_sent_idx;
CREATE INDEX runs_sent_idx ON jobrunner.runs (queue, coalesce(priority, 0), sent_at)
    WHERE state = 'queued' AND sent_at IS NOT NULL;

-- A backfill may have 100,000 runs waiting: counting those that have started passes them by.
DROP INDEX jobrunner.runs_active_idx;
CREATE INDEX runs_active_idx ON jobrunner.runs (job_id, scheduled_for)
    WHERE state IN ('queued', 'running') AND NOT held;
DROP INDEX jobrunner.runs_held_idx;
CREATE INDEX runs_held_idx ON jobrunner.runs (job_id, backfill_id, scheduled_for) WHERE held;
-- Without it one job's backfill makes held runs of any job seem common, and the whole table is read for them.
CREATE STATISTICS jobrunner.runs_held_stats (mcv) ON job_id, state, held, backfill_id
    FROM jobrunner.runs;

-- What is in force now counts from now: nothing is known of when it began.
INSERT INTO jobrunner.active_intervals (schedule_id, spec, tzdata, started_at)
SELECT s.id, s.spec, '', statement_timestamp()
  FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
 WHERE s.deleted_at IS NULL AND j.deleted_at IS NULL AND j.enabled
   AND (s.spec -> 'enabled') IS DISTINCT FROM 'false';
"""

_DOWN = """
DROP STATISTICS jobrunner.runs_held_stats;
DROP INDEX jobrunner.runs_held_idx;
CREATE INDEX runs_held_idx ON jobrunner.runs (job_id) INCLUDE (scheduled_for) WHERE held;
DROP INDEX jobrunner.runs_active_idx;
CREATE INDEX runs_active_idx ON jobrunner.runs (job_id, scheduled_for)
    WHERE state IN ('queued', 'running');
DROP INDEX jobrunner.runs_sent_idx;
CREATE INDEX runs_sent_idx ON jobrunner.runs (queue, sent_at)
    WHERE state = 'queued' AND sent_at IS NOT NULL;
ALTER TABLE jobrunner.runs
    ADD COLUMN sending_until timestamptz,
    ADD CONSTRAINT runs_job_id_fkey FOREIGN KEY (job_id)
        REFERENCES jobrunner.jobs (id) ON DELETE CASCADE,
    ADD CONSTRAINT runs_schedule_id_fkey FOREIGN KEY (schedule_id)
        REFERENCES jobrunner.schedules (id) ON DELETE SET NULL;
DROP TABLE jobrunner.outbox;
ALTER TABLE jobrunner.runs DROP COLUMN missed_until, DROP COLUMN backfill_id;
DROP TABLE jobrunner.run_totals;
DROP TABLE jobrunner.backfills;
DROP TABLE jobrunner.tzdata_versions;
DROP TABLE jobrunner.active_intervals;
ALTER TABLE jobrunner.schedules
    DROP CONSTRAINT schedules_last_run_at_check,
    DROP CONSTRAINT schedules_next_run_at_check,
    DROP CONSTRAINT schedules_next_scheduled_for_check,
    DROP CONSTRAINT schedules_next_check,
    DROP COLUMN kept_from;
ALTER TABLE jobrunner.jobs DROP COLUMN max_concurrency;
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(_DOWN)
