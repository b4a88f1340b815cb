"""What the jobs in force can be narrowed down by: the words that are offered."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from jobrunner.access.caller import Caller


@dataclass(frozen=True, slots=True)
class JobFilters:
    """Each in its own order."""

    namespaces: tuple[str, ...]
    queues: tuple[str, ...]
    tags: tuple[str, ...]


_FILTERS = text("""
    WITH seen AS (
        SELECT namespace, queue, tags FROM jobrunner.jobs
         WHERE deleted_at IS NULL
           AND (CAST(:namespaces AS text[]) IS NULL OR namespace = ANY(CAST(:namespaces AS text[])))
    )
    SELECT ARRAY(SELECT DISTINCT namespace FROM seen ORDER BY 1) AS namespaces,
           ARRAY(SELECT DISTINCT queue FROM seen ORDER BY 1) AS queues,
           ARRAY(SELECT DISTINCT tag FROM seen CROSS JOIN LATERAL unnest(tags) AS tag ORDER BY 1)
             AS tags
""")


def job_filters(connection: Connection, caller: Caller) -> JobFilters:
    """Those of the jobs that the caller sees."""
    namespaces = None if caller.namespaces is None else sorted(caller.namespaces)
    row = connection.execute(_FILTERS, {"namespaces": namespaces}).one()
    return JobFilters(tuple(row.namespaces), tuple(row.queues), tuple(row.tags))
