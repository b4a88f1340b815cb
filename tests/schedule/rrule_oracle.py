"""Two oracles for recurrence rules, independent of the product, and random rules.

    python tests/schedule/rrule_oracle.py --cases 200000 --seed 1

dateutil walks a rule from its start; the product must give the same times. Where the two differ,
the text of RFC 5545 judges, read part by part and as slowly as it can be. dateutil 2.9 is known to
depart from it in three places, and a case counts as refuted only when the reading proves it:

- BYSETPOS of the first week: dateutil counts from DTSTART. The RFC: "starts at the beginning of the
  interval defined by the FREQ rule part".
- BYDAY=MO,1TU: dateutil looks for a Monday that is the first Tuesday. The RFC lists days.
- BYWEEKNO=-52 or -53 and the last days of December, or 52 and 53 and the first days of January,
  when they lie in a week of the other year: dateutil asks this year how many weeks the other has.
"""

import argparse
import random
import signal
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from timeit import timeit

from dateutil import rrule as dateutil_rrule

from jobrunner.schedule.errors import ScheduleError
from jobrunner.schedule.rrule_text import parse_rrule

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TIMES_COMPARED = 5
SPEED_RULES = (
    "FREQ=DAILY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=MINUTELY;INTERVAL=90",
)
SECONDS_WALKED_MAX = 0.02
SECONDS_BETWEEN_ALARMS = 0.005
"""How long dateutil may walk from the start, or search for a time that does not exist."""


@dataclass(frozen=True)
class Case:
    """One question: the first times of a rule after `after`; all times are naive."""

    text: str
    dtstart: datetime
    after: datetime
    exdate: tuple[datetime, ...] = ()
    rdate: tuple[datetime, ...] = ()


# --- Random cases ----------------------------------------------------------------------------------


def random_case(source: random.Random) -> Case:
    """A valid rule, and a time to ask after: near the start, or as far as dateutil can walk."""
    start = datetime(2000, 1, 1) + timedelta(seconds=source.randrange(30 * 365 * 86_400))  # noqa: DTZ001
    if source.random() < 0.5:
        start = start.replace(minute=source.choice((0, 30)), second=0)
    frequency = source.choice(FREQUENCIES)
    parts = [f"FREQ={frequency}", *_random_parts(source, frequency)]
    if source.random() < 0.5:
        parts.append(f"INTERVAL={_random_interval(source, frequency)}")
    after = start + _random_distance(source, frequency)
    if source.random() < 0.15:
        parts.append(f"COUNT={source.randint(1, 300)}")
    elif source.random() < 0.15:
        parts.append(_random_until(source, start + _random_distance(source, frequency)))
    source.shuffle(parts)
    case = Case(";".join(parts), start, after)
    return _with_other_dates(source, case) if source.random() < 0.2 else case


def _random_parts(source: random.Random, frequency: str) -> list[str]:
    ranges = {"BYMONTH": (1, 12), "BYHOUR": (0, 23), "BYMINUTE": (0, 59), "BYSECOND": (0, 59)}
    if frequency != "WEEKLY":
        ranges["BYMONTHDAY"] = (-31, 31)
    if frequency not in {"DAILY", "WEEKLY", "MONTHLY"}:
        ranges["BYYEARDAY"] = (-366, 366)
    names = {name for name in ranges if source.random() < 0.15}
    parts = [f"{name}={_random_numbers(source, *ranges[name])}" for name in sorted(names)]
    has_weeks = frequency == "YEARLY" and source.random() < 0.2
    if has_weeks:
        parts.append(f"BYWEEKNO={_random_numbers(source, -53, 53)}")
    if has_weeks or source.random() < 0.35:
        can_number = frequency in {"YEARLY", "MONTHLY"} and not has_weeks
        most = 5 if "BYMONTH" in names or frequency == "MONTHLY" else 53
        parts.append(f"BYDAY={_random_days(source, most if can_number else 0)}")
    if source.random() < 0.3:
        parts.append(f"WKST={source.choice(WEEKDAYS)}")
    if any(part.startswith("BY") for part in parts) and source.random() < 0.25:
        parts.append(f"BYSETPOS={_random_numbers(source, -4, 4)}")
    return parts


def _random_numbers(source: random.Random, lowest: int, highest: int) -> str:
    choices = [number for number in range(lowest, highest + 1) if number or lowest == 0]
    few = source.choice((1, 1, 2, 3, 8))
    return ",".join(str(source.choice(choices)) for _ in range(few))


