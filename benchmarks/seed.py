"""A load as rows of the product: what an apply of so many jobs would leave, in seconds.

Each schedule has a job and a definition of its own. The columns are named one by one, so that new
ones with a default change nothing here.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2.extensions import connection as Connection  # noqa: N812  it is a class

from benchmarks.load import Timed
from jobrunner.spec.models import JobSpec, ScheduleSpec, dump_job, dump_schedule
from jobrunner.zone_data import zone_data_version

_BATCH = 100_000
_ZONES = tuple(map(ZoneInfo, ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu")))
_HOUR_SECONDS = 3600


def seed_resting(connection: Connection, number: int) -> None:
    """Jobs that are due in 40 to 180 days: half of them by cron, half at an interval."""
    for first in range(0, number, _BATCH):
        values = {"first": first, "last": min(first + _BATCH, number) - 1}
        _insert(connection, _RESTING, values, overlap="skip")


def seed_timed(connection: Connection, timed: Iterable[Timed], *, overlap: str) -> None:
    """Jobs `timed-0`, `timed-1`, … that are due as the load says."""
    rows = [
        {
            "name": f"timed-{number}",
            "schedule": _timed_schedule(number, one),
            "due_at": one.first_due_at,
        }
        for number, one in enumerate(timed)
    ]
    _insert(connection, _TIMED, {"rows": json.dumps(rows)}, overlap=overlap)


def _timed_schedule(number: int, timed: Timed) -> Mapping[str, Any]:
    """Half by cron where the time is one that cron can say; few have the same text."""
    due_at = datetime.fromtimestamp(timed.first_due_at, UTC)
    if number % 2 and timed.every_seconds >= _HOUR_SECONDS and not due_at.microsecond:
        return _cron_schedule(number // 2, due_at)
    every = timedelta(seconds=timed.every_seconds)
    return _schedule(every=every, anchor=due_at - number % 1000 * every)


def _cron_schedule(number: int, due_at: datetime) -> Mapping[str, Any]:
    zone = _ZONES[number % len(_ZONES)]
    local = due_at.astimezone(zone)
    later = (0, 1 + number % 11, 12 + number // 11 % 11)
    hours = ",".join(str((local.hour + hour) % 24) for hour in later)
    return _schedule(cron=f"{local.second} {local.minute} {hours} * * *", timezone=zone.key)


def _schedule(**fields: Any) -> Mapping[str, Any]:
    return dump_schedule(ScheduleSpec.model_validate(fields))


_RESTING = """
    SELECT 'resting-' || n AS name, due_at,
           CASE WHEN n %% 2 = 0
                THEN CAST(%(schedule)s AS jsonb) || jsonb_build_object(
                       'every', NULL, 'cron', to_char(due_at, 'FMMI FMHH24 FMDD FMMM "*"'))
                ELSE CAST(%(schedule)s AS jsonb) || jsonb_build_object(
                       'every', 1 + n %% 23 || 'h', 'anchor', to_char(due_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       'start_at', to_char(due_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) END AS schedule
      FROM (SELECT n, date_trunc('minute', now()) + interval '40 days'
                      + make_interval(mins => CAST(CAST(n AS bigint) * 7919 %% 200000 AS int)) AS due_at
              FROM generate_series(%(first)s, %(last)s) AS n) AS numbered
"""
_TIMED = """
    SELECT name, to_timestamp(due_at) AS due_at, schedule
      FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb))
        AS given (name text, due_at double precision, schedule jsonb)
"""
_INSERT = """
    WITH numbered AS (
        SELECT gen_random_uuid() AS job_id, name, due_at, schedule,
               nextval(pg_get_serial_sequence('jobrunner.definitions', 'id')) AS definition_id
          FROM ({source}) AS source
    ), new_jobs AS (
        INSERT INTO jobrunner.jobs
               (id, project_id, namespace, name, definition_id, digest, file, line, enabled, queue,
                overlap, catch_up_policy, timeout)
        SELECT job_id, (SELECT id FROM jobrunner.projects), 'bench', name, definition_id,
               left(md5(name), 16), 'jobs.d/bench.yaml', 1, true, 'default', %(overlap)s, 'latest',
               interval '1 hour'
          FROM numbered
    ), new_definitions AS (
        INSERT INTO jobrunner.definitions (id, job_id, revision, spec)
               OVERRIDING SYSTEM VALUE
        SELECT definition_id, job_id, 1,
               CAST(%(job)s AS jsonb)
               || jsonb_build_object('name', name, 'schedules', jsonb_build_array(schedule))
          FROM numbered
    ), new_schedules AS (
        INSERT INTO jobrunner.schedules (id, job_id, name, spec, next_scheduled_for, next_run_at)
        SELECT gen_random_uuid(), job_id, 'default', schedule, due_at, due_at
          FROM numbered
        RETURNING id, spec
    )
    INSERT INTO jobrunner.active_intervals (schedule_id, spec, tzdata, started_at)
    SELECT id, spec, %(zone_data)s, now() FROM new_schedules
"""


def _insert(
    connection: Connection, source: str, values: Mapping[str, Any], *, overlap: str
) -> None:
    fields = {
        "namespace": "bench",
        "name": "job",
        "task": "bench_tasks.nothing",
        "overlap": overlap,
    }
    given = {
        **values,
        "overlap": overlap,
        "job": json.dumps(dump_job(JobSpec.model_validate(fields))),
        "schedule": json.dumps(_schedule(every="1h")),
        "zone_data": zone_data_version(),
    }
    with connection.cursor() as cursor:
        # The rows refer to each other by construction; checking a million of them takes a minute.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "INSERT INTO jobrunner.projects (name, revision) VALUES ('bench', 1) ON CONFLICT DO NOTHING"
        )
        cursor.execute(_INSERT.format(source=source), given)
        cursor.execute("RESET session_replication_role")
