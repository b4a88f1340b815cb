"""What was in force when: the spans in which a schedule, as it stood, owed its due times.

A span ends at the instant at which the next begins; a due time at that very instant belongs to the
one that ends (docs/decisions/0005).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from jobrunner.db.arrays import plain_array

_END = text("""
    UPDATE jobrunner.active_intervals SET ended_at = :at
     WHERE ended_at IS NULL AND schedule_id = ANY(CAST(:ids AS uuid[]))
""")


def end_intervals(connection: Connection, schedule_ids: Sequence[UUID], *, at: datetime) -> None:
    """They are in force no longer, or not as they were. Those that are in none are passed over."""
    if schedule_ids:
        connection.execute(_END, {"ids": plain_array(schedule_ids), "at": at})


_START = text("""
    INSERT INTO jobrunner.active_intervals (schedule_id, spec, tzdata, started_at, address)
    SELECT s.id, s.spec, :zone_data, :at, j.address || '#' || s.name
      FROM jobrunner.schedules AS s JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE s.id = ANY(CAST(:ids AS uuid[]))
""")


def start_intervals(
    connection: Connection, schedule_ids: Sequence[UUID], *, at: datetime, zone_data: str
) -> None:
    """They are in force as their rows say, and their times are computed with this zone data."""
    if schedule_ids:
        values = {"ids": plain_array(schedule_ids), "at": at, "zone_data": zone_data}
        connection.execute(_START, values)
