"""The next times of a scheduler and of the job, side by side."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobrunner.importing.compare import Comparison
from jobrunner.importing.write import times_lines

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_times_beside_each_other_have_seconds_in_all_of_them_or_in_none() -> None:
    assert list(times_lines(differing(timedelta(seconds=7)), "beat")) == [
        "next by beat                  here",
        "Sun 22 Nov 2026 12:00:07 UTC  Sun 22 Nov 2026 12:00:00 UTC",
    ]
    assert list(times_lines(differing(timedelta(minutes=1)), "beat")) == [
        "next by beat               here",
        "Sun 22 Nov 2026 12:01 UTC  Sun 22 Nov 2026 12:00 UTC",
    ]


def differing(by: timedelta) -> Comparison:
    return Comparison(zone=ZoneInfo("UTC"), old=(NOON + by,), new=(NOON,), differences=())
