"""Time arithmetic, pure: when a schedule is due, and the same in words.

Every instant that goes in or comes out is aware; what comes out is UTC. Local time is known
nowhere else in the product.
"""

from jobrunner.schedule.cron import Cron
from jobrunner.schedule.cron_text import parse_cron
from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.jitter import run_at
from jobrunner.schedule.local_time import ClockChange, clock_changes, first_instant, load_zone
from jobrunner.schedule.timing import At, Every, Timing, make_timing, next_time, times_between

__all__ = [
    "At",
    "ClockChange",
    "Cron",
    "Every",
    "ScheduleError",
    "Timing",
    "clock_changes",
    "first_instant",
    "load_zone",
    "make_timing",
    "next_time",
    "parse_cron",
    "run_at",
    "times_between",
]
