"""The live stream: each event once, in one line."""

import uuid
from dataclasses import replace
from datetime import timedelta

from jobrunner.cli.stream import FilesStream, RunStream
from jobrunner.cli.style import unstyle, width
from jobrunner.db.runs import Run, StreamedRun
from jobrunner.errors import ConfigurationError, GuardRefused
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.notifier_diff import with_notifiers
from jobrunner.reconcile import Applied
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import DefinedJob, JobSpec, Location
from jobrunner.spec.project import DefinedNotifier
from jobrunner.watch import ConfigState, Outcome
from tests.seeding import NOON

QUEUED = Run(
    id=uuid.UUID(int=1),
    address="ops/disk-report",
    schedule="default",
    trigger="schedule",
    scheduled_for=NOON,
    state="queued",
    held=False,
    attempt=0,
    queue="default",
    priority=None,
    available_at=NOON,
    sent_at=NOON,
    started_at=None,
    finished_at=None,
    worker=None,
    error=None,
    missed_count=None,
    cancel_requested_at=None,
    created_by=None,
    request_key=None,
    created_at=NOON,
)
RUNNING = replace(QUEUED, state="running", attempt=1, started_at=NOON)
SUCCEEDED = replace(RUNNING, state="succeeded", finished_at=NOON + timedelta(milliseconds=42))
FAILED = replace(SUCCEEDED, state="failed", error="ValueError: out of paper")


def told(stream: RunStream, *runs: Run, seconds: float = 1.0) -> list[str]:
    """What one look tells, without times of day and colours."""
    now = NOON + timedelta(seconds=seconds)
    seen = [StreamedRun(run, None, now) for run in runs]
    return [" ".join(unstyle(line).split()[1:]) for line in stream.lines(seen)]


def test_an_end_is_one_line_with_how_long_it_took() -> None:
    stream = RunStream(since=NOON)
    assert told(stream, SUCCEEDED) == ["● ops/disk-report 42 ms"]


def test_an_end_is_told_once_however_often_it_is_seen() -> None:
    stream = RunStream(since=NOON)
    told(stream, SUCCEEDED)
    assert told(stream, SUCCEEDED) == []


def test_what_ended_before_the_stream_began_is_no_news() -> None:
    assert told(RunStream(since=NOON + timedelta(seconds=5)), SUCCEEDED) == []


def test_a_line_shows_when_it_runs_next() -> None:
    at = NOON + timedelta(seconds=10)
    (line,) = RunStream(since=NOON).lines([StreamedRun(SUCCEEDED, at, NOON)])
    assert unstyle(line).endswith(f"next {at.astimezone():%H:%M:%S}")


def test_a_line_of_a_backfill_shows_the_time_it_was_for() -> None:
    run = replace(SUCCEEDED, trigger="backfill", scheduled_for=NOON - timedelta(days=7))
    (line,) = RunStream(since=NOON).lines([StreamedRun(run, NOON, NOON)])
    assert unstyle(line).endswith(f"backfill of {run.scheduled_for.astimezone():%a %d %b %H:%M}")


def test_a_short_run_is_not_announced_and_a_long_one_is_once() -> None:
    stream = RunStream(since=NOON)
    assert told(stream, RUNNING, seconds=1) == []
    assert told(stream, RUNNING, seconds=3) == ["◐ ops/disk-report running for 3 s"]
    assert told(stream, RUNNING, seconds=4) == []


def test_runs_that_are_going_on_are_watched_until_their_end() -> None:
    stream = RunStream(since=NOON)
    told(stream, QUEUED)
    assert stream.watched == [QUEUED.id]
    told(stream, SUCCEEDED)
    assert stream.watched == []


def test_a_failed_attempt_is_told_once_with_its_error_and_its_wait() -> None:
    stream = RunStream(since=NOON)
    waiting = replace(
        QUEUED,
        attempt=1,
        error="ValueError: out of paper",
        available_at=NOON + timedelta(seconds=4),
    )
    line = "✕ ops/disk-report attempt 1 failed: ValueError: out of paper again in 3 s"
    assert told(stream, waiting) == [line]
    assert told(stream, waiting) == []
    again = replace(waiting, attempt=2)
    assert told(stream, again) == [line.replace("attempt 1", "attempt 2")]


