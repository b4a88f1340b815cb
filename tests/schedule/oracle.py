"""Two oracles for next times, independent of the product, and random cases around clock changes.

    python tests/schedule/oracle.py --cases 1000000 --seed 1
    python tests/schedule/oracle.py --cases 50000 --clock

cronsim is the oracle of the dialect. The clock itself, read minute by minute, is the oracle of what
cronsim does not speak (`L-3`, `15W`, `H`, `dst`, `exclude`), and judges where cronsim and the product
disagree: docs/decisions/0007 has the ways in which cronsim 2.8 is proven wrong by it.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from jobrunner.schedule import (
    ScheduleError,
    Timing,
    clock_changes,
    make_timing,
    next_time,
    numbers_of,
    parse_cron,
    times_between,
)

ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Pacific/Apia",
    "Antarctica/Troll",
    "UTC",
)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
H_RANGES = ((0, 59), (0, 59), (0, 23), (1, 28), (1, 12), (0, 6))


@dataclass(frozen=True)
class Case:
    """One question: the first time of `expression` in `zone` after `after`."""

    expression: str
    zone: str
    after: datetime
    gap: Literal["run_after", "skip"] | None = None
    overlap: Literal["first", "both"] | None = None
    exclude: tuple[str, ...] = ()
    key: str = ""

    @property
    def timing(self) -> Timing:
        """Raises ScheduleError."""
        return make_timing(
            cron=self.expression,
            timezone=self.zone,
            gap=self.gap,
            overlap=self.overlap,
            exclude=self.exclude,
            key=self.key,
        )


# --- Random cases ----------------------------------------------------------------------------------


def random_case(source: random.Random) -> Case:
    """A case within a day or so of a change of the zone's clock, 2000 to 2040."""
    zone = source.choice(ZONES)
    around = source.choice(_changes(zone))
    reach = source.choice((2 * 3600, 26 * 3600, 40 * 24 * 3600))
    return Case(
        random_expression(source), zone, around + timedelta(seconds=source.randint(-reach, 9000))
    )


def random_expression(source: random.Random) -> str:
    """Five fields, one time in five six; more often than not with an hour of the night."""
    hour = source.choice((_random_field(source, 2), _random_field(source, 2, highest=4), "2"))
    day = source.choice(("*", "*", _random_field(source, 3), "L", "LW", "L,15"))
    month = source.choice(("*", "*", _random_field(source, 4, names=MONTHS)))
    weekday = source.choice(("*", "*", _random_field(source, 5, names=WEEKDAYS), _nth(source)))
    fields = [_random_field(source, 1), hour, day, month, weekday]
    return " ".join([_random_field(source, 0), *fields] if source.random() < 0.2 else fields)


def random_clock_case(source: random.Random) -> Case:
    """Five fields of what cronsim does not speak, just before a change of the clock."""
    zone = source.choice(ZONES)
    around = source.choice(_changes(zone))
    minute = source.choice(("*/20", "10", "H", "H/15", "H(0-29)/10"))
    hour = source.choice(("*", "2", _random_field(source, 2, highest=4), "H(0-3)", "0", "1-3"))
    day = source.choice(("*", "*", "*", "L-2", f"{around.day}W", "LW,L-1", "H(20-28)/2", "L,1-9"))
    weekday = source.choice(("*", "*", "*/2", "SUN,6#1", "H/3", "0L,FRI#5"))
    minutes = source.choice((*range(-180, 180, 7), -1500))
    local = (around + timedelta(days=source.choice((-1, 0, 0, 1)))).astimezone(ZoneInfo(zone))
    return Case(
        f"{minute} {hour} {day} * {weekday}",
        zone,
        around + timedelta(minutes=minutes),
        gap=source.choice((None, "run_after", "skip")),
        overlap=source.choice((None, "first", "both")),
        exclude=source.choice(((), (), (local.date().isoformat(),))),
        key=f"ops/job-{source.randint(0, 999)}#default",
    )


def _nth(source: random.Random) -> str:
    return f"{source.randint(0, 7)}{source.choice(('L', '#1', '#2', '#3', '#4', '#5'))}"


def _random_field(
    source: random.Random, index: int, *, highest: int = 99, names: tuple[str, ...] = ()
) -> str:
    lowest, top = RANGES[index]
    top = min(top, highest)
    one, other = sorted((source.randint(lowest, top), source.randint(lowest, top)))
    step = source.randint(1, 20)
    forms = ["*", "*", f"*/{step}", str(one), str(one), f"{one}-{other}", f"{one}-{other}/{step}"]
    forms += [f"{one}/{step}", f"{one},{other}", *([source.choice(names)] if names else [])]
    return source.choice(forms)