def _random_days(source: random.Random, highest_number: int) -> str:
    days = source.sample(WEEKDAYS, source.choice((1, 1, 2, 5)))
    if not highest_number or source.random() < 0.4:
        return ",".join(days)
    numbers = [number for number in range(-highest_number, highest_number + 1) if number]
    plain = 0.1 if source.random() < 0.2 else 0
    return ",".join(
        day if source.random() < plain else f"{source.choice(numbers)}{day}" for day in days
    )


def _random_interval(source: random.Random, frequency: str) -> int:
    if frequency in {"HOURLY", "MINUTELY", "SECONDLY"}:
        return source.choice((2, 5, 6, 7, 12, 15, 24, 30, 45, 60, 90, 100, 1440, 3600, 7200))
    return source.choice((2, 2, 3, 4, 5, 6, 7, 10, 12, 14, 25))


def _random_distance(source: random.Random, frequency: str) -> timedelta:
    longest = {"SECONDLY": 86_400, "MINUTELY": 40 * 86_400}.get(frequency, 40 * 365 * 86_400)
    seconds = int(longest ** source.random())
    return timedelta(seconds=source.choice((-seconds, seconds, seconds, seconds)))


def _random_until(source: random.Random, until: datetime) -> str:
    return f"UNTIL={until:%Y%m%d}" if source.random() < 0.5 else f"UNTIL={until:%Y%m%dT%H%M%S}"


def _with_other_dates(source: random.Random, case: Case) -> Case:
    """Some of the times left out, and some added; a date now and then in both."""
    times = answer(replace(case, after=source.choice((case.after, case.dtstart)))) or []
    left_out = source.sample(times, min(len(times), source.randint(0, 4)))
    added = [case.after + timedelta(hours=source.randint(-99, 999)) for _ in range(3)]
    return replace(
        case,
        exdate=(*left_out, added[0]),
        rdate=tuple(source.sample([*added, *times], source.randint(0, 3))),
    )


# --- dateutil --------------------------------------------------------------------------------------


class _GaveUp(Exception):
    """dateutil has searched for too long."""


def dateutil_times(case: Case) -> list[datetime]:
    """The first times after; raises when dateutil finds none in a bearable time."""
    text = _until_as_dateutil_reads_it(case.text)
    chosen = dateutil_rrule.rruleset()
    signal.signal(signal.SIGALRM, _give_up)
    # Again and again: an alarm that strikes outside dateutil's own code is let pass.
    signal.setitimer(signal.ITIMER_REAL, SECONDS_WALKED_MAX, SECONDS_BETWEEN_ALARMS)
    try:
        rule = dateutil_rrule.rrulestr(text, dtstart=case.dtstart)
        assert isinstance(rule, dateutil_rrule.rrule)
        chosen.rrule(rule)
        for at in case.exdate:
            chosen.exdate(at)
        for at in case.rdate:
            chosen.rdate(at)
        return list(islice(chosen.xafter(case.after), TIMES_COMPARED))
    except ValueError as error:  # its way to say that no time fits
        raise _GaveUp from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _until_as_dateutil_reads_it(text: str) -> str:
    """A day alone includes the day here; dateutil stops at its midnight."""
    parts = text.split(";")
    return ";".join(
        f"{part}T235959" if part.startswith("UNTIL=") and "T" not in part[6:] else part
        for part in parts
    )


def _give_up(_signal: int, frame: types.FrameType | None) -> None:
    """Stop dateutil and nothing else.

    An alarm may also strike inside a callback of the garbage collector, where what is raised is
    lost to the caller and reported as an error of whoever owns the callback. The next alarm strikes
    elsewhere.
    """
    if frame is not None and frame.f_globals.get("__name__") == dateutil_rrule.__name__:
        raise _GaveUp


# --- The RFC, read part by part --------------------------------------------------------------------


def matches(case: Case, at: datetime) -> bool:
    """Whether the rule alone, without its end, has this time."""
    rule = _Rule(case)
    if at < case.dtstart or not rule.has_time(at) or not rule.is_counted(at):
        return False
    if "BYSETPOS" not in rule.parts:
        return True
    members = rule.members_of_period(at)
    picked = [
        members[number - 1 if number > 0 else number]
        for number in rule.numbers("BYSETPOS")
        if abs(number) <= len(members)
    ]
    return at in picked


