"""Times as a person writes them: when a pause ends, and from when to when runs are looked for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobrunner.errors import UsageError
from jobrunner.spec.durations import LONGEST, parse_duration

_TIMESTAMP_SIGNS = frozenset("-:T")
"""What has none of them is meant as a duration."""


def read_until(written: str, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """`2h`, `2026-12-24 18:00` (in `zone`) or the same with an offset → UTC; None for nothing.

    Raises UsageError for what is neither, or not to come.
    """
    text = written.strip()
    if not text:
        return None
    hint = "Write how long (2h, 3d), or when (2026-12-24 18:00)."
    try:
        until = _moment(text, zone) if _TIMESTAMP_SIGNS & set(text) else now + parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"'{text}' is no end of a pause.", hint=hint) from error
    if not now < until <= now + LONGEST:
        raise UsageError(f"A pause until {text} would be over already, or never.", hint=hint)
    return until


def read_moment(written: str, *, zone: ZoneInfo) -> datetime | None:
    """`2026-12-24T18:00` (in `zone`) or the same with an offset → UTC; None for nothing. UsageError."""
    text = written.strip()
    try:
        return _moment(text, zone) if text else None
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text}' is no time.", hint="Write it as 2026-12-24 18:00, in your zone."
        ) from error


def _moment(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
