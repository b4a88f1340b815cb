"""The tables, in the schema `jobrunner`. Each column says who sets it and who clears it.

One writer per fact: definitions and `spec` columns only `reconcile`; next times and
new runs only `dispatch`; outcomes only `execute` and `recover`. All times are `timestamptz`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA = "jobrunner"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    },
)

_now = text("now()")
_time = DateTime(timezone=True)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


schema_compatibility = Table(
    "schema_compatibility",  # migrations: one row, the revision that a program has to know to work here
    metadata,
    Column("oldest_program", Text, primary_key=True),
)

projects = Table(
    "projects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("environment", Text, nullable=False, server_default=""),  # reconcile, at the first apply
    Column(
        "revision", BigInteger, nullable=False, server_default="0"
    ),  # reconcile: the newest number
    Column("created_at", _time, nullable=False, server_default=_now),
)

revisions = Table(
    "revisions",
    metadata,
    Column("project_id", ForeignKey(projects.c.id), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("author", Text, nullable=False),
    Column("git_commit", Text),  # None outside a git work tree
    Column("git_dirty", Boolean, nullable=False, server_default="false"),
    Column("digest", Text, nullable=False),  # of the plan that was applied
    Column("changes", JSONB, nullable=False),  # the plan's changes, as its JSON form
    Column("git_committed_at", _time),  # of the commit; two checkouts are told apart by it
    Column("rolled_back_to", BigInteger),  # the revision whose definitions came back
)

DELIVERIES = ("claim", "tracked", "handed_over")
"""A worker of ours claims the run · a Celery message to an app's own workers, followed through their
signals · the same, and nothing more is heard of it."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", ForeignKey(projects.c.id), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, Computed("namespace || '/' || name", persisted=True), nullable=False),
    Column("definition_id", BigInteger, nullable=False),  # reconcile: the definition in force
    Column("digest", Text, nullable=False),  # reconcile: of that definition
    Column(
        "file", Text, nullable=False
    ),  # reconcile: where it stands now; no part of the definition
    Column("line", Integer, nullable=False),
    # What dispatch needs of the definition, so that a tick parses no JSON. Written with definition_id.
    Column("enabled", Boolean, nullable=False),
    Column("queue", Text, nullable=False),
    Column("priority", SmallInteger),
    Column("overlap", Text, nullable=False),
    Column("catch_up_policy", Text, nullable=False),
    Column("catch_up_window", Interval),
    Column("catch_up_max", Integer),
    Column("max_concurrency", Integer),  # runs of the job active at once; None: any number
    # How its runs reach their worker, see DELIVERIES.
    Column("delivery", Text, nullable=False, server_default="claim"),
    Column("has_on_end", Boolean, nullable=False, server_default="false"),
    Column("expires", Interval),
    Column("timeout", Interval, nullable=False),
    Column("soft_timeout", Interval),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("owner", Text, nullable=False, server_default=""),
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("deleted_at", _time),  # reconcile: a tombstone; cleared when the address returns
    _one_of("overlap", "allow", "skip", "queue", "replace"),
    _one_of("catch_up_policy", "skip", "latest", "all"),
    _one_of("delivery", *DELIVERIES),
    UniqueConstraint("namespace", "name"),
    Index("jobs_project_id_idx", "project_id"),
)

definitions = Table(
    "definitions",  # every text of every job that was ever in force; runs point at theirs
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), nullable=False),
    Column("revision", BigInteger, nullable=False),  # the project's revision that brought it
    Column("spec", JSONB, nullable=False),  # spec.models.dump_job
    Column("git_commit", Text),
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("file", Text),  # where it stood; None for what was applied before this was kept
    Column("line", Integer),
    Index("definitions_job_id_idx", "job_id"),
    # Of these alone alerts are judged, however many others there are.
    Index("definitions_with_alerts_idx", "id", postgresql_where=text("spec ? 'alerts'")),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("spec", JSONB, nullable=False),  # reconcile: ScheduleSpec as JSON
    Column(
        "next_scheduled_for", _time
    ),  # dispatch: the nominal time owed next; None: none is coming
    Column("next_run_at", _time),  # dispatch: the same plus jitter; what the due query reads
    Column("last_run_at", _time),  # dispatch: the newest nominal time that got a run
    Column("total_run_count", BigInteger, nullable=False, server_default="0"),  # dispatch
    Column("error", Text),  # dispatch: why no next time can be computed; cleared when it can again
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("deleted_at", _time),  # reconcile; next_run_at is None then
    # retention: the newest nominal time whose run is deleted; the ledger is whole only after it
    Column("kept_from", _time),
    UniqueConstraint("job_id", "name"),
    CheckConstraint("(next_scheduled_for IS NULL) = (next_run_at IS NULL)", name="next"),
    # What no datetime holds in every zone: the driver could not read the row, nor any beside it.
    *(
        CheckConstraint(f"{column} >= '0001-01-03Z' AND {column} < '9999-12-30Z'", name=column)
        for column in ("next_scheduled_for", "next_run_at", "last_run_at", "kept_from")
    ),
    # Only what is coming is in the index; HOT updates are impossible on it, hence the fillfactor.
    Index("schedules_due_idx", "next_run_at", postgresql_where=text("next_run_at IS NOT NULL")),
    postgresql_with={
        "fillfactor": 70,
        "autovacuum_vacuum_scale_factor": 0.02,
        "autovacuum_vacuum_cost_delay": 0,
    },
)

