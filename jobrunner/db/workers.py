"""Who works on what: the workers that were seen lately, each with the runs it has in hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, text

from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS

WorkerState = Literal["alive", "stopping", "stuck", "dead"]
STUCK_AFTER_SECONDS = 30.0
"""A worker whose event loop has been silent for so long consumes nothing."""


@dataclass(frozen=True, slots=True)
class RunInHand:
    """What a worker runs now."""

    run_id: str
    address: str
    attempt: int
    started_at: datetime
    progress: Any
    """What the run last said of itself, as `db.progress` keeps it; None: nothing."""


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker that has not said good-bye."""

    name: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    concurrency: int
    started_at: datetime
    last_seen_at: datetime
    silent_seconds: float
    """How long its event loop had not turned when it was last seen."""
    state: WorkerState
    """dead: not seen for three signs of life; stuck: seen, and its loop silent for 30 s."""
    processes: tuple[int, ...]
    """The ids of its pool's processes."""
    taken: Mapping[str, int]
    """How many runs it has taken since its start, by job; of many jobs, those with the most."""
    runs: tuple[RunInHand, ...]
    """The oldest first. Two workers of one name show each other's."""


# A run goes by its worker's name, which is all that it knows; what was started before the process is
# another's of the same name.
_WORKERS = text("""
    SELECT name, host, pid, version, details, started_at, last_seen_at, silent_seconds,
           CASE WHEN last_seen_at < clock_timestamp()
                                    - make_interval(secs => 3 * :sign_of_life_seconds) THEN 'dead'
                WHEN silent_seconds > :stuck_seconds THEN 'stuck'
                WHEN details @> '{"stopping": true}' THEN 'stopping'
                ELSE 'alive' END AS state,
           in_hand.runs
      FROM (SELECT *, coalesce(CAST(details ->> 'silent_seconds' AS float), 0) AS silent_seconds
              FROM jobrunner.processes
             WHERE kind = 'worker' AND stopped_at IS NULL) AS worker
      LEFT JOIN LATERAL (
             SELECT jsonb_agg(jsonb_build_object(
                        'run_id', r.id, 'address', j.address, 'attempt', r.attempt,
                        'started_at', r.started_at, 'progress', r.progress)
                        ORDER BY r.started_at) AS runs
               FROM jobrunner.runs AS r JOIN jobrunner.jobs AS j ON j.id = r.job_id
              WHERE r.state = 'running' AND r.worker = worker.name
                AND r.started_at >= worker.started_at
           ) AS in_hand ON true
     WHERE last_seen_at > clock_timestamp() - make_interval(hours => :dead_for_hours)
     ORDER BY name, started_at
""")


def read_workers(connection: Connection, *, dead_for_hours: int = 1) -> tuple[SeenWorker, ...]:
    """All workers that have not stopped in order; one that died is shown for an hour."""
    values = {
        "sign_of_life_seconds": SIGN_OF_LIFE_SECONDS,
        "stuck_seconds": STUCK_AFTER_SECONDS,
        "dead_for_hours": dead_for_hours,
    }
    return tuple(_worker(row) for row in connection.execute(_WORKERS, values).mappings())


_SERVED_QUEUES = text("""
    SELECT count(DISTINCT worker.id) AS workers, array_agg(DISTINCT queue) AS queues
      FROM jobrunner.processes AS worker
      LEFT JOIN LATERAL jsonb_array_elements_text(worker.details -> 'queues') AS queue ON true
     WHERE worker.kind = 'worker' AND worker.stopped_at IS NULL
       AND worker.last_seen_at > clock_timestamp()
                                 - make_interval(secs => 3 * :sign_of_life_seconds)
""")


def served_queues(connection: Connection) -> frozenset[str] | None:
    """The queues that living workers take from; None: there is no worker."""
    values = {"sign_of_life_seconds": SIGN_OF_LIFE_SECONDS}
    row = connection.execute(_SERVED_QUEUES, values).one()
    return frozenset(filter(None, row.queues)) if row.workers else None


def _worker(row: RowMapping) -> SeenWorker:
    return SeenWorker(
        name=row["name"],
        host=row["host"],
        pid=row["pid"],
        version=row["version"],
        queues=tuple(row["details"].get("queues", ())),
        concurrency=row["details"].get("concurrency", 0),
        started_at=row["started_at"],
        last_seen_at=row["last_seen_at"],
        silent_seconds=row["silent_seconds"],
        state=row["state"],
        processes=tuple(row["details"].get("processes", ())),
        taken=row["details"].get("taken", {}),
        runs=tuple(map(_run, row["runs"] or ())),
    )


def _run(row: Mapping[str, Any]) -> RunInHand:
    return RunInHand(**{**row, "started_at": datetime.fromisoformat(row["started_at"])})
