"""Schedules of Celery's beat: in our words, and when beat fires them by Celery's own classes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from celery import Celery
from celery.schedules import crontab, schedule, solar
from dateutil.rrule import rrule

from jobrunner.importing.entries import Times
from jobrunner.schedule import ScheduleError, numbers_of, parse_cron
from jobrunner.spec.durations import format_duration

_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_ALL = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RULE_PARTS = {
    "bysetpos": "BYSETPOS",
    "bymonth": "BYMONTH",
    "bymonthday": "BYMONTHDAY",
    "byyearday": "BYYEARDAY",
    "byweekno": "BYWEEKNO",
    "byhour": "BYHOUR",
    "byminute": "BYMINUTE",
    "bysecond": "BYSECOND",
}


class NotTaken(Exception):
    """Why a schedule cannot be taken: one sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Read:
    """A schedule of beat's, read."""

    keys: Mapping[str, Any]
    """Of our schedule."""
    times: Times | None
    notes: tuple[str, ...] = ()
    is_in_phase: bool = True


def read_schedule(told: Mapping[str, Any], timezone: str) -> Read:
    """`told` is what the sources of beat's entries are made alike to: its `kind`, and the arguments of
    Celery's class. Raises NotTaken.

    crontab: `minute` … `day_of_week`, each a text, a number or numbers · interval: `seconds`, `relative`
    · solar: `event`, `latitude`, `longitude` · clocked: `at`, an instant · rrule: the arguments of
    dateutil's, with instants · anything else: `text`, what it calls itself.
    """
    match told["kind"]:
        case "crontab":
            return _crontab(told, timezone)
        case "interval":
            return _interval(told, timezone)
        case "solar":
            return _solar(told)
        case "clocked":
            at: datetime = told["at"]
            return Read({"at": [iso(at)]}, _once(at))
        case "rrule":
            return _rrule(told)
        case _:
            raise NotTaken(
                f"{told.get('text') or 'it'} is a schedule of its own kind; write it by hand"
            )


def _crontab(told: Mapping[str, Any], timezone: str) -> Read:
    given = {name: told.get(name, "*") for name in _FIELDS}
    try:
        theirs = crontab(**{name: _as_given(value) for name, value in given.items()})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotTaken(f"Celery itself refuses it: {error}") from error
    sets = [frozenset(getattr(theirs, name)) for name in _FIELDS]
    if not all(sets):
        raise NotTaken("one of its fields is empty, so that it never fires")
    expression = _same_expression([given[name] for name in _FIELDS], sets)
    try:
        parse_cron(expression)
    except ScheduleError as error:
        raise NotTaken(error.message) from None
    keys = {"cron": expression, "timezone": timezone}
    notes: tuple[str, ...] = ()
    if "+" in expression:
        notes = (
            "beat asks for both day of month and day of week; the + says so, without it either does",
        )
    return Read(keys, beat_times(theirs, timezone), notes)


def _as_given(value: Any) -> Any:
    return set(value) if isinstance(value, list | tuple) else value


def _same_expression(given: list[Any], sets: list[frozenset[int]]) -> str:
    """As it was written where we read that alike, and in numbers where not."""
    words = [
        text
        if (text := _text_of(one)) and _reads_as(index, text, numbers)
        else _numbers(index, numbers)
        for index, (one, numbers) in enumerate(zip(given, sets, strict=True))
    ]
    if not (words[2].startswith("*") or words[4].startswith("*")):
        words[4] = f"+{words[4]}"
    return " ".join(words)


def _text_of(given: Any) -> str:
    return given.replace(" ", "") if isinstance(given, str) else ""


def _reads_as(index: int, text: str, numbers: Collection[int]) -> bool:
    words = ["*"] * 5
    words[index] = text
    try:
        cron = parse_cron(" ".join(words))
    except ScheduleError:
        return False
    masks = (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)
    return "+" not in text and not cron.is_hashed and numbers_of(masks[index]) == sorted(numbers)


def _numbers(index: int, numbers: Collection[int]) -> str:
    """`1-5,7`; the star for all of them."""
    if set(numbers) == set(_ALL[index]):
        return "*"
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(
        f"{a}" if a == b else f"{a},{b}" if b == a + 1 else f"{a}-{b}" for a, b in spans
    )


def _interval(told: Mapping[str, Any], timezone: str) -> Read:
    try:
        interval = timedelta(seconds=told["seconds"])
        interval = timedelta(milliseconds=round(interval / timedelta(milliseconds=1)))
    except (OverflowError, ValueError, TypeError):
        raise NotTaken(f"{told['seconds']!r} seconds are no interval") from None
    if interval < _SECOND:
        raise NotTaken("its interval is shorter than a second, the shortest here")
    if told.get("relative") and interval == _DAY:
        theirs = schedule(interval, relative=True)
        return Read({"cron": "0 0 * * *", "timezone": timezone}, beat_times(theirs, timezone))
    notes = (
        (
            f"beat counts {format_duration(interval)} from its last run, anew after each start, and drifts; "
            "here it is counted from 1970-01-01T00:00Z, or from anchor"
        ),
    )
    theirs = schedule(interval, relative=bool(told.get("relative")))
    keys = {"every": format_duration(interval)}
    return Read(keys, beat_times(theirs, timezone), notes, is_in_phase=False)


