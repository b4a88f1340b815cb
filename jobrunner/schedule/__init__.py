"""Time arithmetic, pure: when a schedule is due, and the same in words.

Every instant that goes in or comes out is aware; what comes out is UTC. Local time is known
nowhere else in the product.
"""

from jobrunner.schedule.clock_effects import ClockEffect, Effect, clock_effects
from jobrunner.schedule.cron import Cron, numbers_of
from jobrunner.schedule.cron_text import MACROS, parse_cron
from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.jitter import run_at
from jobrunner.schedule.local_time import (
    ClockChange,
    clock_changes,
    first_instant,
    load_zone,
    offset_at,
)
from jobrunner.schedule.next_time import next_time, previous_time, times_between
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.rrule_text import parse_rrule
from jobrunner.schedule.solar import SOLAR_EVENTS, Solar, make_solar
from jobrunner.schedule.timing import At, Every, Rule, Timing, make_timing
from jobrunner.schedule.words import duration_in_words, in_words

__all__ = [
    "MACROS",
    "SOLAR_EVENTS",
    "At",
    "ClockChange",
    "ClockEffect",
    "Cron",
    "Effect",
    "Every",
    "Recurrence",
    "Rule",
    "ScheduleError",
    "Solar",
    "Timing",
    "clock_changes",
    "clock_effects",
    "duration_in_words",
    "first_instant",
    "in_words",
    "load_zone",
    "make_solar",
    "make_timing",
    "next_time",
    "numbers_of",
    "offset_at",
    "parse_cron",
    "parse_rrule",
    "previous_time",
    "run_at",
    "times_between",
]
