"""Jobs that are a command: what they see, what they say, and how they end."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func

from tests.ledger import Ledger
from tests.waiting import wait_until
from tests.worker.conftest import Send, has_line, is_gone


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"JOBRUNNER_ALLOW_COMMANDS": "true", "TZ": "Europe/Vienna"}


SHOW = "import json, os, sys; print(json.dumps([os.getcwd(), dict(os.environ), sys.stdin.read()]))"


def test_a_command_sees_a_built_environment_and_the_projects_folder(
    send: Send, ledger: Ledger
) -> None:
    run_id = send(None, command=["python", "-c", SHOW])
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    folder, environment, stdin = json.loads(ledger.output(run_id))
    assert (Path(folder).name, stdin) == ("project", "")
    assert environment.pop("JOBRUNNER_JOB").startswith("test/")
    assert environment.pop("JOBRUNNER_RUN_ID") == str(run_id)
    assert environment.pop("JOBRUNNER_ATTEMPT") == "1"
    assert environment.pop("JOBRUNNER_SCHEDULED_FOR") == "2026-11-21T12:00:00+00:00"
    assert environment.pop("TRACEPARENT")[3:35] == run_id.hex
    environment.pop("LC_CTYPE", None)  # set by Python itself
    assert set(environment) == {"PATH", "LANG", "HOME", "TZ"}


def test_words_are_passed_on_as_they_are(send: Send, ledger: Ledger) -> None:
    run_id = send(None, command=["printf", "[%s]", "", "$HOME;*", "a b"])
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.output(run_id) == "[][$HOME;*][a b]"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["sh", "-c", "exit 3"], "exit code 3"),
        (["sh", "-c", "kill -9 $$"], "killed (signal 9, likely memory)"),
        (["sh", "-c", "kill -15 $$"], "killed (signal 15)"),
        (["no-such-program"], "The program 'no-such-program' was not found"),
        (["./acme.py"], "The program './acme.py' cannot be started"),
        (["", "x"], "The command's program is an empty word"),
    ],
)
def test_a_command_that_fails_says_how(
    send: Send, ledger: Ledger, command: list[str], error: str
) -> None:
    run_id = send(None, command=command)
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert ledger.run(run_id)["error"].startswith(error)


def test_a_command_is_retried_as_any_other_job(send: Send, ledger: Ledger) -> None:
    run_id = send(None, command=["false"], retry={"max_retries": 1, "delay": "1s"})
    wait_until(lambda: ledger.run(run_id)["error"] and ledger.state(run_id) == "queued")
    assert [attempt.error for attempt in ledger.attempts(run_id)] == ["exit code 1"]


TRAP = 'trap "echo told; exit 7" TERM; echo $$ > {file}; while true; do sleep 0.05; done'


def trap(file: Path) -> list[str]:
    return ["sh", "-c", TRAP.format(file=file)]


def test_a_soft_limit_asks_a_command_to_end(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    run_id = send(None, command=trap(tmp_path / "pid"), soft_timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    assert ledger.run(run_id)["error"] == "not ended within its soft time limit of 1s"
    assert ledger.output(run_id).endswith("told\n")


def test_a_cancel_asks_a_command_to_end(send: Send, ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    run_id = send(None, command=trap(file))
    wait_until(lambda: has_line(file))
    ledger.change_run(run_id, cancel_requested_at=func.now())
    wait_until(lambda: ledger.state(run_id) == "cancelled")
    assert ledger.output(run_id).endswith("told\n")


def test_fault_42_a_hard_limit_ends_a_command_that_ignores_signals(
    send: Send, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    ignoring = f'trap "" TERM; echo $$ > {file}; while true; do sleep 1; done'
    run_id = send(None, command=["sh", "-c", ignoring], timeout="1s")
    wait_until(lambda: ledger.state(run_id) == "failed")
    pid = int(file.read_text(encoding="utf-8"))
    wait_until(lambda: is_gone(pid))


def test_fault_44_the_output_of_a_command_is_bounded(send: Send, ledger: Ledger) -> None:
    run_id = send(None, command=["sh", "-c", "yes | head -c 100000000"])
    wait_until(lambda: ledger.state(run_id) == "succeeded", timeout_seconds=30)
    assert len(ledger.output(run_id)) < 1_500_000
