"""Every metric there is: what it is called, what it counts, by what. Its reference is made from this."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One name. Users depend on it, and on its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    """What it is, its unit included."""
    labels: tuple[str, ...] = ()


RUNS = Metric(
    "jobrunner_runs_total",
    "counter",
    "Runs that are over. A row of missed times is one.",
    ("job", "queue", "trigger", "outcome"),
)
RETRIES = Metric(
    "jobrunner_run_retries_total",
    "counter",
    "Attempts after the first, of runs that are over.",
    ("job", "queue"),
)
DURATION = Metric(
    "jobrunner_run_duration_seconds",
    "histogram",
    "Seconds from the start of the last attempt to the end of the run.",
    ("queue",),
)
WAIT = Metric(
    "jobrunner_run_queue_wait_seconds",
    "histogram",
    "Seconds from the time a run could start to the start of its last attempt.",
    ("queue",),
)
DELAY = Metric(
    "jobrunner_schedule_delay_seconds",
    "histogram",
    "Seconds from the time a schedule owed a run to the run's row, jitter included.",
    ("queue",),
)
RUNNING = Metric("jobrunner_runs_running", "gauge", "Runs that are running now.", ("queue",))
DEPTH = Metric(
    "jobrunner_queue_depth", "gauge", "Runs that could start now and have not.", ("queue",)
)
OLDEST = Metric(
    "jobrunner_queue_oldest_age_seconds",
    "gauge",
    "Seconds for which the oldest of them has waited; 0 for an empty queue.",
    ("queue",),
)
WORKERS = Metric("jobrunner_workers_online", "gauge", "Workers seen in the last 15 seconds.")
LAST_SUCCESS = Metric(
    "jobrunner_job_last_success_timestamp_seconds",
    "gauge",
    "When a run of the job last succeeded, in seconds since 1970; absent if none ever has.",
    ("job",),
)
NEXT_RUN = Metric(
    "jobrunner_job_next_run_timestamp_seconds",
    "gauge",
    "When the job is due next, in seconds since 1970; absent if it is not.",
    ("job",),
)
OVERDUE = Metric(
    "jobrunner_job_overdue", "gauge", "1: the job should have started over a minute ago.", ("job",)
)
PAUSED = Metric("jobrunner_job_paused", "gauge", "1: the job is paused or disabled.", ("job",))
LAST_TICK = Metric(
    "jobrunner_scheduler_last_tick_timestamp_seconds",
    "gauge",
    "When a beat last gave its sign of life, every 5 seconds, in seconds since 1970.",
)
VALID = Metric(
    "jobrunner_config_valid",
    "gauge",
    "0: the watched files have mistakes, so the last good state is in force.",
    ("project",),
)
DRIFT = Metric(
    "jobrunner_config_drift_jobs",
    "gauge",
    "Jobs of a plan that the watcher holds back.",
    ("project",),
)
LAST_APPLY = Metric(
    "jobrunner_config_last_apply_timestamp_seconds",
    "gauge",
    "When the project was last applied, in seconds since 1970.",
    ("project",),
)
ALERTS_UNSENT = Metric(
    "jobrunner_alerts_unsent",
    "gauge",
    "Messages of alerts that wait to be sent; 0 for a notifier that none waits for.",
    ("project", "notifier"),
)
BUILD = Metric("jobrunner_build_info", "gauge", "1, with the version that answers.", ("version",))
CUT = Metric(
    "jobrunner_metrics_series_cut",
    "gauge",
    "Series that are left out, since there are more than JOBRUNNER_METRICS_SERIES_MAX.",
)

OWN = (
    *(RUNS, RETRIES, DURATION, WAIT, DELAY, RUNNING, DEPTH, OLDEST, WORKERS, LAST_SUCCESS),
    *(NEXT_RUN, OVERDUE, PAUSED, LAST_TICK, VALID, DRIFT, LAST_APPLY, ALERTS_UNSENT),
    *(BUILD, CUT),
)

CELERY_TASKS = Metric(
    "celery_tasks_total",
    "counter",
    "Runs that are over: `success`, `failure` (lost ones among them) or `revoked` (cancelled, expired).",
    ("queue", "status"),
)
CELERY_DURATION = Metric(
    "celery_task_duration_seconds",
    "histogram",
    "Seconds from the start of the last attempt to the end of the run.",
    ("queue", "task"),
)
CELERY_ERRORS = Metric(
    "celery_task_errors_total",
    "counter",
    "Failed attempts of runs that are over; from the 51st error type of a job on as `other`.",
    ("queue", "task", "error_type"),
)
CELERY_WORKERS = Metric("celery_workers_count", "gauge", "Workers seen in the last 15 seconds.")
CELERY_BACKLOG = Metric(
    "celery_queues_backlog", "gauge", "Runs that could start now and have not.", ("queue",)
)

OF_CELERY = (CELERY_TASKS, CELERY_DURATION, CELERY_ERRORS, CELERY_WORKERS, CELERY_BACKLOG)
"""Names that dashboards of Celery projects know; `task` is the job's address. By a switch."""
