"""A schedule as a person would say it: "at 05:30 on weekdays, Europe/Berlin time"."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobrunner.schedule.cron import EVERY_WEEKDAY, Cron, numbers_of
from jobrunner.schedule.timing import EPOCH, At, Every, Timing

_EVERY_MINUTE = (1 << 60) - 1
_EVERY_HOUR = (1 << 24) - 1
_EVERY_DAY = (1 << 32) - 2
_EVERY_MONTH = (1 << 13) - 2
_MONDAY_TO_FRIDAY = 0b011_1110
_TIMES_LISTED_MAX = 6
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NTH = ("", "first", "second", "third", "fourth", "fifth", "last")


def in_words(timing: Timing) -> str:
    """One line without a full stop. Two timings that differ in meaning never read the same, but
    for the jitter, which is no part of the nominal times and is shown beside them.
    """
    match timing.rule:
        case Cron() as cron:
            words = f"{_cron_in_words(cron)}, {_zone_in_words(timing.zone)}"
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
    return words


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
    return " ".join(part for part in parts if part)


# --- The time of day -------------------------------------------------------------------------------


def _time_of_day(cron: Cron) -> str:
    hours, minutes, seconds = (
        numbers_of(mask) for mask in (cron.hours, cron.minutes, cron.seconds)
    )
    if len(hours) * len(minutes) * len(seconds) <= _TIMES_LISTED_MAX:
        times = [_clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return f"at {_listed(times)}{'' if _has_days(cron) else ' every day'}"
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
            return f"{_numbered('minute', cron.minutes)} of every hour"
        return _repeating(cron.minutes, "minute", "hour")
    if not during and cron.minutes == 1 and (step := _step(cron.hours, 24)):
        return f"every {step} hours from midnight"
    if during:
        return f"{_numbered('minute', cron.minutes)} of {_numbered('hour', cron.hours)}"
    return f"{_repeating(cron.minutes, 'minute', 'hour')} {_within_hours(cron.hours)}"


def _repeating(mask: int, unit: str, whole: str) -> str:
    if mask == _EVERY_MINUTE:
        return f"every {unit}"
    if step := _step(mask, 60):
        return f"every {step} {unit}s"
    if mask == 1:
        return f"every {whole}"
    return f"at {_numbered(unit, mask)} of every {whole}"


def _within_hours(mask: int) -> str:
    hours = numbers_of(mask)
    if hours[-1] - hours[0] == len(hours) - 1:
        return f"from {_clock(hours[0], 0, 0)} to {_clock(hours[-1], 59, 0)}"
    return f"in {_numbered('hour', mask)}"


def _step(mask: int, size: int) -> int:
    """The n, when the set is that of `*/n` and n divides the field evenly, so that all gaps are equal."""
    numbers = numbers_of(mask)
    step = size // len(numbers)
    return step if 1 < step < size and numbers == list(range(0, size, step)) else 0


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def _numbered(unit: str, mask: int) -> str:
    """`minute 5`, `hours 1, 4-6 and 9`."""
    numbers = numbers_of(mask)
    return f"{unit}{'' if len(numbers) == 1 else 's'} {_listed(_runs(numbers))}"


def _runs(numbers: Sequence[int]) -> list[str]:
    """Three and more in a row are written as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [
        part
        for run in runs
        for part in ([f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(number) for number in run])
    ]


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
        parts.append(f"the {_listed(_ordinal_runs(numbers_of(cron.days)))}")
    parts += [_from_the_end(before) for before in numbers_of(cron.days_before_last)]
    parts += [
        f"the weekday nearest the {_ordinal(day)}" for day in numbers_of(cron.nearest_weekdays)
    ]
    if cron.last_weekday:
        parts.append("the last weekday")
    return f"{_listed(parts)} of the month"


def _from_the_end(before: int) -> str:
    return "the last day" if before == 0 else f"the {_ordinal(before + 1)} to last day"


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
            _WEEKDAYS[day] for day in sorted(numbers_of(cron.weekdays), key=lambda day: day or 7)
        ]
    by_place = sorted({(item.nth, item.weekday) for item in cron.weekdays_in_month})
    parts += [f"the {_NTH[nth]} {_WEEKDAYS[weekday]} of the month" for nth, weekday in by_place]
    return _listed(parts, "and" if cron.days == _EVERY_DAY else "or")


def _months(mask: int) -> str:
    if mask == _EVERY_MONTH:
        return ""
    return f"in {_listed([_MONTHS[month] for month in numbers_of(mask)])}"


def _ordinal_runs(numbers: Sequence[int]) -> list[str]:
    return [" to ".join(_ordinal(int(end)) for end in run.split("-")) for run in _runs(numbers)]


def _ordinal(number: int) -> str:
    return f"{number}{_suffix(number)}"


def _suffix(number: int) -> str:
    if number in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


# --- Instants --------------------------------------------------------------------------------------


def _instants_in_words(instants: Sequence[datetime], zone: ZoneInfo) -> str:
    if not instants:
        return "never"
    if len(instants) == 1:
        return f"once at {_instant_in_words(instants[0], zone)}"
    return f"at {_listed([_instant_in_words(instant, zone) for instant in instants])}"


def _instant_in_words(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(UTC if zone.key == "UTC" else zone)
    clock = f"{local:%H:%M}"
    if local.second or local.microsecond:
        clock = f"{local.time().replace(fold=0).isoformat()}"
    return f"{local:%Y-%m-%d} {clock} {local:%Z}"


def _zone_in_words(zone: ZoneInfo) -> str:
    return "UTC" if zone.key == "UTC" else f"{zone.key} time"


def _listed(parts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
