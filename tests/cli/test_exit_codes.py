"""One table: what each command exits with, and where."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobrunner.cli.main import COMMANDS
from jobrunner.db.projects import lock_project
from tests.cli.calling import call
from tests.cli.conftest import JOBS, Jobrunner
from tests.properties.rows import all_rows

OK, ERROR, CHANGES, STALE, GUARD, LOCK, USAGE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 64, 130

NEW = "nothing was ever applied"
APPLIED = "two jobs are in force, as the files say"
EDITED = "one of them is edited since, and a plan of that is saved"
EMPTIED = "the files hold no job any more"
REQUIRED = "a plan is required, and there is a change"
BROKEN = "a mistake in the files"
STALE_PLAN = "the saved plan was overtaken"
DRIFTED = "a hand has changed the database"
LOCKED = "another apply is under way"

CODES: list[tuple[str, str, int]] = [
    (NEW, "validate", OK), (NEW, "fmt", OK), (NEW, "fmt --check", ERROR), (NEW, "render", OK),
    (NEW, "plan", OK),
    (NEW, "plan --detailed-exitcode", CHANGES), (NEW, "plan --offline --detailed-exitcode", CHANGES),
    (NEW, "apply", USAGE), (NEW, "apply --yes", OK), (NEW, "show plan.jrplan", ERROR),
    (NEW, "apply --yes plan.jrplan", ERROR), (NEW, "apply --yes --expect 000000000000", STALE),
    (NEW, "apply --yes --lock-timeout soon", USAGE), (NEW, "list", OK), (NEW, "queues", OK),
    (NEW, "get ops/greet", ERROR), (NEW, "history", ERROR), (NEW, "drift", ERROR),
    (NEW, "rollback 1 --yes", ERROR), (NEW, "run ops/greet", ERROR), (NEW, "fsck", OK),
    (NEW, "simulate", OK), (NEW, "schema", OK), (NEW, "explain timeout", OK), (NEW, "explain", OK),
    (NEW, "explain timeuot", ERROR), (NEW, "completion bash", OK), (NEW, "completion basic", USAGE),
    (NEW, "next --cron '0 6 * * *'", OK), (NEW, "next --cron nonsense", ERROR),
    (NEW, "db current", OK), (NEW, "db check", OK), (NEW, "health db", OK), (NEW, "health beat", ERROR),
    (NEW, "init", OK), (NEW, "init --from-celery nothing.here", ERROR),
    (NEW, "import crontab nothing", ERROR), (NEW, "import celery nothing.here", ERROR),
    (NEW, "import crontab jobs.d/ops.yaml --timezone Nowhere", USAGE), (NEW, "import redbeat", USAGE),
    (NEW, "doctor", OK), (NEW, "status", ERROR), (NEW, "validate nothing", ERROR),
    (NEW, "validate --format xml", USAGE), (NEW, "fmt nothing", ERROR), (NEW, "render ops/great", ERROR),
    (NEW, "plan --against nothing", ERROR), (NEW, "plan --horizon soon", USAGE),
    (NEW, "plan --target ops", USAGE), (NEW, "-e nowhere plan", OK), (NEW, "--config nothing plan", ERROR),
    (NEW, "backfill ops/report --from 2026-01-01 --to 2026-01-02", ERROR),
    (NEW, "backfill ops/report", USAGE), (NEW, "run ops/greet --local", ERROR),
    (NEW, "run ops/great --local", ERROR), (NEW, "run ops/greet --kwargs nothing", USAGE),
    (NEW, "runs show 0", ERROR), (NEW, "runs cancel 0", ERROR), (NEW, "runs retry 0", ERROR),
    (NEW, "runs logs 0", ERROR), (NEW, "runs list --state nothing", USAGE), (NEW, "pause", USAGE),
    (NEW, "resume", USAGE), (NEW, "get", USAGE), (NEW, "next", USAGE), (NEW, "simulate --from soon", USAGE),
    (NEW, "health worker", ERROR), (NEW, "health nobody", USAGE), (NEW, "wait", OK),
    (NEW, "wait --for nothing", USAGE), (NEW, "health web", ERROR), (NEW, "db upgrade", OK),
    (NEW, "history 0", ERROR), (NEW, "show nothing", ERROR), (NEW, "explain --origin", USAGE),
    (NEW, "list -o xml", USAGE), (NEW, "queues -o xml", USAGE), (NEW, "workers -o xml", USAGE),
    (NEW, "nothing", USAGE), (NEW, "", USAGE), (NEW, "token create ada --role admin", OK),
    (NEW, "token create ada", USAGE), (NEW, "token list", OK), (NEW, "token revoke nothing", ERROR),
    (NEW, "web --open --host 0.0.0.0", USAGE), (NEW, "web --host 0.0.0.0", USAGE),
    (APPLIED, "status", ERROR), (APPLIED, "backfill ops/report --from 2026-01-01 --to 2026-01-03 --yes", OK),
    (APPLIED, "backfill ops/report --from 2026-01-01 --to 2026-01-03 --dry-run", OK),
    (APPLIED, "backfill ops/reprot --from 2026-01-01 --to 2026-01-03 --yes", ERROR),
    (APPLIED, "plan --detailed-exitcode", OK), (APPLIED, "apply", OK), (APPLIED, "apply --yes", OK),
    (APPLIED, "apply --yes --expect 000000000000", STALE), (APPLIED, "list", OK),
    (APPLIED, "get ops/greet", OK), (APPLIED, "get ops/great", ERROR), (APPLIED, "history", OK),
    (APPLIED, "history 1", OK), (APPLIED, "history 2", ERROR), (APPLIED, "history ops/greet", OK),
    (APPLIED, "drift --detailed-exitcode", OK), (APPLIED, "rollback 1 --yes", OK),
    (APPLIED, "rollback 2 --yes", ERROR), (APPLIED, "rollback 0 --yes", USAGE),
    (APPLIED, "rollback 1 --yes --expect 000000000000", STALE), (APPLIED, "run ops/greet", OK),
    (APPLIED, "run ops/great", ERROR), (APPLIED, "pause ops/greet", OK),
    (APPLIED, "pause ops/great", ERROR), (APPLIED, "resume ops/greet", ERROR),
    (APPLIED, "runs list", OK), (APPLIED, "runs show 0", ERROR), (APPLIED, "next ops/report", OK),
    (APPLIED, "next ops/reprot", ERROR), (APPLIED, "workers", OK), (APPLIED, "fsck", OK),
    (EDITED, "plan", OK), (EDITED, "plan --detailed-exitcode", CHANGES),
    (EDITED, "plan --target ops/great", ERROR), (EDITED, "apply", USAGE),
    (EDITED, "show plan.jrplan", OK), (EDITED, "apply --yes plan.jrplan", OK),
    (EDITED, "apply --yes", OK), (EDITED, "apply --yes --target ops", USAGE),
    (EMPTIED, "validate", OK), (EMPTIED, "plan --detailed-exitcode", CHANGES),
    (EMPTIED, "apply --yes", GUARD), (EMPTIED, "apply", GUARD),
    (EMPTIED, "apply --yes --allow-deletes 1", GUARD), (EMPTIED, "apply --yes --allow-deletes 2", OK),
    (REQUIRED, "plan", OK), (REQUIRED, "apply --yes", GUARD), (REQUIRED, "apply", GUARD),
    (BROKEN, "validate", ERROR), (BROKEN, "plan", ERROR), (BROKEN, "apply --yes", ERROR),
    (BROKEN, "render", ERROR), (BROKEN, "simulate", ERROR), (BROKEN, "next ops/report", ERROR),
    (BROKEN, "history", OK), (BROKEN, "drift", OK), (BROKEN, "rollback 1", OK), (BROKEN, "list", OK),
    (STALE_PLAN, "show plan.jrplan", STALE), (STALE_PLAN, "apply --yes plan.jrplan", STALE),
    (DRIFTED, "drift", OK), (DRIFTED, "drift --detailed-exitcode", CHANGES),
    (DRIFTED, "plan --detailed-exitcode", CHANGES), (DRIFTED, "rollback 1", USAGE),
    (DRIFTED, "rollback 1 --yes", OK), (DRIFTED, "apply --yes", OK),
    (LOCKED, "apply --yes --lock-timeout 50ms", LOCK), (LOCKED, "plan", OK),
    (LOCKED, "rollback 1 --yes --lock-timeout 50ms", LOCK), (LOCKED, "history", OK),
]  # fmt: skip


@pytest.mark.parametrize(("situation", "command", "code"), CODES)
def test_the_exit_code(
    situation: str, command: str, code: int, jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    with SITUATIONS[situation](jobrunner, folder, engine):
        called = jobrunner(*shlex.split(command))
    assert called.exit_code == code, called.stderr


@pytest.mark.parametrize(
    ("situation", "command"),
    [
        (EDITED, "apply"),
        (EDITED, "apply plan.jrplan"),
        (DRIFTED, "rollback 1"),
        (APPLIED, "backfill ops/report --from 2026-01-01 --to 2026-01-03"),
    ],
)
def test_a_question_that_is_left_by_ctrl_c_or_ctrl_d_exits_130_and_changes_nothing(
    situation: str, command: str, jobrunner: Jobrunner, folder: Path, engine: Engine
) -> None:
    with SITUATIONS[situation](jobrunner, folder, engine):
        before = all_rows(engine)
        called = jobrunner(*shlex.split(command), terminal=True)
    assert called.exit_code == INTERRUPTED, called.stderr
    assert all_rows(engine) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_there_is_not_exits_64(command: str) -> None:
    assert call(command, "--no-such-option").exit_code == USAGE


@pytest.mark.parametrize("command", COMMANDS)
def test_help_exits_0(command: str) -> None:
    assert call(command, "--help").exit_code == OK


Situation = Callable[[Jobrunner, Path, Engine], AbstractContextManager[None]]


def _new(_: Jobrunner, __: Path, ___: Engine) -> AbstractContextManager[None]:
    return nullcontext()


def _applied(jobrunner: Jobrunner, _: Path, __: Engine) -> AbstractContextManager[None]:
    jobrunner("apply", "--yes")
    return nullcontext()


def _edited(jobrunner: Jobrunner, folder: Path, _: Engine) -> AbstractContextManager[None]:
    jobrunner("apply", "--yes")
    _write(folder, JOBS.replace("region: eu", "region: us"))
    jobrunner("plan", "--out", "plan.jrplan")
    return nullcontext()


def _emptied(jobrunner: Jobrunner, folder: Path, _: Engine) -> AbstractContextManager[None]:
    jobrunner("apply", "--yes")
    _write(folder, "")
    return nullcontext()


def _required(jobrunner: Jobrunner, folder: Path, _: Engine) -> AbstractContextManager[None]:
    jobrunner("apply", "--yes")
    _write(folder, JOBS.replace("region: eu", "region: us"))
    project = "project: default\nguards: {require_plan: true}\n"
    (folder / "jobrunner.yaml").write_text(project, encoding="utf-8")
    return nullcontext()


def _broken(jobrunner: Jobrunner, folder: Path, _: Engine) -> AbstractContextManager[None]:
    jobrunner("apply", "--yes")
    _write(folder, JOBS.replace("owner: data", "ower: data"))
    return nullcontext()


def _stale_plan(jobrunner: Jobrunner, folder: Path, engine: Engine) -> AbstractContextManager[None]:
    _edited(jobrunner, folder, engine)
    _write(folder, JOBS.replace("region: eu", "region: ap"))
    jobrunner("apply", "--yes")
    return nullcontext()


def _drifted(jobrunner: Jobrunner, _: Path, engine: Engine) -> AbstractContextManager[None]:
    jobrunner("apply", "--yes")
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobrunner.jobs SET queue = 'slow'"))
    return nullcontext()


@contextmanager
def _locked(jobrunner: Jobrunner, _: Path, engine: Engine) -> Iterator[None]:
    jobrunner("apply", "--yes")
    with engine.begin() as connection:
        lock_project(connection, "default")
        yield


def _write(folder: Path, jobs: str) -> None:
    (folder / "jobs.d" / "ops.yaml").write_text(jobs, encoding="utf-8")


SITUATIONS: dict[str, Situation] = {
    NEW: _new, APPLIED: _applied, EDITED: _edited, EMPTIED: _emptied, REQUIRED: _required,
    BROKEN: _broken, STALE_PLAN: _stale_plan, DRIFTED: _drifted, LOCKED: _locked,
}  # fmt: skip