@lru_cache
def _changes(zone: str) -> list[datetime]:
    found = [
        change.at for year in range(2000, 2041) for change in clock_changes(ZoneInfo(zone), year)
    ]
    return found or [datetime(2010, 3, 28, 1, tzinfo=UTC)]


# --- The clock, read minute by minute --------------------------------------------------------------


def matches(expression: str, wall: datetime, key: str = "") -> bool:
    """Whether a wall-clock time matches, spelled out as slowly as it can be."""
    second, minute, hour, day, month, weekday = _six_fields(expression, key)
    days_match = any(_day_matches(item, wall.date()) for item in day.split(","))
    weekdays_match = any(_weekday_matches(item, wall.date()) for item in weekday.split(","))
    fields = expression.split()
    both = fields[-3].startswith("*") or fields[-1].startswith("*")
    return (
        wall.second in _numbers(second, 0)
        and wall.minute in _numbers(minute, 1)
        and wall.hour in _numbers(hour, 2)
        and wall.month in _numbers(month, 4)
        and ((days_match and weekdays_match) if both else (days_match or weekdays_match))
    )


def scan(case: Case, start: datetime, end: datetime) -> list[datetime]:
    """All times of a five-field expression in [start, end), whole minutes, found by looking."""
    minute, hour = case.expression.split()[:2]
    is_fixed = not minute.startswith("*") and not hour.startswith("*")
    runs_after_gap = (case.gap or ("run_after" if is_fixed else "skip")) == "run_after"
    runs_twice = (case.overlap or ("first" if is_fixed else "both")) == "both"
    shown: set[datetime] = set()
    found = set()
    before = _wall(start - timedelta(hours=3, minutes=1), ZoneInfo(case.zone))
    for at in _minutes(start - timedelta(hours=3), end):
        wall = _wall(at, ZoneInfo(case.zone))
        if (runs_twice or wall not in shown) and _is_due(case, wall):
            found.add(at)
        if runs_after_gap and any(_is_due(case, skipped) for skipped in _minutes(before, wall)[1:]):
            found.add(at)
        shown.add(wall)
        before = wall
    excluded = {date.fromisoformat(day) for day in case.exclude}
    return sorted(
        at for at in found if at >= start and _wall(at, ZoneInfo(case.zone)).date() not in excluded
    )


def _is_due(case: Case, wall: datetime) -> bool:
    return matches(case.expression, wall, case.key)


