"""Jobs called in this process, as a worker would: `pytest`, while `./up` runs."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from celery.exceptions import Retry
from reports.settings import settings

from jobrunner.testing import NextRuns, RunJob


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's reports are written, without the wait of a real one."""
    monkeypatch.setenv("REPORTS_FOLDER", str(tmp_path))
    monkeypatch.setenv("REPORTS_WORK_SECONDS", "0")
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_report_is_a_file(run_job: RunJob, folder: Path) -> None:
    made = run_job("reports/sales", organization_id=1, kind="pdf")
    assert (folder / made["file"]).read_bytes().startswith(b"%PDF-")


def test_the_next_test_has_the_same_engine(run_job: RunJob) -> None:
    assert run_job("reports/sales", organization_id=2, days=1)["total"] != "0"
    assert "Acme GmbH" in run_job("reports/turnover")


def test_a_report_without_a_rate_asks_to_be_tried_again_in_five_minutes(run_job: RunJob) -> None:
    with pytest.raises(Retry) as asked:
        run_job("reports/sales", organization_id=3)
    assert asked.value.when == 300


def test_turnover_is_there_before_the_office_opens(next_runs: NextRuns) -> None:
    (first,) = next_runs("reports/turnover#default", datetime(2026, 7, 1, tzinfo=UTC), 1)
    assert (first.date(), first.hour) == (date(2026, 7, 1), 3)
