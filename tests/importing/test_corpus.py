"""The cron files that Debian's packages install: taken whole, and due when cron runs them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobrunner.importing.entries import Job, Left
from jobrunner.schedule import times_between
from tests.importing.reading import cron_entries, read_back, result_of

FILES = sorted((Path(__file__).parent / "corpus").iterdir())
START, END = datetime(2026, 11, 21, tzinfo=UTC), datetime(2027, 11, 22, tzinfo=UTC)
"""A year with both nights on which Berlin sets its clock."""


def lines_of(file: Path) -> list[str]:
    """Those with a time."""
    return [
        line for line in file.read_text("utf-8").splitlines() if line[:1] in set("0123456789*@")
    ]


def command_in(line: str) -> str:
    """What stands behind time and user, as a shell gets it."""
    fields = 2 if line.startswith("@") else 6
    return line.split(None, fields)[fields].replace(r"\%", "%")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_line_is_a_job_or_told_of(file: Path) -> None:
    entries = cron_entries(file.read_bytes(), form="system", path=file.name)
    told = [entry for entry in entries if isinstance(entry, Job | Left)]
    assert [entry.original.split()[-1] for entry in told] == [
        line.split()[-1] for line in lines_of(file)
    ]
    assert all(left.original.startswith("@reboot") for left in told if isinstance(left, Left))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_is_written_runs_the_same_commands(file: Path) -> None:
    result = result_of(cron_entries(file.read_bytes(), form="system", path=file.name))
    jobs = read_back(result)
    lasting = [line for line in lines_of(file) if not line.startswith("@reboot")]
    commands = [jobs[written.name].command or () for written in result.jobs]
    assert [command[-1] for command in commands] == [command_in(line) for line in lasting]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_is_written_is_due_when_cron_runs_it(file: Path) -> None:
    entries = cron_entries(
        file.read_bytes(), form="system", path=file.name, timezone="Europe/Berlin"
    )
    result = result_of(entries)
    jobs = read_back(result)
    for written in result.jobs:
        (schedule,) = jobs[written.name].schedules
        assert written.job.old_times is not None
        due = list(times_between(schedule.timing(), START, END))
        assert due == list(written.job.old_times(START, END))
        assert written.comparison.is_same
