"""`jobrunner pause` and `resume`, and where a pause is shown."""

from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.cli.conftest import Jobrunner


@pytest.fixture
def applied(jobrunner: Jobrunner, folder: Path) -> Jobrunner:
    """The project's jobs are in force; one has a schedule with a queue of its own."""
    (folder / "jobs.d" / "own.yaml").write_text(
        "version: 1\nnamespace: ops\njobs:\n  own:\n    task: app.tasks.own\n"
        "    schedule: {every: 1h, queue: fast}\n",
        encoding="utf-8",
    )
    assert jobrunner("apply", "--yes").exit_code == 0
    return jobrunner


def test_a_second_pause_says_since_when_the_first_one_holds(applied: Jobrunner) -> None:
    assert "already" not in applied("pause", "ops/report").stdout
    again = applied("pause", "ops/report", "--until", "2h")
    assert again.exit_code == 0
    assert "paused job ops/report, since" in again.stdout
    assert "already, and now until" in again.stdout


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("soon", "--until 'soon' is no duration; write for example"),
        ("9999999d", "is longer than a hundred years"),
        ("2999-01-01", "Write 2999-01-01T00:00:00Z"),
        ("2020-01-01T00:00Z", "is in the past"),
        ("yesterday-noon", "is no timestamp"),
    ],
)
def test_an_end_that_is_none_says_what_to_write(
    jobrunner: Jobrunner, until: str, told: str
) -> None:
    called = jobrunner("pause", "ops/report", "--until", until)
    assert called.exit_code == 64
    assert told in called.stderr
    assert "→" in called.stderr


def test_one_schedule_cannot_be_paused_and_the_way_out_is_told(applied: Jobrunner) -> None:
    called = applied("pause", "ops/report#default")
    assert called.exit_code == 1
    assert "jobrunner pause ops/report;" in called.stderr
    assert "enabled: false" in called.stderr


def test_what_is_not_paused_cannot_be_resumed(applied: Jobrunner) -> None:
    called = applied("resume", "ops/report")
    assert called.exit_code == 1
    assert "job ops/report is not paused." in called.stderr


@pytest.mark.parametrize("shown_by", [("status",), ("get", "ops/report"), ("next", "ops/report")])
def test_a_pause_is_shown_with_who_and_why(applied: Jobrunner, shown_by: tuple[str, ...]) -> None:
    applied("pause", "ops/report", "--reason", "disk swap")
    called = applied(*shown_by)
    assert "paused" in called.stdout + called.stderr
    assert "disk swap" in called.stdout + called.stderr


def test_next_needs_no_database(folder: Path) -> None:
    environ = {"JOBRUNNER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    called = call("next", "ops/report", folder=folder, environ=environ)
    assert (called.exit_code, called.stderr) == (0, "")


def test_the_queue_of_a_schedule_can_be_paused_too(applied: Jobrunner) -> None:
    called = applied("pause", "--queue", "fast")
    assert called.exit_code == 0
    assert "1 job held back" in called.stderr
    assert "queue fast is paused" in applied("next", "ops/own").stderr
