"""Two oracles for next times, independent of the product, and random cases around clock changes.

    python tests/schedule/oracle.py --cases 1000000 --seed 1

cronsim is the oracle of the dialect. The clock itself, read minute by minute, is the oracle of
daylight saving time, and judges where cronsim and the product disagree: in a half-hour change and
in a gap at midnight cronsim 2.8 is known to step over matching times, or to give a time that the
clock never shows. Such a case counts as refuted only when the clock proves it.
"""

import argparse
import random
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from jobrunner.schedule import ScheduleError, clock_changes, make_timing, next_time, parse_cron

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
    "UTC",
)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True)
class Case:
    """One question: the first time of `expression` in `zone` after `after`."""

    expression: str
    zone: str
    after: datetime


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


def matches(expression: str, wall: datetime) -> bool:
    """Whether a wall-clock time matches, spelled out as slowly as it can be."""
    second, minute, hour, day, month, weekday = _six_fields(expression)
    days_match = any(_day_matches(item, wall.date()) for item in day.split(","))
    weekdays_match = any(_weekday_matches(item, wall.date()) for item in weekday.split(","))
    both = day.startswith("*") or weekday.startswith("*")
    return (
        wall.second in _numbers(second, 0)
        and wall.minute in _numbers(minute, 1)
        and wall.hour in _numbers(hour, 2)
        and wall.month in _numbers(month, 4)
        and ((days_match and weekdays_match) if both else (days_match or weekdays_match))
    )


def scan(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """All times of a five-field expression in [start, end), whole minutes, found by looking."""
    minute, hour = expression.split()[:2]
    if minute.startswith("*") or hour.startswith("*"):
        return [at for at in _minutes(start, end) if matches(expression, _wall(at, zone))]
    early = start - timedelta(days=2)
    first_shown: dict[datetime, datetime] = {}
    for at in _minutes(early, end):
        first_shown.setdefault(_wall(at, zone), at)
    found = set()
    for minute_at in _minutes(early, end + timedelta(days=2)):
        wall = minute_at.replace(tzinfo=None)
        if matches(expression, wall):
            shown = first_shown.get(wall)
            found.update(_jumped_over(wall, first_shown) if shown is None else [shown])
    return sorted(at for at in found if start <= at < end)


def _jumped_over(wall: datetime, first_shown: dict[datetime, datetime]) -> list[datetime]:
    """The instant at which the clock has gone from before a time to after it, in one minute."""
    instants = sorted(first_shown.items(), key=lambda pair: pair[1])
    return [later[1] for earlier, later in pairwise(instants) if earlier[0] < wall < later[0]]


def _minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + timedelta(minutes=n) for n in range((end - start) // timedelta(minutes=1))]


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache
def _six_fields(expression: str) -> tuple[str, ...]:
    fields = tuple(expression.upper().split())
    return fields if len(fields) == 6 else ("0", *fields)


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
    if item == "L":
        return day == month_end
    if item == "LW":
        while month_end.isoweekday() > 5:
            month_end -= timedelta(days=1)
        return day == month_end
    return day.day in _numbers(item, 3)


def _weekday_matches(item: str, day: date) -> bool:
    if item.endswith("L"):
        is_last = (day + timedelta(days=7)).month != day.month
        return is_last and day.isoweekday() % 7 == int(item[:-1]) % 7
    if "#" in item:
        weekday, nth = item.split("#")
        is_nth = (day.day - 1) // 7 + 1 == int(nth)
        return is_nth and day.isoweekday() % 7 == _number(weekday, 5) % 7
    return day.isoweekday() % 7 in {number % 7 for number in _numbers(item, 5)}


# --- The comparison --------------------------------------------------------------------------------


def verdict(case: Case) -> str:
    """`same`, `refused` by both, `refuted` (cronsim is proven wrong by the clock), or `different`."""
    ours, theirs = answer(case), cronsim_answer(case)
    if ours == theirs:
        return "refused" if ours is None else "same"
    if _is_accepted(case.expression) != _is_accepted_by_cronsim(case.expression):
        return "different"
    zone = ZoneInfo(case.zone)
    if ours is not None and (theirs is None or ours < theirs):
        # cronsim has stepped over a time that the clock shows and that matches
        is_proven = matches(case.expression, _wall(ours, zone))
    else:
        # cronsim gives a time that the clock does not show
        is_proven = theirs is not None and not matches(case.expression, _wall(theirs, zone))
    return "refuted" if is_proven and _reads_the_clock(case.expression) else "different"


def answer(case: Case) -> datetime | None:
    """The product's; None when it refuses the expression."""
    try:
        return next_time(make_timing(cron=case.expression, timezone=case.zone), case.after)
    except ScheduleError:
        return None


def cronsim_answer(case: Case) -> datetime | None:
    """The first of cronsim's times that is after: in a repeated hour its first is not always."""
    zone = UTC if case.zone == "UTC" else ZoneInfo(case.zone)
    try:
        for found in CronSim(case.expression, case.after.astimezone(zone)):
            if found.astimezone(UTC) > case.after:
                return found.astimezone(UTC)
    except CronSimError:
        pass
    return None


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
    options = parser.parse_args()
    source = random.Random(options.seed)  # noqa: S311  cases, no secrets
    count: Counter[str] = Counter()
    refuted: Counter[str] = Counter()
    for _ in range(options.cases):
        case = random_case(source)
        found = verdict(case)
        count[found] += 1
        refuted[case.zone] += found == "refuted"
        if found == "different":
            print(case, "ours", answer(case), "cronsim", cronsim_answer(case))  # noqa: T201
    print(dict(count), "refuted by zone:", {zone: n for zone, n in refuted.items() if n})  # noqa: T201
    return 1 if count["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
