"""A schedule as a person would say it: "at 05:30 on weekdays, Europe/Berlin time"."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobrunner.schedule.cron import EVERY_WEEKDAY, Cron, numbers_of
from jobrunner.schedule.days import Days
from jobrunner.schedule.phrases import (
    MONTHS,
    NTH,
    TIMES_LISTED_MAX,
    WEEKDAYS,
    clock,
    listed,
    numbered,
    ordinal,
    ordinal_runs,
)
from jobrunner.schedule.rrule import Recurrence
from jobrunner.schedule.rrule_words import recurrence_in_words
from jobrunner.schedule.solar import Solar
from jobrunner.schedule.timing import EPOCH, At, Every, Timing

_EVERY_MINUTE = (1 << 60) - 1
_EVERY_HOUR = (1 << 24) - 1
_EVERY_DAY = (1 << 32) - 2
_EVERY_MONTH = (1 << 13) - 2
_MONDAY_TO_FRIDAY = 0b011_1110
_RANGES_LISTED_MAX = 3


def in_words(timing: Timing) -> str:
    """One line without a full stop. Two timings that differ in meaning never read the same, but
    for the jitter, which is no part of the nominal times and is shown beside them, and for lists of
    instants or days that are too long to be read.
    """
    match timing.rule:
        case Cron() as cron:
            words = f"{_cron_in_words(cron)}, {_zone_in_words(timing.zone)}"
        case Recurrence() as recurrence:
            words = f"{recurrence_in_words(recurrence)}, {_zone_in_words(timing.zone)}"
        case Solar() as solar:
            words = _solar_in_words(solar)
        case Every(interval, anchor):
            words = f"every {duration_in_words(interval, after_every=True)}"
            if anchor != EPOCH:
                words += f", counted from {_instant_in_words(anchor, timing.zone)}"
        case At(instants):
            words = _instants_in_words(instants, timing.zone)
    if timing.start_at is not None:
        words += f", from {_instant_in_words(timing.start_at, timing.zone)}"
    if timing.end_at is not None:
        words += f", until before {_instant_in_words(timing.end_at, timing.zone)}"
    return words + _clock_changes(timing) + _exclusions(timing)


def duration_in_words(duration: timedelta, *, after_every: bool = False) -> str:
    """`1 hour 30 minutes`; after "every", a lone unit of one is just its name: `hour`."""
    rest = duration // timedelta(microseconds=1)
    parts = []
    for unit, size in (
        ("day", 86_400_000_000),
        ("hour", 3_600_000_000),
        ("minute", 60_000_000),
        ("second", 1_000_000),
        ("millisecond", 1000),
        ("microsecond", 1),
    ):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    if after_every and len(parts) == 1:
        return parts[0].removeprefix("1 ")
    return " ".join(parts) or "0 seconds"


def _cron_in_words(cron: Cron) -> str:
    parts = [_time_of_day(cron), _days(cron), _months(cron.months)]
    words = " ".join(part for part in parts if part)
    return f"{words} (by H)" if cron.is_hashed else words


def _solar_in_words(solar: Solar) -> str:
    what, _, kind = solar.event.partition("_")
    event = f"{kind} {what}" if what in {"dawn", "dusk"} else solar.event.replace("_", " ")
    north, east = "N" if solar.latitude >= 0 else "S", "E" if solar.longitude >= 0 else "W"
    return f"at {event} at {abs(solar.latitude):.9g}°{north} {abs(solar.longitude):.9g}°{east}"


def _clock_changes(timing: Timing) -> str:
    """What differs from Debian's cron, where the clock is changed."""
    if not isinstance(timing.rule, Cron | Recurrence):
        return ""
    words = ""
    if timing.runs_after_gap == timing.rule.follows_clock_changes:
        happens = "runs after the gap" if timing.runs_after_gap else "does not run"
        words += f", a time that the clock skips {happens}"
    if timing.runs_twice != timing.rule.follows_clock_changes:
        happens = "runs both times" if timing.runs_twice else "runs the first time only"
        words += f", a time that the clock repeats {happens}"
    return words


def _exclusions(timing: Timing) -> str:
    if not timing.exclude:
        return ""
    if len(timing.exclude) <= _RANGES_LISTED_MAX:
        return f", except {listed([_range_in_words(days) for days in timing.exclude])}"
    days = sum((last - first).days + 1 for first, last in timing.exclude)
    return f", except on {days:,} days from {timing.exclude[0][0]} to {timing.exclude[-1][1]}"


def _range_in_words(days: Days) -> str:
    first, last = days
    return f"on {first}" if first == last else f"from {first} to {last}"


# --- The time of day -------------------------------------------------------------------------------


