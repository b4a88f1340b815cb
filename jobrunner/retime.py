"""New time zone data → next times: what a government decided reaches schedules that are in force already."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import Engine

from jobrunner.db import intervals, schedules, tzdata
from jobrunner.db.engine import transaction
from jobrunner.db.tzdata import LaggingSchedule
from jobrunner.schedule import next_time, run_at
from jobrunner.spec.models import ScheduleSpec
from jobrunner.zone_data import zone_data_version

BATCH_SCHEDULES = 500
BATCH_OTHERS = 5_000

log = structlog.get_logger("jobrunner.retime")


def follow_zone_data(engine: Engine, *, version: str | None = None) -> bool:
    """One step towards next times that agree with this process's zone data; True: they do.

    Newer data than any before makes next times be computed again, batch by batch; older data changes
    nothing and is warned of. `version` None is that of this process. Any number of beats may do it.
    """
    here = zone_data_version() if version is None else version
    with transaction(engine) as connection:
        newest = tzdata.newest_version(connection)
        if newest is None and here:
            tzdata.record_version(connection, here)
    if not here or newest is None or here == newest:
        return True
    if here < newest:
        log.warning(
            "zone_data_older",
            here=here,
            newest=newest,
            hint="update the system's tzdata, or the package tzdata, on this host",
        )
        return True
    return _follow(engine, here, newest)


def _follow(engine: Engine, here: str, newest: str) -> bool:
    with transaction(engine) as connection:
        others = tzdata.relabel_others(connection, here, limit=BATCH_OTHERS)
        lagging = tzdata.lock_lagging(connection, here, limit=BATCH_SCHEDULES)
        if lagging:
            at = lagging[0].now
            moved = [moved for one in lagging if (moved := _moved(one, at)) is not None]
            schedules.set_next_times(connection, moved)
            intervals.end_intervals(connection, _ids(lagging), at=at)
            intervals.start_intervals(connection, _ids(lagging), at=at, zone_data=here)
            log.info("computed_again", zone_data=here, schedules=len(lagging), moved=len(moved))
        if others or lagging or tzdata.is_any_lagging(connection, here):
            return False
        tzdata.record_version(connection, here)
    log.info("zone_data_followed", zone_data=here, before=newest)
    return True


def _moved(
    schedule: LaggingSchedule, at: datetime
) -> tuple[UUID, datetime | None, datetime | None] | None:
    """Its next times, if they are others now."""
    try:
        spec = ScheduleSpec.model_validate(schedule.spec)
        timing = spec.timing(schedule.address)
        scheduled_for = next_time(timing, at)
    except (ValueError, OverflowError):  # corrupted by hand: its next tick says so
        return None
    if scheduled_for == schedule.next_scheduled_for:
        return None
    if scheduled_for is None:
        return schedule.id, None, None
    key = f"{schedule.address}#{spec.name}"
    return schedule.id, scheduled_for, run_at(timing, key, scheduled_for)


def _ids(lagging: Sequence[LaggingSchedule]) -> list[UUID]:
    return [schedule.id for schedule in lagging]
