"""Which calls are checked, where their mistakes stand, and what nobody may see of them."""

from pathlib import Path

import pytest

from jobrunner.errors import ConfigurationError
from jobrunner.misfits import Problem
from jobrunner.reconcile import read_desired
from jobrunner.source.tasks import Described, TaskSources
from jobrunner.spec.project import Given, TaskCheck
from jobrunner.spec.report import MOST_IN_ONE_FILE
from tests.check_tasks.conftest import Check, Write
from tests.cli.calling import call

TASKS = "def charge(batch_size: int, key: str = '', *, dry_run: bool = False): ...\n"


@pytest.fixture(autouse=True)
def billing(write: Write) -> None:
    write("billing.py", TASKS)


def places(check: Check, jobs: str) -> list[tuple[str, int, int, int]]:
    return [
        (one.location.file, one.location.line, one.location.column, one.width)
        for one in check(jobs)
    ]


def test_a_mistake_stands_at_the_exact_scalar_and_shows_the_signature(check: Check) -> None:
    (found,) = check("  a:\n    task: billing.charge\n    kwargs:\n      batchsize: 1\n")
    assert (found.code, found.severity, found.source_line) == (
        "E304", "error", "      batchsize: 1",
    )  # fmt: skip
    assert (found.location.line, found.location.column, found.width) == (5, 7, 9)
    assert found.notes == (
        "task: charge(batch_size: int, key: str = '', *, dry_run: bool = False) at billing.py:1",
    )


def test_blank_lines_above_a_mistake_move_its_line_and_nothing_else(check: Check) -> None:
    jobs = "  a: {task: billing.charge, kwargs: {batchsize: 1}}\n"
    (before,) = places(check, jobs)
    assert places(check, "\n\n\n" + jobs) == [(before[0], before[1] + 3, *before[2:])]


def test_a_mistake_in_inherited_arguments_stands_where_they_are_written_and_once(
    check: Check, write: Write
) -> None:
    write("jobrunner.yaml", "defaults: {kwargs: {bathc: 1}}\n")
    jobs = "  a: {task: billing.charge}\n  b: {task: billing.charge}\n"
    assert places(check, jobs) == [("jobrunner.yaml", 1, 21, 5)]


def test_the_arguments_of_a_schedule_are_checked_as_they_are_merged(check: Check) -> None:
    jobs = (
        "  a:\n    task: billing.charge\n    kwargs: {batch_size: 1}\n    schedules:\n"
        "      good: {every: 1h, kwargs: {dry_run: true}}\n"
        "      without: {every: 1h, kwargs: {batch_size: null}}\n"
        "      wrong: {every: 1h, kwargs: {batch_size: [1]}}\n"
    )
    found = check(jobs)
    assert [(one.location.line, one.help, one.notes[0]) for one in found] == [
        (7, "charge() needs 'batch_size'", "schedule: without"),
        (8, "batch_size takes int: input should be a valid integer", "schedule: wrong"),
    ]  # fmt: skip


def test_a_job_that_is_started_by_hand_may_leave_arguments_open(check: Check) -> None:
    assert check("  a: {task: billing.charge}\n") == []
    assert [one.code for one in check("  a: {task: billing.charge, schedule: '@daily'}\n")] == [
        "E304"
    ]


def test_a_job_whose_schedules_all_give_the_arguments_is_complete(check: Check) -> None:
    assert check(
        "  a:\n    task: billing.charge\n    schedule: {every: 1h, kwargs: {batch_size: 1}}\n"
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    "mistake",
    [
        "schedule: '61 * * * *'",
        "schedule: {every: 1h, timezone: Berlin}",
        "schedules: 5",
        "alerts: [{when: [failure], to: [nobody]}]",
        "args: 5",
        "queue: '${NOPE}'",
    ],
)
def test_what_a_call_does_not_take_is_told_beside_a_mistake_in(check: Check, mistake: str) -> None:
    found = check(f"  a:\n    task: billing.charge\n    kwargs: {{bathc: 1}}\n    {mistake}\n")
    assert ("E304", 4, 14) in [(one.code, one.location.line, one.location.column) for one in found]


def test_a_missing_argument_is_told_beside_a_wrong_schedule(check: Check) -> None:
    found = check("  a: {task: billing.charge, schedule: '61 * * * *'}\n")
    assert [one.code for one in found] == ["E304", "E208"]


def test_of_an_argument_without_its_value_only_the_callable_is_looked_for(check: Check) -> None:
    found = check("  a: {task: billing.chrage, kwargs: {bathc: '${NOPE}'}}\n")
    assert [one.code for one in found] == ["E303", "E231"]


@pytest.mark.parametrize("mode", ["static", "import"])
def test_an_on_end_that_needs_more_than_the_run_is_an_error(
    check: Check, write: Write, mode: TaskCheck
) -> None:
    write("tidy.py", "def release(run, bucket): ...\ndef named(*, bucket): ...\n")
    jobs = (
        "  a: {task: billing.charge, on_end: tidy.release}\n"
        "  b: {task: billing.charge, on_end: tidy.named}\n"
    )
    assert [(one.code, one.location.line, one.help, one.notes) for one in check(jobs, mode)] == [
        ("E304", 2, "release() needs 'bucket'", ("on_end: release(run, bucket) at tidy.py:1",)),
        ("E304", 3, "named() needs 'bucket'", ("on_end: named(*, bucket) at tidy.py:2",)),
    ]


