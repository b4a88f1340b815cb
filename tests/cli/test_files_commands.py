"""The commands that need no database: validate, schema, init, completion, run --local."""

import json
from pathlib import Path

import pytest
import yaml

from jobrunner.cli.main import COMMANDS
from jobrunner.cli.reference import commands_reference
from jobrunner.embedded.folders import lock_folder
from tests.cli.calling import call

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
GOOD = """\
version: 1
namespace: ops
jobs:
  report:
    task: app.tasks.report
    schedules:
      day: {cron: "30 5 * * *", timezone: Europe/Berlin}
      often: {every: 10s}
  by-hand:
    task: app.tasks.greet
    kwargs: {name: world}
"""
TASKS = """\
def report(): ...
def greet(name): ...
def slow(): ...
"""
BAD = GOOD.replace("every: 10s", "evry: 10s")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "ops.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "tasks.py").write_text(TASKS, encoding="utf-8")
    return tmp_path


def write_bad(folder: Path) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text(BAD, encoding="utf-8")


def test_valid_files_are_counted(folder: Path) -> None:
    called = call("validate", folder=folder)
    assert (called.exit_code, called.stderr) == (0, "")
    assert called.stdout == "● 1 file, 2 jobs, 2 schedules: all valid.\n"


def test_a_mistake_is_shown_with_its_place_its_line_and_a_caret(folder: Path) -> None:
    write_bad(folder)
    called = call("validate", folder=folder)
    assert called.exit_code == 1
    assert called.stdout.splitlines()[:4] == [
        "error[E201]: unknown key 'evry' in a schedule",
        " --> jobs.d/ops.yaml:8:15",
        "8 |       often: {evry: 10s}",
        "  |               ^^^^ did you mean 'every'?",
    ]


def test_mistakes_for_programs(folder: Path) -> None:
    write_bad(folder)
    told = json.loads(call("validate", "--format", "json", folder=folder).stdout)
    assert (told["format_version"], told["valid"]) == ("1.0", False)
    assert [(d["code"], d["line"], d["column"]) for d in told["diagnostics"]] == [("E201", 8, 15)]


def test_mistakes_for_a_workflow(folder: Path) -> None:
    write_bad(folder)
    called = call("validate", "--format", "github", folder=folder)
    assert called.exit_code == 1
    assert called.stdout == (
        "::error file=jobs.d/ops.yaml,line=8,col=15,endColumn=19,title=E201 an unknown key::"
        "unknown key 'evry' in a schedule%0Adid you mean 'every'?\n"
    )


def test_a_workflow_is_told_the_file_from_the_checkout_on(folder: Path) -> None:
    write_bad(folder)
    checkout = {"GITHUB_WORKSPACE": str(folder.parent)}
    called = call("validate", "--format", "github", folder=folder, environ=checkout)
    assert called.stdout.startswith(f"::error file={folder.name}/jobs.d/ops.yaml,line=8,")


def test_a_workflow_is_told_no_command_that_stands_in_a_file(folder: Path) -> None:
    text = 'jobs:\n  a:\n    task: app.tasks.slow\n    "x\\n::add-mask::50%\\r": 1\n'
    (folder / "jobs.d" / "ops,a:b.yaml").write_text(text, encoding="utf-8")
    (line,) = call("validate", "--format", "github", folder=folder).stdout.splitlines()
    assert line.startswith("::error file=jobs.d/ops%2Ca%3Ab.yaml,line=4,")
    assert r"::unknown key 'x\n::add-mask::50%25\r' in a job" in line


def test_a_misspelt_setting_is_told_of_once(folder: Path) -> None:
    told = call("validate", folder=folder, environ={"JOBRUNNER_CHECK_TASK": "off"}).stderr
    sentence = "JOBRUNNER_CHECK_TASK is no setting. Did you mean JOBRUNNER_CHECK_TASKS?"
    assert told.count(sentence) == 1


def test_the_last_line_names_how_to_read_on(folder: Path) -> None:
    write_bad(folder)
    told = call("validate", folder=folder).stdout
    assert told.splitlines()[-1] == "1 error in 1 file. What a code means: jobrunner explain E201"
    assert told.count("jobrunner explain") == 1


def test_a_project_without_any_job_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "jobrunner.yaml").write_text("project: acme\n", encoding="utf-8")
    called = call("validate", folder=tmp_path)
    assert (called.exit_code, called.stdout) == (0, "")
    assert f"warning: There is no job file and no job in {tmp_path}." in called.stderr
    assert call("validate", "--strict", folder=tmp_path).exit_code == 1


def test_some_files_of_a_project_are_no_reason_to_miss_the_others(folder: Path) -> None:
    (folder / "jobrunner.yaml").write_text(
        "include: [jobs.d/ops.yaml, more/*.yaml]\nmoved: [{from: a/b, to: other/job}]\n",
        encoding="utf-8",
    )
    (folder / "more").mkdir()
    (folder / "more" / "other.yaml").write_text(
        "namespace: other\njobs: {job: {task: app.tasks.slow}}\n", encoding="utf-8"
    )
    assert call("validate", folder=folder).exit_code == 0
    alone = call("validate", "--strict", "jobs.d/ops.yaml", folder=folder)
    assert (alone.exit_code, alone.stderr) == (0, "")


def test_strict_makes_a_warning_an_error(folder: Path) -> None:
    slow = "jobs:\n  slow:\n    task: app.tasks.slow\n    timeout: 1h\n    schedule: {every: 1m}\n"
    (folder / "jobs.d" / "ops.yaml").write_text(slow, encoding="utf-8")
    assert call("validate", folder=folder).exit_code == 0
    strict = call("validate", "--strict", folder=folder)
    assert strict.exit_code == 1
    assert "warning[W203]" in strict.stdout


