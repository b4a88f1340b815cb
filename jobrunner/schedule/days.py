"""Days as people write them: `2026-12-25`, `2026-12-24/2027-01-01`, `2026-12-24..2027-01-01`."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from jobrunner.schedule.errors import ScheduleError

Days = tuple[date, date]
"""The first and the last of some days in a row; both are among them."""

DAYS_PATTERN = r"^\d{4}-\d{2}-\d{2}((/|\.\.)\d{4}-\d{2}-\d{2})?$"
_DAYS = re.compile(DAYS_PATTERN, re.ASCII)
_DAY = timedelta(days=1)
_LONGEST_SHOWN = 60


def parse_days(text: str) -> Days:
    """One day or a range. Raises ScheduleError with a sentence that shows a right form."""
    if not _DAYS.fullmatch(text):
        raise ScheduleError(
            f"{text[:_LONGEST_SHOWN]!r} is no day; write for example '2026-12-25' "
            "or '2026-12-24/2027-01-01'"
        )
    first, last = _day(text[:10]), _day(text[-10:])
    if last < first:
        raise ScheduleError(
            f"{text!r} ends before it begins; write '{last.isoformat()}/{first.isoformat()}'"
        )
    return first, last


def canonical_days(days: Iterable[Days]) -> tuple[str, ...]:
    """The one way to write these days."""
    return tuple(
        first.isoformat() if first == last else f"{first.isoformat()}/{last.isoformat()}"
        for first, last in merged_days(days)
    )


def merged_days(days: Iterable[Days]) -> tuple[Days, ...]:
    """The same days in order, those in a row as one range."""
    rows: list[Days] = []
    for first, last in sorted(days):
        if rows and first - rows[-1][1] <= _DAY:
            rows[-1] = (rows[-1][0], max(rows[-1][1], last))
        else:
            rows.append((first, last))
    return tuple(rows)


def range_with(day: date, rows: Sequence[Days]) -> Days | None:
    """Which of some merged ranges holds a day."""
    index = bisect_right(rows, day, key=lambda row: row[0]) - 1
    return rows[index] if index >= 0 and day <= rows[index][1] else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ScheduleError(
            f"{text!r} is no day that exists: {error}; write for example '2026-12-25'"
        ) from error