def test_the_wait_of_a_retry_is_that_of_the_moment_of_the_failure() -> None:
    failed_at = NOON + timedelta(seconds=2)
    waiting = replace(
        QUEUED, attempt=1, error="ValueError", available_at=failed_at + timedelta(seconds=1)
    )
    seen = StreamedRun(waiting, None, failed_at + timedelta(seconds=0.8), failed_at)
    (line,) = RunStream(since=NOON).lines([seen])
    assert unstyle(line).startswith(f"{failed_at.astimezone():%H:%M:%S}")
    assert line.endswith("again in 1 s")


def test_a_run_that_was_going_on_before_is_told_once_with_how_long() -> None:
    stream = RunStream(since=NOON + timedelta(seconds=60))
    assert told(stream, RUNNING, seconds=60) == ["◐ ops/disk-report running for 60 s"]
    assert told(stream, RUNNING, seconds=61) == []


def test_the_lines_of_a_look_are_in_the_order_of_what_they_tell() -> None:
    later = NOON + timedelta(seconds=9)
    first = replace(SUCCEEDED, id=uuid.UUID(int=2), address="ops/first")
    seen = [StreamedRun(RUNNING, None, later), StreamedRun(first, None, later)]
    lines = [unstyle(line) for line in RunStream(since=NOON).lines(seen)]
    assert [line.split()[2] for line in lines] == ["ops/first", "ops/disk-report"]
    assert lines == sorted(lines)


def test_late_times_that_one_job_passed_over_are_one_line_with_their_number() -> None:
    skipped = [
        replace(
            QUEUED,
            id=uuid.UUID(int=number),
            state="skipped",
            finished_at=NOON,
            error="overlap: skip",
        )
        for number in range(12)
    ]
    other = replace(skipped[0], id=uuid.UUID(int=99), address="ops/other")
    assert told(RunStream(since=NOON), *skipped, other) == [
        "– ops/disk-report skipped 12 times: overlap: skip",  # noqa: RUF001
        "– ops/other skipped: overlap: skip",  # noqa: RUF001
    ]


def test_a_failure_shows_its_error() -> None:
    line = "✕ ops/disk-report failed after 42 ms: ValueError: out of paper"
    assert told(RunStream(since=NOON), FAILED) == [line]


def test_a_missed_row_shows_how_many_it_stands_for() -> None:
    missed = replace(
        QUEUED, state="missed", finished_at=NOON, missed_count=3, error="catch_up: latest"
    )
    assert told(RunStream(since=NOON), missed) == [
        "– ops/disk-report missed 3 times: catch_up: latest"  # noqa: RUF001
    ]


def test_what_a_run_writes_into_its_error_cannot_steer_the_terminal() -> None:
    hostile = replace(FAILED, error="\x1b[2Jgone\nsecond line")
    (line,) = told(RunStream(since=NOON), hostile)
    assert line.endswith("\\x1b[2Jgone second line")


def test_a_flood_is_cut_and_counted() -> None:
    runs = [replace(SUCCEEDED, id=uuid.UUID(int=number)) for number in range(100)]
    lines = told(RunStream(since=NOON), *runs)
    assert len(lines) == 41
    assert lines[-1] == "and 60 more runs"


def told_of_files(*, jobs: int) -> list[str]:
    empty = make_plan(CurrentProject("p", "", 3, (), ()), [], now=NOON)
    applied = Applied(None, replace(empty, jobs_after=jobs))
    lines = FilesStream().lines(Outcome(ConfigState.IN_FORCE, applied), NOON)
    return [" ".join(unstyle(line).split()[1:]) for line in lines]


WARNING = Diagnostic(
    code="W201",
    severity="warning",
    message="ops/report#default: 02:30 does not exist",
    location=Location(file="jobs.d/ops.yaml", line=4, column=5),
    source_line="    schedule: {cron: '30 2 * * *'}",
    width=8,
    help="use 01:30",
)


def test_the_warnings_of_what_is_applied_are_shown_as_the_plan_shows_them() -> None:
    empty = make_plan(CurrentProject("p", "", 3, (), ()), [], now=NOON)
    plan = replace(empty, jobs_after=1, diagnostics=(WARNING,))
    lines = FilesStream().lines(Outcome(ConfigState.IN_FORCE, Applied(None, plan)), NOON)
    assert [unstyle(line) for line in lines[1:]] == [
        "  warning[W201]: ops/report#default: 02:30 does not exist",
        "   --> jobs.d/ops.yaml:4:5",
        "  4 |     schedule: {cron: '30 2 * * *'}",
        "    |     ^^^^^^^^ use 01:30",
        "",
    ]