active_intervals = Table(
    "active_intervals",  # what was in force when; `fsck` computes from it what must have been due
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("schedule_id", ForeignKey(schedules.c.id, ondelete="CASCADE"), nullable=False),
    Column("spec", JSONB, nullable=False),  # ScheduleSpec as JSON, as it was in force
    Column(
        "tzdata", Text, nullable=False
    ),  # the version of the time zone data it was computed with
    Column("started_at", _time, nullable=False),  # reconcile: due times after this instant count
    Column("ended_at", _time),  # reconcile: and up to this one; None: still in force
    Column("address", Text),  # job#schedule then, which `H` is made from; None: as it is now
    Index("active_intervals_schedule_id_idx", "schedule_id"),
    # Which were computed with older data than there is now: none, but for minutes twice a year.
    Index("active_intervals_tzdata_idx", "tzdata", postgresql_where=text("ended_at IS NULL")),
    Index(
        "active_intervals_in_force_key",
        "schedule_id",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
)

tzdata_versions = Table(
    "tzdata_versions",  # beat: every version of the time zone data that next times were computed with
    metadata,
    Column("version", Text, primary_key=True),
    Column("first_seen_at", _time, nullable=False, server_default=_now),
)

backfills = Table(
    "backfills",  # a span whose times are run again, or for the first time; made by one command
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("schedule_id", ForeignKey(schedules.c.id, ondelete="CASCADE"), nullable=False),
    Column("from_at", _time, nullable=False),  # inclusive
    Column("to_at", _time, nullable=False),  # exclusive
    Column("max_active", Integer, nullable=False),  # how many of its runs may be active at once
    Column("created_by", Text, nullable=False),
    Column("created_at", _time, nullable=False, server_default=_now),
    Index("backfills_schedule_id_idx", "schedule_id"),
)

run_totals = Table(
    "run_totals",  # written by programs of the last release, for whose sake it stays; read by nobody
    metadata,
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("trigger", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("deleted", BigInteger, nullable=False),
)

RUN_STATES = (
    "queued",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "lost",
    "skipped",
    "missed",
    "expired",
    "handed_over",
)

runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),  # of schedule and nominal time; also the Celery task id
    # No foreign keys on the way of a tick, see docs/decisions/0008: jobs and schedules are never
    # deleted, only marked as gone.
    Column("job_id", Uuid, nullable=False),
    Column("schedule_id", Uuid),  # None: triggered by hand
    # backfill: which it belongs to
    Column("backfill_id", ForeignKey(backfills.c.id, ondelete="SET NULL")),
    Column("definition_id", BigInteger, nullable=False),  # what it runs, as of its dispatch
    Column("trigger", Text, nullable=False),
    Column(
        "delivery", Text, nullable=False, server_default="claim"
    ),  # as the job's, at its dispatch
    Column("scheduled_for", _time, nullable=False),  # the time owed
    Column("state", Text, nullable=False),
    # dispatch sets it; the end of the other run clears it
    Column("held", Boolean, nullable=False, server_default="false"),
    Column("kwargs", JSONB),  # given at the trigger, merged over the definition's; None: none given
    Column("queue", Text, nullable=False),
    Column("priority", SmallInteger),
    Column("available_at", _time, nullable=False),  # not sent before; execute moves it for a retry
    Column("expires_at", _time),  # not started for the first time after
    # dispatch: with the batch in which it is sent; cleared when that was not, for the next attempt,
    # and by recover when the message is lost
    Column("sent_at", _time),
    Column(
        "attempt", SmallInteger, nullable=False, server_default="0"
    ),  # attempts started; claim counts
    Column("lost_attempts", SmallInteger, nullable=False, server_default="0"),  # lost ones in a row
    Column("claim_token", Uuid),  # claim: new for each attempt; every later write must carry it
    Column("lease_until", _time),  # claim, then the worker's heartbeat; past: the attempt is lost
    Column("worker", Text),  # claim: who has it, or had it last
    Column("cancel_requested_at", _time),  # an operator, on a running run
    Column("revoked_at", _time),  # hand_over: when the workers of another app were told to drop it
    Column("started_at", _time),  # claim: of the newest attempt
    Column("finished_at", _time),  # the end; None exactly while queued or running
    Column("result", JSONB),
    Column("progress", JSONB),  # execute: what the newest attempt says of itself, see db.progress
    Column("error", Text),  # one line: of the newest failed attempt, or why it never started
    Column("missed_count", Integer),  # state missed: how many times this row stands for
    Column("missed_until", _time),  # state missed: the last of them; `scheduled_for` is the first
    # dispatch: set where the job has an `on_end`; clean_up: when it is tried next; None: it was called
    Column("on_end_at", _time),
    Column("on_end_tries", SmallInteger, nullable=False, server_default="0"),  # clean_up counts
    Column("on_end_error", Text),  # clean_up: one line, of the last try that failed
    Column("request_key", Text),  # of a trigger: the same key is the same run
    Column("created_by", Text),  # of a trigger: who
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("traceparent", Text),  # of a trigger: the W3C trace context that its attempts continue
    # totals: whether `job_totals` has it; set by a beat, or by retention before it deletes it
    Column("is_counted", Boolean, nullable=False, server_default="false"),
    # alerts: whether a run that went wrong was looked at; of others it says nothing
    Column("is_judged", Boolean, nullable=False, server_default="false"),
    _one_of("state", *RUN_STATES),
    _one_of("trigger", "schedule", "catch_up", "manual", "backfill"),
    _one_of("delivery", *DELIVERIES),
    CheckConstraint("(finished_at IS NULL) = (state IN ('queued', 'running'))", name="finished"),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
    CheckConstraint("NOT held OR state = 'queued'", name="held"),
    # The ledger's promise: one row for a schedule and a nominal time.
    Index(
        "runs_schedule_id_scheduled_for_key",
        "schedule_id",
        "scheduled_for",
        unique=True,
        postgresql_where=text("trigger IN ('schedule', 'catch_up')"),
    ),
    Index(
        "runs_unsent_idx",
        "available_at",
        postgresql_where=text(
            "state = 'queued' AND sent_at IS NULL AND NOT held AND delivery = 'claim'"
        ),
    ),
    Index(
        "runs_to_hand_over_idx",
        "available_at",
        postgresql_where=text(
            "state = 'queued' AND sent_at IS NULL AND NOT held AND delivery <> 'claim'"
        ),
    ),
    Index(
        "runs_sent_idx",
        "queue",
        text("coalesce(priority, 0)"),
        "sent_at",
        postgresql_where=text("state = 'queued' AND sent_at IS NOT NULL AND delivery = 'claim'"),
    ),
    Index("runs_lease_idx", "lease_until", postgresql_where=text("state = 'running'")),
    Index(
        "runs_active_idx",
        "job_id",
        "scheduled_for",
        postgresql_where=text("state IN ('queued', 'running') AND NOT held"),
    ),
    Index(
        "runs_held_idx",
        "job_id",
        "backfill_id",
        "scheduled_for",
        postgresql_where=text("held"),
    ),
    Index(
        "runs_expiry_idx",
        "expires_at",
        postgresql_where=text("state = 'queued' AND attempt = 0 AND expires_at IS NOT NULL"),
    ),
    Index(
        "runs_on_end_idx",
        "on_end_at",
        postgresql_where=text("on_end_at IS NOT NULL AND finished_at IS NOT NULL"),
    ),
    Index(
        "runs_tracked_idx",
        "sent_at",
        postgresql_where=text("delivery = 'tracked' AND finished_at IS NULL"),
    ),
    Index(
        "runs_to_revoke_idx",
        "cancel_requested_at",
        postgresql_where=text(
            "delivery = 'tracked' AND cancel_requested_at IS NOT NULL AND revoked_at IS NULL"
        ),
    ),
    Index("runs_backfill_id_idx", "backfill_id", postgresql_where=text("backfill_id IS NOT NULL")),
    Index("runs_job_id_idx", "job_id", text("scheduled_for DESC")),
    Index("runs_scheduled_for_idx", text("scheduled_for DESC")),
    Index(
        "runs_uncounted_idx",
        "finished_at",
        postgresql_where=text("finished_at IS NOT NULL AND NOT is_counted"),
    ),
    Index(
        "runs_unjudged_idx",
        "finished_at",
        postgresql_where=text("state IN ('failed', 'lost', 'missed', 'expired') AND NOT is_judged"),
    ),
    Index(
        "runs_created_by_idx",
        "created_by",
        text("created_at DESC"),
        postgresql_where=text("created_by IS NOT NULL"),
    ),
    Index(
        "runs_wrong_idx",
        text("finished_at DESC"),
        postgresql_where=text("state IN ('failed', 'lost', 'missed', 'expired')"),
    ),
    postgresql_with={"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_cost_delay": 0},
)

