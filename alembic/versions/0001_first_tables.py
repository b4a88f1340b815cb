"""The first tables.

Plain SQL: a migration is a record of what was done, and must not change when the models do.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE jobrunner.audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    details jsonb DEFAULT '{}' NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id)
);

CREATE TABLE jobrunner.pauses (
    id bigint GENERATED ALWAYS AS IDENTITY,
    scope text NOT NULL,
    target text NOT NULL,
    reason text DEFAULT '' NOT NULL,
    paused_by text NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    until timestamptz,
    ended_at timestamptz,
    resumed_by text,
    CONSTRAINT pauses_pkey PRIMARY KEY (id),
    CONSTRAINT pauses_scope_check CHECK (scope IN ('job', 'tag', 'queue', 'namespace'))
);

CREATE UNIQUE INDEX pauses_in_force_key ON jobrunner.pauses (scope, target)
    WHERE ended_at IS NULL;

CREATE TABLE jobrunner.processes (
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    details jsonb DEFAULT '{}' NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    last_seen_at timestamptz DEFAULT now() NOT NULL,
    stopped_at timestamptz,
    CONSTRAINT processes_pkey PRIMARY KEY (id),
    CONSTRAINT processes_kind_check CHECK (kind IN ('beat', 'worker', 'watch'))
);

CREATE INDEX processes_last_seen_at_idx ON jobrunner.processes (last_seen_at);

CREATE TABLE jobrunner.projects (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    environment text DEFAULT '' NOT NULL,
    revision bigint DEFAULT '0' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    CONSTRAINT projects_name_key UNIQUE (name)
);

CREATE TABLE jobrunner.jobs (
    id uuid NOT NULL,
    project_id bigint NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    address text GENERATED ALWAYS AS (namespace || '/' || name) STORED NOT NULL,
    definition_id bigint NOT NULL,
    digest text NOT NULL,
    file text NOT NULL,
    line integer NOT NULL,
    enabled boolean NOT NULL,
    queue text NOT NULL,
    priority smallint,
    overlap text NOT NULL,
    catch_up_policy text NOT NULL,
    catch_up_window interval,
    catch_up_max integer,
    expires interval,
    timeout interval NOT NULL,
    soft_timeout interval,
    tags text[] DEFAULT '{}' NOT NULL,
    owner text DEFAULT '' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_overlap_check CHECK (overlap IN ('allow', 'skip', 'queue', 'replace')),
    CONSTRAINT jobs_catch_up_policy_check CHECK (catch_up_policy IN ('skip', 'latest', 'all')),
    CONSTRAINT jobs_namespace_name_key UNIQUE (namespace, name),
    CONSTRAINT jobs_project_id_fkey FOREIGN KEY(project_id) REFERENCES jobrunner.projects (id)
);

CREATE INDEX jobs_project_id_idx ON jobrunner.jobs (project_id);

CREATE TABLE jobrunner.revisions (
    project_id bigint NOT NULL,
    number bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    author text NOT NULL,
    git_commit text,
    git_dirty boolean DEFAULT 'false' NOT NULL,
    digest text NOT NULL,
    changes jsonb NOT NULL,
    CONSTRAINT revisions_pkey PRIMARY KEY (project_id, number),
    CONSTRAINT revisions_project_id_fkey FOREIGN KEY(project_id)
        REFERENCES jobrunner.projects (id)
);

CREATE TABLE jobrunner.definitions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    job_id uuid NOT NULL,
    revision bigint NOT NULL,
    spec jsonb NOT NULL,
    git_commit text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT definitions_pkey PRIMARY KEY (id),
    CONSTRAINT definitions_job_id_fkey FOREIGN KEY(job_id)
        REFERENCES jobrunner.jobs (id) ON DELETE CASCADE
);

CREATE INDEX definitions_job_id_idx ON jobrunner.definitions (job_id);

CREATE TABLE jobrunner.schedules (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    name text NOT NULL,
    spec jsonb NOT NULL,
    next_scheduled_for timestamptz,
    next_run_at timestamptz,
    last_run_at timestamptz,
    total_run_count bigint DEFAULT '0' NOT NULL,
    error text,
    created_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT schedules_pkey PRIMARY KEY (id),
    CONSTRAINT schedules_job_id_name_key UNIQUE (job_id, name),
    CONSTRAINT schedules_job_id_fkey FOREIGN KEY(job_id)
        REFERENCES jobrunner.jobs (id) ON DELETE CASCADE
)
 WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX schedules_due_idx ON jobrunner.schedules (next_run_at) WHERE next_run_at IS NOT NULL;

CREATE TABLE jobrunner.runs (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    schedule_id uuid,
    definition_id bigint NOT NULL,
    trigger text NOT NULL,
    scheduled_for timestamptz NOT NULL,
    state text NOT NULL,
    held boolean DEFAULT 'false' NOT NULL,
    kwargs jsonb,
    queue text NOT NULL,
    priority smallint,
    available_at timestamptz NOT NULL,
    expires_at timestamptz,
    sending_until timestamptz,
    sent_at timestamptz,
    attempt smallint DEFAULT '0' NOT NULL,
    lost_attempts smallint DEFAULT '0' NOT NULL,
    claim_token uuid,
    lease_until timestamptz,
    worker text,
    cancel_requested_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    result jsonb,
    error text,
    missed_count integer,
    request_key text,
    created_by text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT runs_pkey PRIMARY KEY (id),
    CONSTRAINT runs_state_check
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'lost',
                         'skipped', 'missed', 'expired')),
    CONSTRAINT runs_trigger_check
        CHECK (trigger IN ('schedule', 'catch_up', 'manual', 'backfill')),
    CONSTRAINT runs_finished_check
        CHECK ((finished_at IS NULL) = (state IN ('queued', 'running'))),
    CONSTRAINT runs_lease_check CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT runs_held_check CHECK (NOT held OR state = 'queued'),
    CONSTRAINT runs_job_id_fkey FOREIGN KEY(job_id)
        REFERENCES jobrunner.jobs (id) ON DELETE CASCADE,
    CONSTRAINT runs_schedule_id_fkey FOREIGN KEY(schedule_id)
        REFERENCES jobrunner.schedules (id) ON DELETE SET NULL
)
 WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX runs_active_idx ON jobrunner.runs (job_id, scheduled_for)
    WHERE state IN ('queued', 'running');

CREATE INDEX runs_expiry_idx ON jobrunner.runs (expires_at)
    WHERE state = 'queued' AND attempt = 0 AND expires_at IS NOT NULL;

CREATE INDEX runs_held_idx ON jobrunner.runs (job_id) INCLUDE (scheduled_for) WHERE held;

CREATE INDEX runs_job_id_idx ON jobrunner.runs (job_id, scheduled_for DESC);

CREATE INDEX runs_lease_idx ON jobrunner.runs (lease_until) WHERE state = 'running';

CREATE UNIQUE INDEX runs_schedule_id_scheduled_for_key
    ON jobrunner.runs (schedule_id, scheduled_for)
    WHERE trigger IN ('schedule', 'catch_up');

CREATE INDEX runs_scheduled_for_idx ON jobrunner.runs (scheduled_for DESC);

CREATE INDEX runs_sent_idx ON jobrunner.runs (queue, sent_at)
    WHERE state = 'queued' AND sent_at IS NOT NULL;

CREATE INDEX runs_unsent_idx ON jobrunner.runs (available_at)
    WHERE state = 'queued' AND sent_at IS NULL AND NOT held;

CREATE TABLE jobrunner.attempts (
    run_id uuid NOT NULL,
    number smallint NOT NULL,
    state text NOT NULL,
    claim_token uuid NOT NULL,
    worker text NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error_type text,
    error text,
    traceback text,
    CONSTRAINT attempts_pkey PRIMARY KEY (run_id, number),
    CONSTRAINT attempts_state_check
        CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled', 'lost')),
    CONSTRAINT attempts_run_id_fkey FOREIGN KEY(run_id)
        REFERENCES jobrunner.runs (id) ON DELETE CASCADE
);

CREATE TABLE jobrunner.run_logs (
    run_id uuid NOT NULL,
    attempt smallint NOT NULL,
    sequence integer NOT NULL,
    written_at timestamptz DEFAULT now() NOT NULL,
    text text NOT NULL,
    CONSTRAINT run_logs_pkey PRIMARY KEY (run_id, attempt, sequence),
    CONSTRAINT run_logs_run_id_fkey FOREIGN KEY(run_id)
        REFERENCES jobrunner.runs (id) ON DELETE CASCADE
);
"""

_NEWEST_FIRST = (
    "run_logs",
    "attempts",
    "runs",
    "schedules",
    "definitions",
    "revisions",
    "jobs",
    "projects",
    "processes",
    "pauses",
    "audit",
)


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    for table in _NEWEST_FIRST:
        op.execute(f"DROP TABLE jobrunner.{table}")
