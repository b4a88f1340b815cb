"""Who may do what over the web, what alerts have been told, and totals that no deletion lowers."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_UP = """
-- Programs that know this revision can use the database, however new it is. Only a migration that takes
-- something away from them moves it on.
CREATE TABLE jobrunner.schema_compatibility (
    oldest_program text NOT NULL,
    CONSTRAINT schema_compatibility_pkey PRIMARY KEY (oldest_program)
);
INSERT INTO jobrunner.schema_compatibility VALUES ('0005');
CREATE TABLE jobrunner.tokens (
    id text NOT NULL,
    secret_hash bytea NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    namespaces text[] NOT NULL DEFAULT '{}',
    own_runs_only boolean NOT NULL DEFAULT false,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_role_check CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE TABLE jobrunner.sessions (
    id text NOT NULL,
    secret_hash bytea,
    link_hash bytea,
    token_id text,
    subject text NOT NULL,
    role text NOT NULL,
    namespaces text[] NOT NULL DEFAULT '{}',
    own_runs_only boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_token_id_fkey FOREIGN KEY (token_id)
        REFERENCES jobrunner.tokens (id) ON DELETE CASCADE,
    CONSTRAINT sessions_role_check CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE INDEX sessions_expires_at_idx ON jobrunner.sessions (expires_at);
CREATE TABLE jobrunner.answers (
    subject text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT answers_pkey PRIMARY KEY (subject, key)
);
CREATE INDEX answers_created_at_idx ON jobrunner.answers (created_at);
CREATE TABLE jobrunner.pending_plans (
    project_id bigint NOT NULL,
    digest text NOT NULL,
    plan jsonb NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    approved_by text,
    approved_at timestamptz,
    CONSTRAINT pending_plans_pkey PRIMARY KEY (project_id),
    CONSTRAINT pending_plans_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES jobrunner.projects (id) ON DELETE CASCADE
);
CREATE TABLE jobrunner.notifiers (
    project_id bigint NOT NULL,
    name text NOT NULL,
    url jsonb NOT NULL,
    CONSTRAINT notifiers_pkey PRIMARY KEY (project_id, name),
    CONSTRAINT notifiers_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES jobrunner.projects (id) ON DELETE CASCADE
);
CREATE TABLE jobrunner.incidents (
    id bigint GENERATED ALWAYS AS IDENTITY,
    job_id uuid NOT NULL,
    kind text NOT NULL,
    run_id uuid,
    opened_at timestamptz NOT NULL DEFAULT now(),
    occurred integer NOT NULL DEFAULT '1',
    last_run_id uuid,
    last_at timestamptz NOT NULL,
    last_scheduled_for timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT incidents_pkey PRIMARY KEY (id),
    CONSTRAINT incidents_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobrunner.jobs (id) ON DELETE CASCADE,
    CONSTRAINT incidents_kind_check CHECK (kind IN ('failure', 'missed', 'late', 'too_long'))
);
CREATE UNIQUE INDEX incidents_open_key ON jobrunner.incidents (job_id, kind) WHERE closed_at IS NULL;
CREATE INDEX incidents_newest_idx ON jobrunner.incidents (job_id, kind, id DESC);
CREATE TABLE jobrunner.notifications (
    id bigint GENERATED ALWAYS AS IDENTITY,
    incident_id bigint NOT NULL,
    project_id bigint NOT NULL,
    notifier text NOT NULL,
    event text NOT NULL,
    message jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    next_try_at timestamptz,
    tries smallint NOT NULL DEFAULT '0',
    sent_at timestamptz,
    error text,
    CONSTRAINT notifications_pkey PRIMARY KEY (id),
    CONSTRAINT notifications_incident_id_fkey FOREIGN KEY (incident_id)
        REFERENCES jobrunner.incidents (id) ON DELETE CASCADE,
    CONSTRAINT notifications_project_id_fkey FOREIGN KEY (project_id)
        REFERENCES jobrunner.projects (id) ON DELETE CASCADE,
    CONSTRAINT notifications_event_check CHECK (event IN ('opened', 'recovered'))
);
CREATE INDEX notifications_due_idx ON jobrunner.notifications (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX notifications_incident_id_idx ON jobrunner.notifications (incident_id);
CREATE INDEX definitions_with_alerts_idx ON jobrunner.definitions (id) WHERE spec ? 'alerts';
-- Nobody is told of what went wrong before there were alerts: the rows that are there count as judged.
ALTER TABLE jobrunner.runs ADD COLUMN is_judged boolean NOT NULL DEFAULT true;
ALTER TABLE jobrunner.runs ALTER COLUMN is_judged SET DEFAULT false;
CREATE INDEX runs_unjudged_idx ON jobrunner.runs (finished_at)
        WHERE state IN ('failed', 'lost', 'missed', 'expired') AND NOT is_judged;

-- What a run looks like to a trace, and whether the totals know it.
ALTER TABLE jobrunner.runs
    ADD COLUMN traceparent text,
    ADD COLUMN is_counted boolean NOT NULL DEFAULT false;
CREATE INDEX runs_uncounted_idx ON jobrunner.runs (finished_at)
        WHERE finished_at IS NOT NULL AND NOT is_counted;
CREATE INDEX runs_created_by_idx ON jobrunner.runs (created_by, created_at DESC)
        WHERE created_by IS NOT NULL;
CREATE INDEX runs_wrong_idx ON jobrunner.runs (finished_at DESC)
        WHERE state IN ('failed', 'lost', 'missed', 'expired');
CREATE TABLE jobrunner.job_totals (
    job_id uuid NOT NULL,
    queue text NOT NULL,
    trigger text NOT NULL,
    state text NOT NULL,
    runs bigint NOT NULL,
    retries bigint NOT NULL,
    duration_seconds double precision NOT NULL,
    duration_buckets bigint[] NOT NULL,
    wait_seconds double precision NOT NULL,
    wait_buckets bigint[] NOT NULL,
    delay_seconds double precision NOT NULL,
    delay_buckets bigint[] NOT NULL,
    last_finished_at timestamptz,
    CONSTRAINT job_totals_pkey PRIMARY KEY (job_id, queue, trigger, state),
    CONSTRAINT job_totals_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobrunner.jobs (id) ON DELETE CASCADE
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- What older programs have deleted and counted. They may still run, so their table stays for a release.
INSERT INTO jobrunner.job_totals
SELECT t.job_id, j.queue, t.trigger, t.state, t.deleted, 0,
       0, array_fill(0::bigint, ARRAY[12]), 0, array_fill(0::bigint, ARRAY[12]),
       0, array_fill(0::bigint, ARRAY[12])
  FROM jobrunner.run_totals AS t JOIN jobrunner.jobs AS j ON j.id = t.job_id;
DELETE FROM jobrunner.run_totals;
CREATE TABLE jobrunner.error_totals (
    job_id uuid NOT NULL,
    queue text NOT NULL,
    error_type text NOT NULL,
    attempts bigint NOT NULL,
    CONSTRAINT error_totals_pkey PRIMARY KEY (job_id, queue, error_type),
    CONSTRAINT error_totals_job_id_fkey FOREIGN KEY (job_id)
        REFERENCES jobrunner.jobs (id) ON DELETE CASCADE
);
CREATE TABLE jobrunner.hour_totals (
    hour timestamptz NOT NULL,
    namespace text NOT NULL,
    queue text NOT NULL,
    state text NOT NULL,
    runs bigint NOT NULL,
    duration_seconds double precision NOT NULL,
    CONSTRAINT hour_totals_pkey PRIMARY KEY (hour, namespace, queue, state)
);
ALTER TABLE jobrunner.processes DROP CONSTRAINT processes_kind_check;
ALTER TABLE jobrunner.processes ADD CONSTRAINT processes_kind_check
        CHECK (kind IN ('beat', 'worker', 'watch', 'web'));
"""
_DOWN = """
DELETE FROM jobrunner.processes WHERE kind = 'web';
ALTER TABLE jobrunner.processes DROP CONSTRAINT processes_kind_check;
ALTER TABLE jobrunner.processes ADD CONSTRAINT processes_kind_check
        CHECK (kind IN ('beat', 'worker', 'watch'));
INSERT INTO jobrunner.run_totals
SELECT t.job_id, t.trigger, t.state, sum(t.runs) - count(r.id)
  FROM jobrunner.job_totals AS t
  LEFT JOIN jobrunner.runs AS r
         ON r.is_counted AND (r.job_id, r.queue, r.trigger, r.state) = (t.job_id, t.queue, t.trigger, t.state)
 GROUP BY t.job_id, t.trigger, t.state;
DROP TABLE jobrunner.schema_compatibility;
DROP TABLE jobrunner.hour_totals, jobrunner.error_totals, jobrunner.job_totals;
DROP INDEX jobrunner.runs_wrong_idx, jobrunner.runs_created_by_idx, jobrunner.runs_uncounted_idx;
ALTER TABLE jobrunner.runs DROP COLUMN is_counted, DROP COLUMN traceparent;
DROP INDEX jobrunner.definitions_with_alerts_idx, jobrunner.runs_unjudged_idx;
ALTER TABLE jobrunner.runs DROP COLUMN is_judged;
DROP TABLE jobrunner.notifications, jobrunner.incidents, jobrunner.notifiers, jobrunner.pending_plans,
    jobrunner.answers, jobrunner.sessions, jobrunner.tokens;
"""


def upgrade() -> None:
    """Make it."""
    op.execute(_UP)


def downgrade() -> None:
    """Undo it."""
    op.execute(_DOWN)