def test_a_named_file_is_checked_wherever_it_is(folder: Path, tmp_path: Path) -> None:
    stray = tmp_path / "stray.yaml"
    stray.write_text(BAD, encoding="utf-8")
    called = call("validate", "stray.yaml", folder=folder)
    assert called.exit_code == 1
    assert "stray.yaml:8:15" in called.stdout


def test_a_named_folder_with_a_project_file_is_a_project(folder: Path) -> None:
    (folder / "jobrunner.yaml").write_text("version: 1\nproject: acme\n", encoding="utf-8")
    called = call("validate", str(folder), folder=folder.parent)
    assert called.stdout == "● 1 file, 2 jobs, 2 schedules: all valid.\n"


def test_a_named_file_that_is_not_there_is_said_so(folder: Path) -> None:
    called = call("validate", "nothing.yaml", folder=folder)
    assert called.exit_code == 1
    assert "There is no file or folder nothing.yaml." in called.stderr


def test_config_may_stand_before_and_after_the_command(folder: Path) -> None:
    other = folder / "other.yaml"
    other.write_text("jobs: {more: {task: app.tasks.slow}}\n", encoding="utf-8")
    before = call("--config", str(other), "validate", folder=folder)
    after = call("validate", "--config", str(other), folder=folder)
    by_environment = call("validate", folder=folder, environ={"JOBRUNNER_CONFIG": str(other)})
    assert before.stdout == after.stdout == by_environment.stdout
    assert before.stdout == "● 1 file, 3 jobs, 2 schedules: all valid.\n"


def test_the_schema_is_json_and_yaml() -> None:
    assert json.loads(call("schema").stdout) == yaml.safe_load(call("schema", "-o", "yaml").stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    called = call("completion", shell)
    assert called.exit_code == 0
    assert "_JOBRUNNER_COMPLETE" in called.stdout


def test_init_writes_a_project_that_is_valid_at_once(tmp_path: Path) -> None:
    assert call("init", "Acme Jobs", folder=tmp_path).exit_code == 0
    made = tmp_path / "Acme Jobs"
    called = call("validate", "--strict", folder=made)
    assert (called.exit_code, called.stdout) == (0, "● 1 file, 1 job, 1 schedule: all valid.\n")
    assert yaml.safe_load((made / "jobrunner.yaml").read_text())["project"] == "acme-jobs"
    assert json.loads((made / ".jobrunner/schema.json").read_text())["title"]


def test_init_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "jobrunner.yaml").write_text("mine", encoding="utf-8")
    called = call("init", folder=tmp_path)
    assert called.exit_code == 0
    assert "= jobrunner.yaml  exists, kept" in called.stdout
    assert (tmp_path / "jobrunner.yaml").read_text(encoding="utf-8") == "mine"


def test_the_commands_page_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == commands_reference()
    assert [name for name in COMMANDS if f"`jobrunner {name}" not in page] == []


def test_a_folder_without_any_file_is_a_warning_that_names_init(tmp_path: Path) -> None:
    called = call("validate", folder=tmp_path)
    assert (called.exit_code, called.stdout) == (0, "")
    assert f"no project file and no job file in {tmp_path}" in called.stderr
    assert "jobrunner init" in called.stderr


def test_a_folder_without_any_file_is_not_enough_for_strict(tmp_path: Path) -> None:
    assert call("validate", "--strict", folder=tmp_path).exit_code == 1
    called = call("validate", "--strict", "--format", "json", folder=tmp_path)
    assert (called.exit_code, '"valid": false' in called.stdout) == (1, True)


def test_the_endpoints_of_an_up_that_was_killed_are_said_to_be_old(folder: Path) -> None:
    run_directory = folder / ".jobrunner"
    run_directory.mkdir()
    (run_directory / "lock").write_text("1\n", encoding="ascii")
    (run_directory / "endpoints.json").write_text(
        '{"database_url": "postgresql://x@127.0.0.1:1/x", "broker_url": "redis://127.0.0.1:1/0"}',
        encoding="utf-8",
    )
    for command in (["status"], ["runs", "list"], ["plan"], ["health", "beat"]):
        called = call(*command, folder=folder)
        assert called.exit_code == 64
        assert f"No `jobrunner up` runs in {folder} any more." in called.stderr
    assert f"No `jobrunner up` runs in {folder} any more." in call("doctor", folder=folder).stdout


def test_the_endpoints_of_an_up_that_runs_are_used(folder: Path) -> None:
    run_directory = folder / ".jobrunner"
    run_directory.mkdir()
    (run_directory / "endpoints.json").write_text(
        '{"database_url": "postgresql://x@127.0.0.1:1/x", "broker_url": "redis://127.0.0.1:1/0"}',
        encoding="utf-8",
    )
    lock = lock_folder(run_directory)
    called = call("status", folder=folder)
    lock.release()
    assert "Cannot connect to PostgreSQL at 127.0.0.1:1" in called.stderr


def test_run_local_of_an_unknown_job_names_the_one_that_was_meant(folder: Path) -> None:
    called = call("run", "ops/reprot", "--local", folder=folder)
    assert called.exit_code == 1
    assert "Did you mean ops/report?" in called.stderr


def test_validate_takes_o_for_format(folder: Path) -> None:
    short = call("validate", "-o", "json", folder=folder)
    assert short.stdout == call("validate", "--format", "json", folder=folder).stdout
    assert short.stdout.startswith("{")


def test_doctor_names_a_project_file_that_is_not_there(folder: Path) -> None:
    called = call("doctor", "--config", "missing.yaml", folder=folder)
    assert called.exit_code == 1
    assert "✕ files      there is no project file missing.yaml" in called.stdout
