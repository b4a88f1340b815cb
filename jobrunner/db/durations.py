"""How long runs took: what a simulated day is played with, and what a run is compared with."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection, text

from jobrunner.simulate import Durations

_NEWEST_RUNS = 200
"""Of each job: enough for a 95th percentile, and as it behaves now."""

_NEWEST_COMPARED = 50
_NEWEST_OF_ALL_JOBS = 9
"""An odd number, and so few that 5,000 jobs are read in a third of a second."""

_NEWEST = """
      FROM jobrunner.jobs AS j
     CROSS JOIN LATERAL (
           SELECT finished_at - started_at AS took FROM jobrunner.runs
            WHERE job_id = j.id AND state = 'succeeded' AND started_at IS NOT NULL
            ORDER BY scheduled_for DESC LIMIT :newest
          ) AS newest
     WHERE j.deleted_at IS NULL {}
     GROUP BY j.address
"""
_MEDIAN = "percentile_disc(0.5) WITHIN GROUP (ORDER BY newest.took)"
_OF_ALL = _NEWEST.format("")
_OF_ADDRESSES = _NEWEST.format("""
       AND (j.namespace, j.name) IN (
             SELECT split_part(address, '/', 1), split_part(address, '/', 2)
               FROM unnest(CAST(:addresses AS text[])) AS wanted (address))
""")

_DURATIONS = text(
    f"SELECT j.address, count(*) AS runs, {_MEDIAN} AS p50,"
    f" percentile_disc(0.95) WITHIN GROUP (ORDER BY newest.took) AS p95 {_OF_ALL}"
)


def past_durations(connection: Connection) -> Mapping[str, Durations]:
    """By address, of the newest succeeded runs of each job in force; none for a job without any."""
    rows = connection.execute(_DURATIONS, {"newest": _NEWEST_RUNS})
    return {row.address: Durations(row.p50, row.p95, row.runs) for row in rows}


_USUAL_OF_THESE = text(f"SELECT j.address, {_MEDIAN} AS usual {_OF_ADDRESSES}")


def usual_durations(connection: Connection, addresses: Sequence[str]) -> Mapping[str, timedelta]:
    """The median of the newest succeeded runs of these jobs; none for a job without any."""
    values = {"addresses": list(addresses), "newest": _NEWEST_COMPARED}
    return {row.address: row.usual for row in connection.execute(_USUAL_OF_THESE, values)}


_USUAL = text(f"SELECT j.address, {_MEDIAN} AS usual {_OF_ALL}")


def usual_seconds(connection: Connection) -> dict[str, float]:
    """The median of the newest succeeded runs of each job; none for a job without any."""
    rows = connection.execute(_USUAL, {"newest": _NEWEST_OF_ALL_JOBS})
    return {row.address: row.usual.total_seconds() for row in rows}