@pytest.mark.parametrize("parameters", ["", "run", "run, bucket='a'", "*runs", "**options"])
def test_an_on_end_may_take_the_run_or_nothing(check: Check, write: Write, parameters: str) -> None:
    write("tidy.py", f"def release({parameters}): ...\n")
    assert check("  a: {task: billing.charge, on_end: tidy.release}\n") == []


def test_the_on_end_of_a_command_is_checked_too(check: Check, write: Write) -> None:
    write("jobrunner.yaml", "allow: {commands: true}\n")
    assert [one.code for one in check("  a: {command: [make], on_end: billing.gone}\n")] == ["E303"]


def test_a_job_with_another_mistake_is_checked_too(check: Check) -> None:
    jobs = "  a: {task: billing.charge, kwargs: {batchsize: 1}, timeout: long}\n"
    assert [one.code for one in check(jobs)] == ["E304", "E207"]


def test_a_secret_is_judged_by_its_name_only(check: Check) -> None:
    jobs = (
        "  a:\n    task: billing.charge\n"
        "    kwargs: {batch_size: {secret: 'env:SIZE'}, keys: {secret: 'env:KEY'}}\n"
    )
    assert [one.help for one in check(jobs)] == [
        "charge() has no parameter 'keys'; did you mean 'key'?"
    ]


@pytest.mark.parametrize("slip", ["{secret: SIZE}", "{secret: 'evn:SIZE'}", "[{secret: 1}]"])
def test_a_slip_in_a_reference_to_a_secret_is_told_once_and_is_no_wrong_argument(
    check: Check, slip: str
) -> None:
    jobs = f"  a: {{task: billing.charge, kwargs: {{batch_size: {slip}}}}}\n"
    assert [one.code for one in check(jobs)] == ["E219"]


def test_no_value_of_a_sensitive_argument_is_shown(check: Check) -> None:
    jobs = (
        "  a:\n    task: billing.charge\n    sensitive: [kye, batch_size]\n"
        "    kwargs: {batch_size: canary, kye: canary, wrong: 1}\n"
    )
    found = check(jobs)
    assert [one.help for one in found] == [
        "charge() has no parameter 'kye'; did you mean 'key'?",
        "charge() has no parameter 'wrong'",
    ]
    assert "canary" not in str(found)


def test_a_module_that_is_missing_is_told_of_once(check: Check) -> None:
    jobs = "  a: {task: acme_rates.load}\n  b: {task: acme_rates.save}\n"
    assert [(one.code, one.location.line) for one in check(jobs)] == [("W301", 2)]


def test_modules_of_a_file_are_not_looked_for_when_nothing_more_of_it_is_told(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for: list[str] = []
    look_up = TaskSources.look_up

    def noted(sources: TaskSources, task: str) -> Described | Problem | None:
        looked_for.append(task)
        return look_up(sources, task)

    monkeypatch.setattr(TaskSources, "look_up", noted)
    found = check("".join(f"  a{number}: {{task: m{number}.f}}\n" for number in range(3000)))
    assert [one.code for one in found] == ["W301"] * MOST_IN_ONE_FILE + ["E130"]
    assert len(looked_for) == MOST_IN_ONE_FILE + 1


def test_a_call_that_cannot_be_made_is_never_put_in_force(tmp_path: Path, check: Check) -> None:
    check("  a: {task: billing.charge, kwargs: {batchsize: 1}}\n")
    with pytest.raises(ConfigurationError, match="1 mistake"):
        read_desired(config=None, working_directory=tmp_path)


def test_files_are_applied_where_the_code_is_not(tmp_path: Path, check: Check) -> None:
    check("  a: {task: acme_rates.load}\n")
    assert read_desired(config=None, working_directory=tmp_path).diagnostics == ()


def test_a_machine_with_other_code_can_leave_the_check_out(tmp_path: Path, check: Check) -> None:
    check("  a: {task: billing.charge, kwargs: {batchsize: 1}}\n")
    off = Given(check_tasks="off")
    assert len(read_desired(config=None, working_directory=tmp_path, given=off).jobs) == 1


def test_mended_code_is_seen_without_a_change_of_the_files(check: Check, write: Write) -> None:
    jobs = "  a: {task: billing.charge, kwargs: {region: eu}}\n"
    assert len(check(jobs)) == 1
    write("billing.py", "def charge(batch_size: int, region: str): ...\n")
    assert check(jobs) == []


def test_validate_checks_as_it_is_told(tmp_path: Path, check: Check, write: Write) -> None:
    write("billing.py", f"import functools\n\n\n@functools.wraps(print)\n{TASKS}\n1 / 0\n")
    check("  a: {task: billing.charge, kwargs: {batchsize: 1}}\n")
    assert call("validate", "--check-tasks", "off", folder=tmp_path).exit_code == 0
    assert call("validate", folder=tmp_path).exit_code == 0
    imported = call("validate", "--check-tasks", "import", folder=tmp_path)
    assert imported.exit_code == 1
    assert "ZeroDivisionError: division by zero" in imported.stdout


def test_an_argument_that_waits_for_its_variable_is_not_missing(write: Write, check: Check) -> None:
    write("acme.py", "def build(bucket): ...\n")
    found = check('  nightly: {task: acme.build, kwargs: {bucket: "${BUCKET}"}}\n')
    assert [diagnostic.code for diagnostic in found] == ["E231"]