class _Rule:
    """A rule in pieces."""

    def __init__(self, case: Case) -> None:
        self.parts = dict(part.split("=") for part in case.text.split(";"))
        self.start = case.dtstart
        self.frequency = self.parts["FREQ"]
        self.week_start = WEEKDAYS.index(self.parts.get("WKST", "MO"))

    def numbers(self, name: str) -> list[int]:
        return [int(number) for number in self.parts[name].split(",")] if name in self.parts else []

    def has_time(self, at: datetime) -> bool:
        return self._has_time_of_day(at) and self._has_day(at.date())

    def is_counted(self, at: datetime) -> bool:
        """Whether INTERVAL leaves the period."""
        seconds = (at - datetime(1, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001  the wall clock
        of_start = (self.start - datetime(1, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001
        week = 7 * 86_400
        turn = self.week_start * 86_400  # the calendar's first day is a Monday
        periods = {
            "YEARLY": at.year - self.start.year,
            "MONTHLY": (at.year - self.start.year) * 12 + at.month - self.start.month,
            "WEEKLY": (seconds - turn) // week - (of_start - turn) // week,
            "DAILY": seconds // 86_400 - of_start // 86_400,
            "HOURLY": seconds // 3600 - of_start // 3600,
            "MINUTELY": seconds // 60 - of_start // 60,
            "SECONDLY": seconds - of_start,
        }
        return periods[self.frequency] % int(self.parts.get("INTERVAL", 1)) == 0

    def members_of_period(self, at: datetime) -> list[datetime]:
        if self.frequency == "SECONDLY":
            return [at]
        if self.frequency in {"HOURLY", "MINUTELY"}:
            first = at.replace(second=0)
            first = first.replace(minute=0) if self.frequency == "HOURLY" else first
            seconds = 3600 if self.frequency == "HOURLY" else 60
            moments = [first + timedelta(seconds=n) for n in range(seconds)]
            return [moment for moment in moments if self.has_time(moment)]
        days = [day for day in self._days_of_period(at.date()) if self._has_day(day)]
        times = [moment.time() for moment in _seconds_of_a_day() if self._has_time_of_day(moment)]
        return [datetime.combine(day, moment) for day in days for moment in times]

    def _days_of_period(self, day: date) -> list[date]:
        first = {
            "YEARLY": day.replace(month=1, day=1),
            "MONTHLY": day.replace(day=1),
            "WEEKLY": day - timedelta(days=(day.weekday() - self.week_start) % 7),
            "DAILY": day,
        }[self.frequency]
        days = [first + timedelta(days=n) for n in range(366)]
        if self.frequency == "YEARLY":
            return [day for day in days if day.year == first.year]
        if self.frequency == "MONTHLY":
            return [day for day in days[:31] if day.month == first.month]
        return days[:7] if self.frequency == "WEEKLY" else [first]

    def _has_time_of_day(self, at: datetime) -> bool:
        shorter = FREQUENCIES[FREQUENCIES.index(self.frequency) + 1 :]
        for name, frequency, value, of_start in (
            ("BYHOUR", "HOURLY", at.hour, self.start.hour),
            ("BYMINUTE", "MINUTELY", at.minute, self.start.minute),
            ("BYSECOND", "SECONDLY", at.second, self.start.second),
        ):
            if name in self.parts:
                if value not in self.numbers(name):
                    return False
            elif frequency in shorter and value != of_start:
                return False
        return True

    def _has_day(self, day: date) -> bool:
        if "BYMONTH" in self.parts and day.month not in self.numbers("BYMONTH"):
            return False
        named = False
        for name, has in (
            ("BYMONTHDAY", self._has_month_day),
            ("BYYEARDAY", self._has_year_day),
            ("BYWEEKNO", self._has_week),
            ("BYDAY", self._has_weekday),
        ):
            if name in self.parts:
                named = True
                if not has(day):
                    return False
        return named or self._is_day_of_start(day)

    def _is_day_of_start(self, day: date) -> bool:
        if self.frequency == "YEARLY":
            is_month = "BYMONTH" in self.parts or day.month == self.start.month
            return is_month and day.day == self.start.day
        if self.frequency == "MONTHLY":
            return day.day == self.start.day
        return self.frequency != "WEEKLY" or day.weekday() == self.start.weekday()

    def _has_month_day(self, day: date) -> bool:
        following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        numbers = self.numbers("BYMONTHDAY")
        return day.day in numbers or (day - following).days in numbers

    def _has_year_day(self, day: date) -> bool:
        numbers = self.numbers("BYYEARDAY")
        of_year = (day - date(day.year, 1, 1)).days + 1
        return of_year in numbers or (day - date(day.year + 1, 1, 1)).days in numbers

    def _has_week(self, day: date) -> bool:
        """A week belongs to the year that holds four of its days or more."""
        first = day - timedelta(days=(day.weekday() - self.week_start) % 7)
        year = (first + timedelta(days=3)).year
        number, total = (first - self._first_week(year)).days // 7 + 1, 0
        total = (self._first_week(year + 1) - self._first_week(year)).days // 7
        numbers = self.numbers("BYWEEKNO")
        return number in numbers or number - total - 1 in numbers

    def _first_week(self, year: int) -> date:
        day = date(year, 1, 4)
        return day - timedelta(days=(day.weekday() - self.week_start) % 7)

    def _has_weekday(self, day: date) -> bool:
        return any(self._is_weekday(item, day) for item in self.parts["BYDAY"].split(","))

    def _is_weekday(self, item: str, day: date) -> bool:
        if day.weekday() != WEEKDAYS.index(item[-2:]):
            return False
        if len(item) == 2:
            return True
        number = int(item[:-2])
        in_month = self.frequency == "MONTHLY" or "BYMONTH" in self.parts
        step = timedelta(days=7 if number > 0 else -7)
        others, other = 0, day
        while (other.year, in_month and other.month) == (day.year, in_month and day.month):
            others, other = others + 1, other - step
        return others == abs(number)


def _seconds_of_a_day() -> Iterator[datetime]:
    return (datetime(2000, 1, 1) + timedelta(seconds=n) for n in range(86_400))  # noqa: DTZ001


# --- The comparison --------------------------------------------------------------------------------


def verdict(case: Case) -> str:
    """`same`, `refused` where dateutil finds nothing either, `refuted` (the RFC proves dateutil
    wrong), `slow` where dateutil gave up and the RFC's text agrees with our times, `different`.
    """
    ours = answer(case)
    try:
        theirs = dateutil_times(case)
    except _GaveUp:
        if ours is None:
            return "refused"
        return "slow" if all(matches(case, at) or at in case.rdate for at in ours) else "different"
    if ours is None:
        wrong = [at for at in theirs if at not in case.rdate]
        if not wrong:
            return "refused"
        return "different" if any(matches(case, at) for at in wrong) else "refuted"
    if ours == theirs:
        return "same"
    first = min(set(ours) ^ set(theirs))
    return "refuted" if matches(case, first) == (first in ours) else "different"


def answer(case: Case) -> list[datetime] | None:
    """The product's; None when it refuses the rule."""
    try:
        rule = parse_rrule(case.text, dtstart=case.dtstart, exdate=case.exdate, rdate=case.rdate)
    except ScheduleError:
        return None
    found: list[datetime] = []
    at = rule.next_wall_time(case.after)
    while at is not None and len(found) < TIMES_COMPARED:
        found.append(at)
        at = rule.next_wall_time(at)
    return found


def main() -> int:
    """Print the count of each verdict and the cost of a call; 1 when a case is different."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source = random.Random(options.seed)  # noqa: S311  cases, no secrets
    count: Counter[str] = Counter()
    refuted: Counter[str] = Counter()
    for _ in range(options.cases):
        case = random_case(source)
        found = verdict(case)
        count[found] += 1
        if found == "refuted":
            refuted[_departure(case)] += 1
        if found == "different":
            _print_difference(case)
    print(dict(count), "refuted by departure:", dict(refuted))  # noqa: T201
    _print_speed()
    return 1 if count["different"] else 0


def _print_speed() -> None:
    """Microseconds a call: ours, and dateutil's, which walks, one and ten years from the start."""
    start = datetime(2016, 1, 4, 9)  # noqa: DTZ001  the wall clock
    for text in SPEED_RULES:
        ours = parse_rrule(text, dtstart=start)
        theirs = dateutil_rrule.rrulestr(text, dtstart=start)
        for years in (1, 10):
            after = start.replace(year=start.year + years)
            calls = (
                _microseconds(partial(ours.next_wall_time, after), 2000),
                _microseconds(partial(theirs.after, after), 2),
            )
            print(f"{text:50} {years:2} years  ours {calls[0]:7.1f}  dateutil {calls[1]:12.1f}")  # noqa: T201


def _microseconds(call: Callable[[], object], times: int) -> float:
    return timeit(call, number=times) / times * 1e6


def _departure(case: Case) -> str:
    names = _Rule(case).parts
    if "BYWEEKNO" in names:
        return "weeks at the edge of a year"
    if "BYSETPOS" in names and names["FREQ"] == "WEEKLY":
        return "BYSETPOS of the first week"
    return "BYDAY with and without numbers" if "BYDAY" in names else case.text


def _print_difference(case: Case) -> None:
    try:
        theirs: list[datetime] | None = dateutil_times(case)
    except _GaveUp:
        theirs = None
    print(case)  # noqa: T201
    for name, times in (("ours", answer(case)), ("dateutil", theirs)):
        print(" ", name, "none" if times is None else [str(at) for at in times])  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
