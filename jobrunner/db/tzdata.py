"""The versions of the time zone data that next times were computed with, and which schedules lag behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

_NEWEST = text("SELECT max(version) FROM jobrunner.tzdata_versions")


def newest_version(connection: Connection) -> str | None:
    """None before the first beat."""
    found: str | None = connection.execute(_NEWEST).scalar_one()
    return found


_RECORD = text("""
    INSERT INTO jobrunner.tzdata_versions (version) VALUES (:version) ON CONFLICT DO NOTHING
""")


def record_version(connection: Connection, version: str) -> None:
    """All next times are computed with it from now on. Doing it twice is harmless."""
    connection.execute(_RECORD, {"version": version})


# Only the wall clock of a zone, and its days, depend on the data; a schedule that is over has no time
# to compute. Nothing is split for these.
_READS_ZONE_DATA = """
    s.next_scheduled_for IS NOT NULL AND s.spec ->> 'timezone' <> 'UTC'
    AND (s.spec ->> 'cron' IS NOT NULL OR s.spec ->> 'rrule' IS NOT NULL OR s.spec -> 'exclude' <> '[]')
"""
_LAGS = "i.ended_at IS NULL AND i.tzdata < :version"

_RELABEL = text(f"""
    UPDATE jobrunner.active_intervals SET tzdata = :version
     WHERE id IN (SELECT i.id FROM jobrunner.active_intervals AS i
                    JOIN jobrunner.schedules AS s ON s.id = i.schedule_id
                   WHERE {_LAGS} AND NOT coalesce({_READS_ZONE_DATA}, true)
                   LIMIT :limit FOR UPDATE OF i SKIP LOCKED)
""")  # noqa: S608  both parts are constants of this file


def relabel_others(connection: Connection, version: str, *, limit: int) -> int:
    """Note the version where it makes no difference; how many there were."""
    return connection.execute(_RELABEL, {"version": version, "limit": limit}).rowcount


@dataclass(frozen=True, slots=True)
class LaggingSchedule:
    """A schedule whose next time was computed with older data, locked."""

    id: UUID
    address: str
    """Of its job."""
    spec: Any
    next_scheduled_for: datetime
    now: datetime
    """The database's clock in the statement that locked it."""


# What is due, or waits for its jitter, fires first, as it was computed; its turn comes after that.
_LAGGING = text(f"""
    SELECT s.id, j.address, s.spec, s.next_scheduled_for, statement_timestamp() AS now
      FROM jobrunner.active_intervals AS i
      JOIN jobrunner.schedules AS s ON s.id = i.schedule_id
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     WHERE {_LAGS} AND {_READS_ZONE_DATA} AND s.error IS NULL
       AND s.next_scheduled_for > statement_timestamp()
     LIMIT :limit
       FOR NO KEY UPDATE OF s SKIP LOCKED
""")  # noqa: S608  as above


def lock_lagging(connection: Connection, version: str, *, limit: int) -> Sequence[LaggingSchedule]:
    """Some of those that are to be computed again; what somebody else holds is passed over."""
    rows = connection.execute(_LAGGING, {"version": version, "limit": limit}).mappings()
    return [LaggingSchedule(**row) for row in rows]


_IS_ANY = text(f"""
    SELECT EXISTS (
      SELECT FROM jobrunner.active_intervals AS i
        JOIN jobrunner.schedules AS s ON s.id = i.schedule_id
       WHERE {_LAGS} AND s.error IS NULL)
""")  # noqa: S608  as above


def is_any_lagging(connection: Connection, version: str) -> bool:
    """Whether some are still to be done; one in error is computed when it is mended."""
    return bool(connection.execute(_IS_ANY, {"version": version}).scalar_one())
