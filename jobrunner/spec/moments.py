"""Timestamps as people write them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobrunner.schedule import first_instant

MOMENT_PATTERN = (
    r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?( ?([Zz]|[+-]\d{2}:\d{2}))?)?$"
)
_MOMENT = re.compile(MOMENT_PATTERN, re.ASCII)
COMPACT_PATTERN = r"^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(Z?)$"
"""As calendars write it: `20260105T090000`."""
_COMPACT = re.compile(COMPACT_PATTERN, re.ASCII)
_OFFSET = re.compile(r"(?<=:\d{2})[+-](\d{2}):(\d{2})$", re.ASCII)
_LAST_HOUR, _LAST_MINUTE = 23, 59
_LONGEST_SHOWN = 60
_FIRST_YEAR, _LAST_YEAR = 2, 9998
"""What lies between them has a date in every time zone, wherever it is shown."""


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """ISO 8601 → aware UTC; without an offset it is a local time of `zone`.

    A local time that the clock skips is refused; of one that it shows twice the first is meant.
    Raises ValueError with a sentence.
    """
    return _instant(_written(text), zone, text)


def parse_wall_time(text: str, zone: ZoneInfo) -> datetime:
    """The same as what the clock of `zone` shows then: naive, and also a time that it skips.

    What calendars write, `20260105T090000`, is read too. Raises ValueError with a sentence.
    """
    written = _written(_COMPACT.sub(r"\1-\2-\3T\4:\5:\6\7", text))
    local = written if written.tzinfo is None else written.astimezone(zone)
    return local.replace(tzinfo=None, fold=0)


def _written(text: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise ValueError(
            f"{text[:_LONGEST_SHOWN]!r} is no timestamp; write for example '2026-12-01T09:00' "
            "or '2026-12-01T09:00+01:00'"
        )
    offset = _OFFSET.search(text)
    if offset is not None and (int(offset[1]) > _LAST_HOUR or int(offset[2]) > _LAST_MINUTE):
        raise ValueError(
            f"{text!r} ends with no offset: its hours go to {_LAST_HOUR}, its minutes to {_LAST_MINUTE}; "
            "write for example '2026-12-01T09:00+01:00'"
        )
    date, time = text[:10], text[11:].replace(" ", "").upper()
    try:
        written = datetime.fromisoformat(f"{date}T{time}" if time else date)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no time that exists: {error}; write for example '2026-12-01T09:00'"
        ) from error
    if not _FIRST_YEAR <= written.year <= _LAST_YEAR:
        raise ValueError(
            f"{text!r} is outside the years {_FIRST_YEAR} to {_LAST_YEAR}; write a time within them"
        )
    return written


def _instant(written: datetime, zone: ZoneInfo, text: str) -> datetime:
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    instant = written.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == written:
        return instant
    after_gap = first_instant(written, zone).astimezone(zone)
    raise ValueError(
        f"{text} does not exist in {zone.key}: the clock goes forward to {after_gap:%H:%M}; "
        "write another time, or one with an offset"
    )
