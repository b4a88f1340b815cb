"""The end of a pause, as it is written."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobrunner.errors import UsageError
from jobrunner.web.pages.until import read_until

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("written", "until"),
    [
        ("", None),
        ("2h", NOON + timedelta(hours=2)),
        ("2026-12-24 18:00", datetime(2026, 12, 24, 17, 0, tzinfo=UTC)),
        ("2026-12-24T18:00Z", datetime(2026, 12, 24, 18, 0, tzinfo=UTC)),
        ("2026-12-24", datetime(2026, 12, 23, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_in_the_zone_of_the_page(
    written: str, until: datetime | None
) -> None:
    assert read_until(written, now=NOON, zone=BERLIN) == until


@pytest.mark.parametrize("written", ["tomorrow", "2 h or so", "2026-13-01", "0001-01-01", "0s"])
def test_what_is_no_end_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_until(written, now=NOON, zone=BERLIN)
    assert "2026-12-24 18:00" in refused.value.hint


def test_an_end_that_has_passed_is_refused() -> None:
    with pytest.raises(UsageError, match="over already"):
        read_until("2026-11-21 12:59", now=NOON, zone=BERLIN)
