"""How far apart the times of a schedule are."""

from datetime import datetime, timedelta
from itertools import islice, pairwise

from jobrunner.schedule import At, Cron, Every, Recurrence, Solar, Timing, times_between

_TIMES_COMPARED = 10
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_QUARTER_OF_AN_HOUR = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_ALMOST_A_DAY = timedelta(hours=20)
"""A day on which the clock goes forward is shorter."""


def interval_at_least(timing: Timing) -> timedelta:
    """Known at once, and no longer than any of them, whatever the clock does."""
    match timing.rule:
        case Cron() as cron:
            return _cron_interval_at_least(cron)
        case Every(interval):
            return interval
        case Recurrence() as recurrence:
            return _ALMOST_A_DAY if recurrence.times.bit_count() == 1 else _SECOND
        case At():
            return timedelta(0)
        case Solar():
            return _HOUR


def shortest_interval(timing: Timing, now: datetime) -> timedelta | None:
    """Between the coming few times; None when there are not two."""
    coming = islice(
        times_between(timing, now, datetime.max.replace(tzinfo=now.tzinfo)), _TIMES_COMPARED
    )
    return min((later - earlier for earlier, later in pairwise(coming)), default=None)


def _cron_interval_at_least(cron: Cron) -> timedelta:
    if cron.seconds.bit_count() > 1:
        return _SECOND
    if cron.minutes.bit_count() > 1:
        return _MINUTE
    return _QUARTER_OF_AN_HOUR if cron.hours.bit_count() > 1 else _ALMOST_A_DAY
