"""Runs by the page, newest first, as far as a caller sees them: from a position on, never by an offset."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from jobrunner.access.caller import Caller
from jobrunner.db.engine import alone
from jobrunner.db.runs import RUN_COLUMNS, RUN_TABLES, Run, run_of

_JOBS_LOOKED_THROUGH = 500
"""Of so many jobs the newest runs are taken from each one; of more, from the newest runs of all."""

ERRORS_READ = 20_000
"""Texts of errors are looked for in so many: no index knows what is in them."""


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """Conditions on a page; None and () are none."""

    job: str | None = None
    """`namespace/job`, or `namespace/job#schedule`."""
    namespace: str | None = None
    queue: str | None = None
    states: Collection[str] = ()
    triggers: Collection[str] = ()
    since: datetime | None = None
    """Scheduled for then or later."""
    until: datetime | None = None
    """Scheduled for an earlier time."""
    error: str | None = None
    """Only what went wrong with these words in its error, in letters of either case: of the newest
    ERRORS_READ that went wrong."""


@dataclass(frozen=True, slots=True)
class RunPosition:
    """A page begins after the run of that time and id."""

    scheduled_for: datetime
    run_id: uuid.UUID


_WENT_WRONG = frozenset({"failed", "lost", "missed", "expired"})
"""By these states runs have an index."""
_JOBS_SEEN = """
    SELECT id FROM jobrunner.jobs
     WHERE (CAST(:namespaces AS text[]) IS NULL OR namespace = ANY(CAST(:namespaces AS text[])))
       AND (CAST(:namespace AS text) IS NULL OR namespace = :namespace)
       AND (CAST(:job AS text) IS NULL OR (namespace = split_part(:job, '/', 1)
              AND name = split_part(split_part(:job, '/', 2), '#', 1)))
"""
_JOB_IDS = text(f"{_JOBS_SEEN} LIMIT :most")
# The totals have every run that is over, but the newest. In them, a lost run that has succeeded late is
# lost. Of jobs with runs that are not over it is not asked which: there may be a million, all held.
_SUCH_RUNS = """
       (CAST(:queue AS text) IS NULL OR queue = :queue)
   AND (CAST(:states AS text[]) IS NULL
        OR state = ANY(CAST(:states AS text[]) || CAST('lost' AS text)))
   AND (CAST(:triggers AS text[]) IS NULL OR trigger = ANY(CAST(:triggers AS text[])))
"""
_JOB_IDS_WITH_SUCH = text(f"""
    SELECT job_id FROM (
           SELECT job_id FROM jobrunner.job_totals WHERE {_SUCH_RUNS}
            UNION ALL
           SELECT job_id FROM jobrunner.runs
            WHERE finished_at IS NOT NULL AND NOT is_counted AND {_SUCH_RUNS}
            UNION ALL
           SELECT j.id FROM jobrunner.jobs AS j CROSS JOIN LATERAL (
                  SELECT FROM jobrunner.runs WHERE job_id = j.id AND held LIMIT 1) AS held
            UNION ALL
           SELECT j.id FROM jobrunner.jobs AS j CROSS JOIN LATERAL (
                  SELECT FROM jobrunner.runs
                   WHERE job_id = j.id AND state IN ('queued', 'running') AND NOT held LIMIT 1
                  ) AS active) AS runs
     WHERE job_id IN ({_JOBS_SEEN})
     GROUP BY job_id LIMIT :most
""")  # noqa: S608  constants
# The driver writes the values into the statement, so the planner sees which conditions are none.
_CONDITIONS = """
           (CAST(:job AS text) IS NULL OR split_part(:job, '#', 2) = '' OR r.schedule_id IN (
              SELECT id FROM jobrunner.schedules WHERE name = split_part(:job, '#', 2)))
       AND (CAST(:created_by AS text) IS NULL OR r.created_by = :created_by)
       AND (CAST(:queue AS text) IS NULL OR r.queue = :queue)
       AND (CAST(:states AS text[]) IS NULL OR r.state = ANY(CAST(:states AS text[])))
       AND (CAST(:triggers AS text[]) IS NULL OR r.trigger = ANY(CAST(:triggers AS text[])))
       AND (CAST(:since AS timestamptz) IS NULL OR r.scheduled_for >= CAST(:since AS timestamptz))
       AND (CAST(:until AS timestamptz) IS NULL OR r.scheduled_for < CAST(:until AS timestamptz))
       AND (CAST(:after_at AS timestamptz) IS NULL
            OR (r.scheduled_for, r.id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))
"""
_NEWEST_OF_ALL = f"""
    SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
     WHERE r.id IN (
           SELECT r.id FROM jobrunner.runs AS r
            WHERE (NOT :limited OR r.job_id IN (
                     SELECT id FROM jobrunner.jobs
                      WHERE (CAST(:namespaces AS text[]) IS NULL
                             OR namespace = ANY(CAST(:namespaces AS text[])))
                        AND (CAST(:namespace AS text) IS NULL OR namespace = :namespace)))
              AND {_CONDITIONS}
            ORDER BY r.scheduled_for DESC, r.id DESC LIMIT :limit)
     ORDER BY r.scheduled_for DESC, r.id DESC