def _minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + timedelta(minutes=n) for n in range((end - start) // timedelta(minutes=1))]


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache
def _six_fields(expression: str, key: str) -> tuple[str, ...]:
    """Each H is replaced by what it stands for alone, which is held to its range."""
    fields = expression.upper().split()
    fields = fields if len(fields) == 6 else ["0", *fields]
    return tuple(
        ",".join(_without_h(item, index, key) for item in field.split(","))
        for index, field in enumerate(fields)
    )


def _without_h(item: str, index: int, key: str) -> str:
    if not item.startswith("H"):
        return item
    alone = ["*"] * 6
    alone[index] = item
    cron = parse_cron(" ".join(alone), key)
    numbers = numbers_of(
        (cron.seconds, cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)[index]
    )
    between, _, step = item[1:].partition("/")
    first, last = map(int, between.strip("()").split("-")) if between else H_RANGES[index]
    width = int(step) if step else last - first + 1
    assert first <= numbers[0] < first + width
    assert numbers == ([*range(numbers[0], last + 1, width)] if step else numbers[:1])
    return ",".join(map(str, numbers))


@lru_cache
def _numbers(text: str, index: int) -> frozenset[int]:
    lowest, highest = RANGES[index]
    found: set[int] = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        ends = (
            [_number(end, index) for end in base.split("-")] if base != "*" else [lowest, highest]
        )
        if step and ends[0] == ends[-1]:
            ends = [ends[0], highest]
        found.update(range(ends[0], ends[-1] + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, index: int) -> int:
    names = {4: ("", *MONTHS), 5: WEEKDAYS}.get(index, ())
    return names.index(text) if text in names else int(text)


def _day_matches(item: str, day: date) -> bool:
    month_end = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if item == "LW":
        while month_end.isoweekday() > 5:
            month_end -= timedelta(days=1)
        return day == month_end
    if item.startswith("L"):
        return day == month_end - timedelta(days=int(item[2:] or 0))
    if item.endswith("W"):
        return int(item[:-1]) <= month_end.day and day == _nearest(day.replace(day=int(item[:-1])))
    return day.day in _numbers(item, 3)


def _nearest(day: date) -> date:
    """The nearest day from Monday to Friday in the same month."""
    near = [day + timedelta(days=distance) for distance in (0, -1, 1, -2, 2)]
    return next(one for one in near if one.month == day.month and one.isoweekday() <= 5)


def _weekday_matches(item: str, day: date) -> bool:
    if item.endswith("L"):
        is_last = (day + timedelta(days=7)).month != day.month
        return is_last and day.isoweekday() % 7 == _number(item[:-1], 5) % 7
    if "#" in item:
        weekday, nth = item.split("#")
        is_nth = (day.day - 1) // 7 + 1 == int(nth)
        return is_nth and day.isoweekday() % 7 == _number(weekday, 5) % 7
    return day.isoweekday() % 7 in {number % 7 for number in _numbers(item, 5)}


# --- The comparisons -------------------------------------------------------------------------------

REFUTED = ("not after", "stepped over", "never shown")


def verdict(case: Case) -> str:
    """`same`, `refused` by both, `different`, or in which way cronsim is proven wrong by the clock."""
    ours, theirs = answer(case), cronsim_answer(case)
    if ours == theirs:
        return "refused" if ours is None else "same"
    if theirs is not None and theirs <= case.after:
        # Inside a repeated hour, the second time round.
        return "not after" if ours == cronsim_answer(case, is_after=True) else "different"
    is_accepted = _is_accepted(case.expression) and _is_accepted_by_cronsim(case.expression)
    if not is_accepted or not _reads_the_clock(case.expression):
        return "different"
    zone = ZoneInfo(case.zone)
    if ours is not None and (theirs is None or ours < theirs):
        return "stepped over" if matches(case.expression, _wall(ours, zone)) else "different"
    assert theirs is not None
    return "different" if matches(case.expression, _wall(theirs, zone)) else "never shown"


def answer(case: Case) -> datetime | None:
    """The product's; None when it refuses the expression."""
    try:
        return next_time(case.timing, case.after)
    except ScheduleError:
        return None


def cronsim_answer(case: Case, *, is_after: bool = False) -> datetime | None:
    """The first time that cronsim gives, or its first that is after."""
    zone = UTC if case.zone == "UTC" else ZoneInfo(case.zone)
    try:
        for found in CronSim(case.expression, case.after.astimezone(zone)):
            if not is_after or found.astimezone(UTC) > case.after:
                return found.astimezone(UTC)
    except CronSimError:
        pass
    return None


def clock_verdict(case: Case) -> str:
    """`same` when the clock shows the same times within six hours, else `different`."""
    start = case.after.replace(second=0)
    end = start + timedelta(hours=6)
    is_same = list(times_between(case.timing, start, end)) == scan(case, start, end)
    return "same" if is_same else "different"


def _is_accepted(expression: str) -> bool:
    """Then a None means that the clock of the zone never shows a match."""
    try:
        parse_cron(expression)
    except ScheduleError:
        return False
    return True


def _is_accepted_by_cronsim(expression: str) -> bool:
    """Then its None means that it has searched fifty years, stepping over each match."""
    try:
        CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return True


def _reads_the_clock(expression: str) -> bool:
    """Debian's rules for fixed times of day leave cronsim nothing to get wrong."""
    fields = expression.split()
    return len(fields) == 6 or fields[0].startswith("*") or fields[1].startswith("*")


def main() -> int:
    """Print the count of each verdict; 1 when a case is different."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", action="store_true", help="what cronsim does not speak")
    options = parser.parse_args()
    source = random.Random(options.seed)  # noqa: S311  cases, no secrets
    make: Callable[[random.Random], Case] = random_clock_case if options.clock else random_case
    judge: Callable[[Case], str] = clock_verdict if options.clock else verdict
    count: Counter[str] = Counter()
    refuted: Counter[tuple[str, str]] = Counter()
    for _ in range(options.cases):
        case = make(source)
        found = judge(case)
        count[found] += 1
        refuted[found, case.zone] += found in REFUTED
        if found == "different":
            print(case, "ours", answer(case), "cronsim", cronsim_answer(case))  # noqa: T201
    print(dict(count), {" in ".join(kind): n for kind, n in sorted(refuted.items()) if n})  # noqa: T201
    return 1 if count["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
