"""A recurrence rule as a person would say it: "every 2 weeks on Monday and Friday at 09:00"."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from jobrunner.schedule.cron import numbers_of
from jobrunner.schedule.phrases import (
    MONTHS,
    TIMES_LISTED_MAX,
    WEEKDAYS,
    clock,
    listed,
    numbered,
    ordinal,
    ordinal_runs,
)
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.rrule_times import Frequency

_UNITS = {
    Frequency.YEARLY: "year",
    Frequency.MONTHLY: "month",
    Frequency.WEEKLY: "week",
    Frequency.DAILY: "day",
    Frequency.HOURLY: "hour",
    Frequency.MINUTELY: "minute",
    Frequency.SECONDLY: "second",
}
_MONDAY_TO_FRIDAY = tuple((weekday, 0) for weekday in range(1, 6))
_EVERY_MINUTE = (1 << 60) - 1
_EVERY_HOUR = (1 << 24) - 1
_END_OF_DAY = timedelta(days=1, seconds=-1)


def recurrence_in_words(rule: Recurrence) -> str:
    """One line without a full stop; rules that differ in meaning do not read the same, but for lists
    of dates that are too long to be read.
    """
    unit = _UNITS[rule.frequency]
    every = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    parts = [every, _days(rule), _times(rule)]
    words = " ".join(part for part in parts if part)
    if rule.set_positions:
        words += f", of these only the {_places(rule.set_positions)} in each {unit}"
    if _week_start_matters(rule):
        words += f", weeks beginning on {WEEKDAYS[rule.week_start]}"
    return words + _bounds(rule)


# --- The days --------------------------------------------------------------------------------------


def _days(rule: Recurrence) -> str:
    days = rule.days
    named = [
        f"the {_places(days.month_days)} {_of_months(rule)}" if days.month_days else "",
        f"the {_places(days.year_days)} day of the year" if days.year_days else "",
        _weekdays(rule),
    ]
    named = [part for part in named if part]
    words = f"on {', if that is '.join(named)}" if named else ""
    if days.weeks:
        words += f" in the {_places(days.weeks)} week of the year"
    if days.months and not _names_months(rule):
        words += f" in {listed([MONTHS[month] for month in days.months])}"
    return words.strip()


def _weekdays(rule: Recurrence) -> str:
    days = rule.days
    if days.weekdays == _MONDAY_TO_FRIDAY:
        return "a weekday" if days.month_days or days.year_days else "weekdays"
    of = _of_months(rule) if days.numbers_in_month else "of the year"
    ordered = sorted(days.weekdays, key=lambda item: (item[1], item[0] or 7))
    word = "or" if days.month_days or days.year_days else "and"
    return listed(
        [
            f"the {_place(number)} {WEEKDAYS[weekday]} {of}" if number else WEEKDAYS[weekday]
            for weekday, number in ordered
        ],
        word,
    )


def _of_months(rule: Recurrence) -> str:
    if not rule.days.months:
        return "of the month"
    return f"of {listed([MONTHS[month] for month in rule.days.months])}"


def _names_months(rule: Recurrence) -> bool:
    """Whether `_of_months` has said which."""
    days = rule.days
    has_numbers = any(number for _, number in days.weekdays)
    return bool(days.month_days) or (has_numbers and days.numbers_in_month)


def _places(numbers: tuple[int, ...]) -> str:
    """`1st, 3rd to 5th and last`."""
    from_start = ordinal_runs([number for number in numbers if number > 0])
    return listed([*from_start, *(_place(number) for number in reversed(numbers) if number < 0)])


def _place(number: int) -> str:
    if number > 0:
        return ordinal(number)
    return "last" if number == -1 else f"{ordinal(-number)} to last"


# --- The times of day ------------------------------------------------------------------------------


def _times(rule: Recurrence) -> str:
    """What the unit of the rule leaves open, or what narrows it."""
    hours, minutes, seconds = (
        numbers_of(mask) for mask in (rule.hours, rule.minutes, rule.seconds)
    )
    if len(hours) * len(minutes) * len(seconds) <= TIMES_LISTED_MAX:
        return f"at {listed([clock(h, m, s) for h in hours for m in minutes for s in seconds])}"
    parts = []
    if rule.seconds not in {1, _EVERY_MINUTE}:
        parts.append(numbered("second", rule.seconds))
    if rule.minutes != _EVERY_MINUTE:
        parts.append(numbered("minute", rule.minutes))
    if rule.hours != _EVERY_HOUR:
        parts.append(numbered("hour", rule.hours))
    return f"at {' of '.join(parts)}" if parts else ""


# --- Where it begins and ends ----------------------------------------------------------------------


def _week_start_matters(rule: Recurrence) -> bool:
    counts_weeks = rule.frequency is Frequency.WEEKLY and (rule.interval > 1 or rule.set_positions)
    return rule.week_start != 1 and bool(counts_weeks or rule.days.weeks)


def _bounds(rule: Recurrence) -> str:
    words = f", from {_moment(rule.dtstart)}" if rule.has_start else ""
    if rule.count is not None:
        words += ", once" if rule.count == 1 else f", {rule.count:,} times"
    if rule.until is not None:
        words += f", until {_moment(rule.until)}{' UTC' if rule.until_utc else ''}"
    if rule.exdates:
        words += f", except {_moments(sorted(rule.exdates))}"
    if rule.rdates:
        words += f", and also {_moments(rule.rdates)}"
    return words


def _moments(moments: Sequence[datetime]) -> str:
    if len(moments) > TIMES_LISTED_MAX:
        return f"{len(moments):,} times from {_moment(moments[0])} to {_moment(moments[-1])}"
    return listed([_moment(moment) for moment in moments])


def _moment(moment: datetime) -> str:
    """The last second of a day is how an UNTIL without a time is kept."""
    midnight = moment.replace(hour=0, minute=0, second=0)
    if moment - midnight == _END_OF_DAY:
        return f"the end of {moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d} {clock(moment.hour, moment.minute, moment.second)}"