"""  # noqa: S608  constants
_NEWEST_OF_JOBS = f"""
    SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
     WHERE r.id IN (
           SELECT newest.id
             FROM unnest(CAST(:job_ids AS uuid[])) AS wanted (job_id)
            CROSS JOIN LATERAL (
                  SELECT r.id, r.scheduled_for FROM jobrunner.runs AS r
                   WHERE r.job_id = wanted.job_id AND {_CONDITIONS}
                   ORDER BY r.scheduled_for DESC, r.id DESC LIMIT :limit) AS newest
            ORDER BY newest.scheduled_for DESC, newest.id DESC LIMIT :limit)
     ORDER BY r.scheduled_for DESC, r.id DESC
"""  # noqa: S608  constants
# Read by its own index and no further, whatever the words: the planner would read all runs for rare ones.
_NEWEST_WRONG = f"""
    SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
     WHERE r.id IN (
           SELECT r.id
             FROM (SELECT * FROM jobrunner.runs
                    WHERE state IN ('failed', 'lost', 'missed', 'expired')
                    ORDER BY finished_at DESC LIMIT :errors_read) AS r
            WHERE strpos(lower(r.error), lower(:error)) > 0
              AND r.job_id IN ({_JOBS_SEEN})
              AND {_CONDITIONS}
            ORDER BY r.scheduled_for DESC, r.id DESC LIMIT :limit)
     ORDER BY r.scheduled_for DESC, r.id DESC
"""  # noqa: S608  constants


@dataclass(frozen=True, slots=True)
class _Question:
    """A page in two ways."""

    page: TextClause
    version: TextClause
    """A hash of its rows; for `single_statement`."""


def _question(page: str) -> _Question:
    hashed = "coalesce(md5(string_agg(CAST(page AS text), ',')), '')"
    version = f"SELECT {hashed} FROM ({page}) AS page"  # noqa: S608  constants
    return _Question(text(page), alone(version))


_OF_ALL, _OF_JOBS, _WRONG = map(_question, (_NEWEST_OF_ALL, _NEWEST_OF_JOBS, _NEWEST_WRONG))


def page_of_runs(
    connection: Connection,
    caller: Caller,
    wanted: RunsWanted,
    *,
    after: RunPosition | None = None,
    limit: int,
) -> tuple[Run, ...]:
    """The runs that match and that exist for the caller, newest first."""
    asked, values = _asked(connection, caller, wanted, after, limit)
    return tuple(map(run_of, connection.execute(asked.page, values).mappings()))


def version_of_runs(
    connection: Connection,
    caller: Caller,
    wanted: RunsWanted,
    *,
    after: RunPosition | None = None,
    limit: int,
) -> str:
    """A hash of the page's rows: the same while none of them changes, and cheaper than they are.

    On a connection of `single_statement`: a poller has no transaction to keep.
    """
    asked, values = _asked(connection, caller, wanted, after, limit)
    version: str = connection.execute(asked.version, values).scalar_one()
    return version


def _asked(
    connection: Connection,
    caller: Caller,
    wanted: RunsWanted,
    after: RunPosition | None,
    limit: int,
) -> tuple[_Question, dict[str, Any]]:
    """With its values."""
    values = _values(caller, wanted, after, limit)
    if wanted.error is not None:
        return _WRONG, values
    if values["limited"] or wanted.job is not None or _has_no_index(wanted):
        job_ids = _job_ids(connection, wanted, values)
        if len(job_ids) <= _JOBS_LOOKED_THROUGH:
            return _OF_JOBS, {**values, "job_ids": job_ids}
    return _OF_ALL, values


def _values(
    caller: Caller, wanted: RunsWanted, after: RunPosition | None, limit: int
) -> dict[str, Any]:
    return {
        "namespaces": None if caller.namespaces is None else sorted(caller.namespaces),
        "limited": caller.namespaces is not None or wanted.namespace is not None,
        "created_by": caller.subject if caller.own_runs_only else None,
        "job": wanted.job,
        "namespace": wanted.namespace,
        "queue": wanted.queue,
        "states": list(wanted.states) or None,
        "triggers": list(wanted.triggers) or None,
        "since": wanted.since,
        "until": wanted.until,
        "error": wanted.error,
        "errors_read": ERRORS_READ,
        "after_at": None if after is None else after.scheduled_for,
        "after_id": None if after is None else str(after.run_id),
        "limit": limit,
    }


def _has_no_index(wanted: RunsWanted) -> bool:
    """Whether all runs would be read for what none of them is, or few are."""
    if wanted.job is not None:
        return False
    return bool(wanted.queue or wanted.triggers or set(wanted.states) - _WENT_WRONG)


def _job_ids(connection: Connection, wanted: RunsWanted, values: dict[str, Any]) -> Sequence[str]:
    """One more than are looked through, where there are more."""
    asked = _JOB_IDS_WITH_SUCH if _has_no_index(wanted) else _JOB_IDS
    found = connection.execute(asked, {**values, "most": _JOBS_LOOKED_THROUGH + 1}).scalars()
    return [str(job_id) for job_id in found]


_OF_SUBJECT = text("""
    SELECT CAST(id AS text) FROM jobrunner.runs
     WHERE id = ANY(CAST(:run_ids AS uuid[])) AND created_by = :subject
""")


def runs_of_subject(connection: Connection, subject: str, run_ids: Sequence[str]) -> frozenset[str]:
    """Those of these runs that he has triggered."""
    values = {"run_ids": list(run_ids), "subject": subject}
    return frozenset(connection.execute(_OF_SUBJECT, values).scalars())