outbox = Table(
    "outbox",  # batches of runs that somebody is sending; the row goes with the last message
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sent_at", _time, nullable=False),  # the same as on its runs
    Column("run_ids", ARRAY(Uuid), nullable=False),
)

attempts = Table(
    "attempts",  # claim inserts, finish or recover ends
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("claim_token", Uuid, nullable=False),
    Column("worker", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", _time, nullable=False),
    Column("finished_at", _time),
    Column("error_type", Text),  # `requests.exceptions.ConnectionError`, `timeout`, `lost`
    Column("error", Text),
    Column("traceback", Text),
    Column("memory_peak_bytes", BigInteger),  # the most that its process held; None: not known
    _one_of("state", "running", "succeeded", "failed", "cancelled", "lost"),
)

run_logs = Table(
    "run_logs",  # execute appends, in pieces of up to a second
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("attempt", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("written_at", _time, nullable=False, server_default=_now),
    Column("text", Text, nullable=False),
)

refused_messages = Table(
    "refused_messages",  # a worker: messages that are none of ours, the newest thousand
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("refused_at", _time, nullable=False, server_default=_now),
    Column("worker", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),  # its first 4 KiB
)

processes = Table(
    "processes",  # each process writes its own row and its last sign of life
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    # queues and pool size; a watcher: the state of its configuration
    Column("details", JSONB, nullable=False, server_default="{}"),
    Column("started_at", _time, nullable=False, server_default=_now),
    Column("last_seen_at", _time, nullable=False, server_default=_now),
    Column("stopped_at", _time),  # set by an orderly stop
    _one_of("kind", "beat", "worker", "watch", "web"),
    Index("processes_last_seen_at_idx", "last_seen_at"),
)

pauses = Table(
    "pauses",  # an operator's act; survives every apply; dispatch reads it at the moment of firing
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("scope", Text, nullable=False),
    Column("target", Text, nullable=False),  # the address, tag, queue or namespace
    Column("reason", Text, nullable=False, server_default=""),
    Column("paused_by", Text, nullable=False),
    Column("started_at", _time, nullable=False, server_default=_now),
    Column("until", _time),  # None: until somebody resumes
    Column("ended_at", _time),  # resume
    Column("resumed_by", Text),
    _one_of("scope", "job", "tag", "queue", "namespace"),
    Index(
        "pauses_in_force_key",
        "scope",
        "target",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
)

audit = Table(
    "audit",  # every act of a person or a token; never changed
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", _time, nullable=False, server_default=_now),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default="{}"),
)

ROLES = ("viewer", "operator", "admin")

tokens = Table(
    "tokens",  # `jobrunner token` or an administrator over the web; a token is `jr_<id>_<secret>`
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False),  # SHA-256: the secret has 256 random bits
    Column("name", Text, nullable=False),  # what it is for
    Column("subject", Text, nullable=False),  # who acts: in the audit, and whose runs are his own
    Column("role", Text, nullable=False),
    Column("namespaces", ARRAY(Text), nullable=False, server_default="{}"),  # {}: all
    Column("own_runs_only", Boolean, nullable=False, server_default="false"),
    Column("created_by", Text, nullable=False),
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("expires_at", _time),  # None: never
    Column("revoked_at", _time),
    Column("last_used_at", _time),  # to the minute
    _one_of("role", *ROLES),
)

sessions = Table(
    "sessions",  # web: a person signed in to the pages; ends with the token it was opened with
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", LargeBinary),  # of the cookie; None until the link was followed
    Column("link_hash", LargeBinary),  # of a one-time sign-in link; None once it was followed
    Column("token_id", ForeignKey(tokens.c.id, ondelete="CASCADE")),
    Column("subject", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("namespaces", ARRAY(Text), nullable=False, server_default="{}"),
    Column("own_runs_only", Boolean, nullable=False, server_default="false"),
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("expires_at", _time, nullable=False),
    Column("ended_at", _time),  # signed out
    _one_of("role", *ROLES),
    Index("sessions_expires_at_idx", "expires_at"),
)

answers = Table(
    "answers",  # web: what a request with an Idempotency-Key was answered; kept for a day
    metadata,
    Column("subject", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),  # of method, path and body
    Column("status", SmallInteger, nullable=False),
    Column("headers", JSONB, nullable=False, server_default="{}"),
    Column("body", Text, nullable=False),
    Column("created_at", _time, nullable=False, server_default=_now),
    Index("answers_created_at_idx", "created_at"),
)

pending_plans = Table(
    "pending_plans",  # watch: what the files would change and it does not apply; gone when it is applied
    metadata,
    Column(
        "project_id",
        ForeignKey(projects.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("digest", Text, nullable=False),
    Column("plan", JSONB, nullable=False),  # the plan's JSON form
    Column("reason", Text, nullable=False),  # why it waits: the guard's sentence
    Column("made_by", Text, nullable=False),
    Column("made_at", _time, nullable=False, server_default=_now),
    Column("approved_by", Text),  # web, for this digest
    Column("approved_at", _time),
)

notifiers = Table(
    "notifiers",  # reconcile: where alerts of a project go, as applied
    metadata,
    Column(
        "project_id",
        ForeignKey(projects.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("name", Text, primary_key=True),
    Column("url", JSONB, nullable=False),  # an address, or {"secret": reference}
)

incidents = Table(
    "incidents",  # alerts: what is wrong with a job, from the first time until it is right again
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("run_id", Uuid),  # which opened it
    Column("opened_at", _time, nullable=False, server_default=_now),
    Column("occurred", Integer, nullable=False, server_default="1"),  # how often since
    Column("last_run_id", Uuid),  # the newest that went wrong, or the one that closed it
    Column("last_at", _time, nullable=False),  # when it last went wrong
    Column("last_scheduled_for", _time, nullable=False),  # the time owed of that run
    Column("closed_at", _time),
    _one_of("kind", "failure", "missed", "late", "too_long"),
    Index(
        "incidents_open_key",
        "job_id",
        "kind",
        unique=True,
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("incidents_newest_idx", "job_id", "kind", text("id DESC")),
)

notifications = Table(
    "notifications",  # alerts: one message for one notifier, until it is sent or given up
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("incident_id", ForeignKey(incidents.c.id, ondelete="CASCADE"), nullable=False),
    Column("project_id", ForeignKey(projects.c.id, ondelete="CASCADE"), nullable=False),
    Column("notifier", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("message", JSONB, nullable=False),
    Column("created_at", _time, nullable=False, server_default=_now),
    Column("next_try_at", _time),  # None: sent, or given up after the last try
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("sent_at", _time),
    Column("error", Text),  # one line, of the last try that failed
    _one_of("event", "opened", "recovered"),
    Index("notifications_due_idx", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
    Index("notifications_incident_id_idx", "incident_id"),
)

job_totals = Table(
    "job_totals",  # totals: all finished runs that ever were; never lowered, so counters never reset
    metadata,
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("trigger", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    # Of those that ran: the sum, and how many took no longer than each of db.totals.BOUNDS_SECONDS,
    # with all of them last.
    Column("duration_seconds", Double, nullable=False),
    Column("duration_buckets", ARRAY(BigInteger), nullable=False),
    Column("wait_seconds", Double, nullable=False),  # from available to claimed
    Column("wait_buckets", ARRAY(BigInteger), nullable=False),
    Column("delay_seconds", Double, nullable=False),  # from the time owed to its row
    Column("delay_buckets", ARRAY(BigInteger), nullable=False),
    Column("last_finished_at", _time),
    # Rows that change with each batch, each next to where it was: the table stays as small as it is.
    postgresql_with={
        "fillfactor": 50,
        "autovacuum_vacuum_scale_factor": 0.02,
        "autovacuum_vacuum_cost_delay": 0,
    },
)

error_totals = Table(
    "error_totals",  # totals: attempts that failed, by the type of their error
    metadata,
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("error_type", Text, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
)

hour_totals = Table(
    "hour_totals",  # totals: the same of the last days by the hour; it forgets those before
    metadata,
    Column("hour", _time, primary_key=True),  # its beginning, in UTC; of the time owed
    Column("namespace", Text, primary_key=True),  # of the job, as it was when the run was counted
    Column("queue", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    Column("duration_seconds", Double, nullable=False),  # of the newest attempts, all together
)