def test_a_warning_that_was_told_is_not_told_at_each_save() -> None:
    empty = make_plan(CurrentProject("p", "", 3, (), ()), [], now=NOON)
    one = replace(empty, jobs_after=1, diagnostics=(WARNING,))
    moved = replace(WARNING, location=Location(file="jobs.d/ops.yaml", line=9, column=5))
    two = replace(one, diagnostics=(moved, replace(WARNING, message="ops/late: never")))
    stream = FilesStream()
    first, second, third, fourth = (
        [
            unstyle(line)
            for line in stream.lines(Outcome(ConfigState.IN_FORCE, Applied(None, plan)), NOON)
        ]
        for plan in (one, two, empty, one)
    )
    assert [line for line in second if "warning" in line] == ["  warning[W201]: ops/late: never"]
    assert not any("warning" in line for line in third)
    assert fourth == first


def test_where_its_worker_takes_new_queues_only_a_slip_in_the_name_of_one_is_told() -> None:
    empty = make_plan(CurrentProject("p", "", 3, (), ()), [], now=NOON)
    new = replace(WARNING, code="W208", message="ops/new: no worker", help="start one: …")
    slip = replace(WARNING, code="W208", message="ops/slip: no worker", help="did you mean 'mail'?")
    plan = replace(empty, jobs_after=2, diagnostics=(new, slip))
    stream = FilesStream(takes_new_queues=True)
    lines = stream.lines(Outcome(ConfigState.IN_FORCE, Applied(None, plan)), NOON)
    assert [unstyle(line) for line in lines if "warning" in line] == [
        "  warning[W208]: ops/slip: no worker"
    ]


def test_many_warnings_are_cut_and_counted() -> None:
    empty = make_plan(CurrentProject("p", "", 3, (), ()), [], now=NOON)
    plan = replace(empty, jobs_after=1, diagnostics=(WARNING,) * 15)
    lines = FilesStream().lines(Outcome(ConfigState.IN_FORCE, Applied(None, plan)), NOON)
    assert unstyle(lines[-1]) == "  … and 5 more warnings; `jobrunner validate` shows all"


def test_that_the_last_good_state_stays_fits_80_columns() -> None:
    error = ConfigurationError("2 mistakes")
    (line, *_) = FilesStream().lines(Outcome(ConfigState.INVALID, error=error), NOON)
    assert unstyle(line).endswith("invalid; the last good state stays in force")
    assert width(line) <= 80


def test_files_in_force_are_one_line() -> None:
    assert told_of_files(jobs=2) == ["● files in force: 2 jobs, revision 3"]


def test_no_job_at_all_says_what_to_do() -> None:
    assert told_of_files(jobs=0) == ["○ files no job yet; `jobrunner init` writes a first one"]


def test_a_refusal_says_that_it_waits_for_a_person_and_what_to_type() -> None:
    error = GuardRefused("Too many deletions.", hint="apply with --allow-deletes 7.")
    lines = [
        unstyle(line)
        for line in FilesStream().lines(Outcome(ConfigState.REFUSED, error=error), NOON)
    ]
    assert "this waits for a person" in lines[0]
    assert lines[1:] == [
        "  error: Too many deletions. Nothing was changed.",
        "  → apply with --allow-deletes 7.",
    ]


def test_notifiers_are_told_of_with_what_is_applied() -> None:
    wanted = {"oncall": DefinedNotifier({"secret": "env:HOOK"}, Location("jobrunner.yaml", 3))}
    empty = make_plan(CurrentProject("p", "", 3, (), ()), [], now=NOON)
    applied = Applied(4, with_notifiers(empty, {}, wanted))
    lines = FilesStream().lines(Outcome(ConfigState.IN_FORCE, applied), NOON)
    assert [unstyle(line) for line in lines[1:]] == [
        "  + notifier oncall  (secret env:HOOK)  jobrunner.yaml:3",
        "  Plan: 0 to add, 0 to change, 0 to delete, 1 notifier change, 0 unchanged.",
    ]


def test_revisions_that_undo_each_other_are_told_of() -> None:
    job = DefinedJob(
        spec=JobSpec(namespace="ops", name="a", task="app.a"),
        location=Location(file="jobs.d/ops.yaml", line=4),
    )
    plan = make_plan(CurrentProject("p", "", 3, (), ()), [job], now=NOON)
    outcome = Outcome(ConfigState.IN_FORCE, Applied(9, plan, is_flapping=True))
    lines = [unstyle(line) for line in FilesStream().lines(outcome, NOON)]
    assert lines[-2:] == [
        "  warning: Revisions 6 to 9 make the same changes and undo them, in turn.",
        "  → If that was no person, two watchers have different files: `jobrunner history` names them.",
    ]