def _time_of_day(cron: Cron) -> str:
    hours, minutes, seconds = (
        numbers_of(mask) for mask in (cron.hours, cron.minutes, cron.seconds)
    )
    if len(hours) * len(minutes) * len(seconds) <= TIMES_LISTED_MAX:
        times = [clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return f"at {listed(times)}{'' if _has_days(cron) else ' every day'}"
    if cron.seconds == 1:
        return _minutes_and_hours(cron)
    if cron.minutes == _EVERY_MINUTE:
        if cron.hours == _EVERY_HOUR:
            return _repeating(cron.seconds, "second", "minute")
        return f"{_repeating(cron.seconds, 'second', 'minute')} {_within_hours(cron.hours)}"
    return f"{_repeating(cron.seconds, 'second', 'minute')} during {_minutes_and_hours(cron, during=True)}"


def _minutes_and_hours(cron: Cron, *, during: bool = False) -> str:
    if cron.hours == _EVERY_HOUR:
        if during:
            return f"{numbered('minute', cron.minutes)} of every hour"
        return _repeating(cron.minutes, "minute", "hour")
    if not during and cron.minutes == 1 and (step := _step(cron.hours, 24)):
        return f"every {step} hours from midnight"
    if during:
        return f"{numbered('minute', cron.minutes)} of {numbered('hour', cron.hours)}"
    return f"{_repeating(cron.minutes, 'minute', 'hour')} {_within_hours(cron.hours)}"


def _repeating(mask: int, unit: str, whole: str) -> str:
    if mask == _EVERY_MINUTE:
        return f"every {unit}"
    if step := _step(mask, 60):
        return f"every {step} {unit}s"
    if mask == 1:
        return f"every {whole}"
    return f"at {numbered(unit, mask)} of every {whole}"


def _within_hours(mask: int) -> str:
    hours = numbers_of(mask)
    if hours[-1] - hours[0] == len(hours) - 1:
        return f"from {clock(hours[0], 0, 0)} to {clock(hours[-1], 59, 0)}"
    return f"in {numbered('hour', mask)}"


def _step(mask: int, size: int) -> int:
    """The n, when the set is that of `*/n` and n divides the field evenly, so that all gaps are equal."""
    numbers = numbers_of(mask)
    step = size // len(numbers)
    return step if 1 < step < size and numbers == list(range(0, size, step)) else 0


# --- The days --------------------------------------------------------------------------------------


def _has_days(cron: Cron) -> bool:
    return bool(_days(cron))


def _days(cron: Cron) -> str:
    days, weekdays = _days_of_month(cron), _days_of_week(cron)
    if cron.day_and_weekday:
        if days and weekdays:
            return f"on {days}, if that is {weekdays}"
        return f"on {days or weekdays}" if days or weekdays else ""
    if cron.days == _EVERY_DAY or cron.weekdays == EVERY_WEEKDAY:
        return ""  # every day, or the others: that is every day
    return f"on {days} or on {weekdays}"


def _days_of_month(cron: Cron) -> str:
    """What stands in the field, '' for all days."""
    if cron.days == _EVERY_DAY:
        return ""
    parts = []
    if cron.days:
        parts.append(f"the {listed(ordinal_runs(numbers_of(cron.days)))}")
    parts += [_from_the_end(before) for before in numbers_of(cron.days_before_last)]
    parts += [
        f"the weekday nearest the {ordinal(day)}" for day in numbers_of(cron.nearest_weekdays)
    ]
    if cron.last_weekday:
        parts.append("the last weekday")
    return f"{listed(parts)} of the month"


def _from_the_end(before: int) -> str:
    return "the last day" if before == 0 else f"the {ordinal(before + 1)} to last day"


def _days_of_week(cron: Cron) -> str:
    if cron.weekdays == EVERY_WEEKDAY:
        return ""
    parts = []
    if cron.weekdays == _MONDAY_TO_FRIDAY:
        parts.append(
            "weekdays" if cron.days == _EVERY_DAY and cron.day_and_weekday else "a weekday"
        )
    elif cron.weekdays:
        parts += [
            WEEKDAYS[day] for day in sorted(numbers_of(cron.weekdays), key=lambda day: day or 7)
        ]
    by_place = sorted({(item.nth, item.weekday) for item in cron.weekdays_in_month})
    parts += [f"the {NTH[nth]} {WEEKDAYS[weekday]} of the month" for nth, weekday in by_place]
    return listed(parts, "and" if cron.days == _EVERY_DAY else "or")


def _months(mask: int) -> str:
    if mask == _EVERY_MONTH:
        return ""
    return f"in {listed([MONTHS[month] for month in numbers_of(mask)])}"


# --- Instants --------------------------------------------------------------------------------------


def _instants_in_words(instants: Sequence[datetime], zone: ZoneInfo) -> str:
    if not instants:
        return "never"
    if len(instants) == 1:
        return f"once at {_instant_in_words(instants[0], zone)}"
    if len(instants) > TIMES_LISTED_MAX:
        first, last = (_instant_in_words(instants[index], zone) for index in (0, -1))
        return f"at {len(instants):,} times from {first} to {last}"
    return f"at {listed([_instant_in_words(instant, zone) for instant in instants])}"


def _instant_in_words(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(UTC if zone.key == "UTC" else zone)
    shown = f"{local:%H:%M}"
    if local.second or local.microsecond:
        shown = f"{local.time().replace(fold=0).isoformat()}"
    return f"{local:%Y-%m-%d} {shown} {local:%Z}"


def _zone_in_words(zone: ZoneInfo) -> str:
    return "UTC" if zone.key == "UTC" else f"{zone.key} time"