def _solar(told: Mapping[str, Any]) -> Read:
    event, latitude, longitude = told["event"], float(told["latitude"]), float(told["longitude"])
    try:
        theirs = solar(event, latitude, longitude)
    except ValueError as error:
        raise NotTaken(f"Celery itself refuses it: {error}") from error
    keys = {"solar": {"event": event, "latitude": latitude, "longitude": longitude}}
    return Read(keys, beat_times(theirs, "UTC"))


def iso(moment: datetime) -> str:
    """As it is written in YAML."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _once(at: datetime) -> Times:
    return lambda start, end: iter([at.astimezone(UTC)] if start <= at < end else [])


def _rrule(told: Mapping[str, Any]) -> Read:
    if told.get("byeaster") not in (None, []):
        raise NotTaken("BYEASTER is no part of RFC 5545; write its days as at:")
    start = told.get("dtstart")
    if told["freq"] not in range(len(_FREQUENCIES)) or not isinstance(start, datetime):
        raise NotTaken("its rule has no frequency that is known, or no start")
    zone = _fixed_zone(start)
    text = _rule_text(told)
    wall = start.replace(tzinfo=None).isoformat(timespec="seconds")
    keys = {"rrule": text, "dtstart": wall, "timezone": zone}
    notes = (
        () if zone == "UTC"
        else (f"redbeat has kept the offset of its start and no time zone: {zone} is without summer time",)
    )  # fmt: skip
    arguments = {name: told.get(name) for name in (*_RULE_PARTS, "count", "until")}
    if _has(told, "byweekday"):
        arguments["byweekday"] = [_weekday_number(day) for day in _all(told["byweekday"])]
    if _has(told, "wkst"):
        arguments["wkst"] = _weekday_number(told["wkst"])
    try:
        theirs = rrule(told["freq"], dtstart=start, interval=told.get("interval") or 1, **arguments)
    except (ValueError, TypeError) as error:
        raise NotTaken(f"dateutil itself refuses it: {error}") from error
    return Read(keys, lambda after, end: _between(theirs, after, end), notes)


def _between(rule: rrule, start: datetime, end: datetime) -> Iterator[datetime]:
    found = rule.after(start, inc=True)
    while found is not None and found < end:
        yield found.astimezone(UTC)
        found = rule.after(found)


def _fixed_zone(start: datetime) -> str:
    offset = start.utcoffset() or timedelta(0)
    hours, rest = divmod(offset, timedelta(hours=1))
    if rest:
        raise NotTaken(
            "it counts from a start whose offset is no whole hour; write it with a time zone"
        )
    return "UTC" if not hours else f"Etc/GMT{-hours:+d}"


def _rule_text(told: Mapping[str, Any]) -> str:
    parts = [f"FREQ={_FREQUENCIES[told['freq']]}"]
    if (told.get("interval") or 1) != 1:
        parts.append(f"INTERVAL={told['interval']}")
    parts += [
        f"{ours}={_list(told[name])}" for name, ours in _RULE_PARTS.items() if _has(told, name)
    ]
    if _has(told, "byweekday"):
        days = [_WEEKDAYS[_weekday_number(day)] for day in _all(told["byweekday"])]
        parts.append(f"BYDAY={','.join(days)}")
    if _has(told, "wkst"):
        parts.append(f"WKST={_WEEKDAYS[_weekday_number(told['wkst'])]}")
    if _has(told, "count"):
        parts.append(f"COUNT={told['count']}")
    if _has(told, "until"):
        until: datetime = told["until"]
        parts.append(f"UNTIL={until.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    return ";".join(parts)


def _has(told: Mapping[str, Any], name: str) -> bool:
    return told.get(name) not in (None, [])


def _list(value: Any) -> str:
    return ",".join(map(str, _all(value)))


def _all(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _weekday_number(day: Any) -> int:
    """Counted from Monday; redbeat keeps a mapping of its own."""
    return int(day["wkday"] if isinstance(day, Mapping) else day)


@dataclass(slots=True)
class _Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


def beat_times(theirs: Any, timezone: str) -> Times:
    """The instants at which a beat fires that runs all the time, by asking the schedule as beat does."""

    def times(start: datetime, end: datetime) -> Iterator[datetime]:
        clock = _Clock()
        theirs.nowfun = clock
        theirs.app = Celery("import", set_as_current=False)
        theirs.app.conf.update(timezone=timezone)
        zone = ZoneInfo(timezone)
        last = start.astimezone(zone) - _SECOND
        while (found := _next(theirs.remaining_estimate, clock, last)) < end:
            yield found
            last = found.astimezone(zone)  # as beat keeps it, and what `relative` rounds

    return times


def _next(remaining: Callable[[datetime], timedelta], clock: _Clock, last: datetime) -> datetime:
    """Wait for as long as it says, and look again, until it says that nothing remains."""
    clock.now = last.astimezone(UTC)
    while (left := remaining(last)) > timedelta(0):
        clock.now += left
    # A schedule that says so at once would fire again and again; a second apart is enough to see it.
    return max(clock.now, last.astimezone(UTC) + _SECOND)
