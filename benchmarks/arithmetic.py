"""How long the product takes to read a rule and to find its next time, beside libraries for it."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from cronsim import CronSim
from dateutil.rrule import rrulestr

from benchmarks.bench import Bench
from benchmarks.figures import JOBRUNNER, Figure
from benchmarks.schedulers import Scheduler
from jobrunner.schedule import make_timing, next_time, parse_rrule

ROUNDS = 5
RULES = 1_000
"""A round, each another one: nobody shall only remember what he has read before."""
ZONE = "Europe/Paris"
NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
LOCAL = datetime(2026, 11, 21, 12, 0, 30)  # noqa: DTZ001  a recurrence rule is on the wall clock
BEGUN = datetime(2025, 1, 1, 9, 0)  # noqa: DTZ001  likewise


Work = Callable[[str], object]


def measure(bench: Bench, schedulers: Sequence[Scheduler]) -> Iterator[Figure]:
    """Both on the same rules; the best of several rounds each, in turns."""
    del bench, schedulers
    yield from _compared("cron", _any_cron, _cron, "cronsim", _cronsim, at_least=1.0)
    yield from _compared("rrule", _any_rrule, _rrule, "dateutil", _dateutil, at_least=None)


def _any_cron(source: Random) -> str:
    minute = source.choice(
        (f"{source.randrange(60)}", "*/15", f"{source.randrange(60)},5", "0-30/7")
    )
    hour = source.choice(("*", f"{source.randrange(24)}", f"{source.randrange(12)}-18", "*/6"))
    day = source.choice(("*", "*", f"{1 + source.randrange(28)}", "*/3", "L"))
    month = source.choice(("*", "*", f"{1 + source.randrange(12)}", "3-9"))
    weekday = source.choice(("*", "*", "1-5", f"{source.randrange(7)}", "mon#2"))
    return f"{minute} {hour} {day} {month} {weekday}"


def _any_rrule(source: Random) -> str:
    rule = source.choice(
        (
            "FREQ=DAILY",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
            "FREQ=MONTHLY;BYDAY=-1FR",
            f"FREQ=MONTHLY;BYMONTHDAY={1 + source.randrange(28)}",
            f"FREQ=YEARLY;BYMONTH={1 + source.randrange(12)};BYDAY=1SU",
        )
    )
    hour, minute = source.randrange(24), source.randrange(60)
    return f"{rule};BYHOUR={hour};BYMINUTE={minute};BYSECOND=0"


def _compared(
    kind: str,
    any_rule: Callable[[Random], str],
    ours: Work,
    other: str,
    theirs: Work,
    *,
    at_least: float | None,
) -> Iterator[Figure]:
    best = {JOBRUNNER: float("inf"), other: float("inf")}
    source = Random(1)  # noqa: S311  the same rules in each run
    for _ in range(ROUNDS):
        rules = [any_rule(source) for _ in range(RULES)]
        best[JOBRUNNER] = min(best[JOBRUNNER], _microseconds(ours, rules))
        best[other] = min(best[other], _microseconds(theirs, rules))
    what = f"{kind}, read and next"
    for name, microseconds in best.items():
        yield Figure(what, microseconds, "µs", name)
    ratio = best[other] / best[JOBRUNNER]
    yield Figure(f"{what}: against {other}", ratio, "times", at_least=at_least)


def _microseconds(work: Work, rules: Sequence[str]) -> float:
    begun = time.perf_counter()
    for rule in rules:
        work(rule)
    return 1e6 * (time.perf_counter() - begun) / len(rules)


def _cron(text: str) -> object:
    return next_time(make_timing(cron=text, timezone=ZONE), NOW)


def _cronsim(text: str) -> object:
    return next(CronSim(text, NOW.astimezone(ZoneInfo(ZONE))))


def _rrule(text: str) -> object:
    return parse_rrule(text, dtstart=BEGUN).next_wall_time(LOCAL)


def _dateutil(text: str) -> object:
    return rrulestr(text, dtstart=BEGUN).after(LOCAL)
