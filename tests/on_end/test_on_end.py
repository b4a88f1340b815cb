"""`on_end` by a real worker: after any end, in a process of its own, at least once."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func

from jobrunner.db.engine import database_now, transaction
from jobrunner.db.runs import cancel_run
from jobrunner.recover import end_lost_attempts, end_or_free_waiting_runs
from tests.ledger import NOON, Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.conftest import Send, StartWorker, has_line, is_gone


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the clean-up notes what it was called with."""
    return tmp_path / "cleaned"


def calls(file: Path) -> list[Any]:
    """What the clean-ups were called with, in order."""
    wait_until(lambda: has_line(file))
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def is_cleaned(ledger: Ledger, run_id: uuid.UUID) -> bool:
    return ledger.run(run_id)["on_end_at"] is None


@pytest.mark.parametrize(
    ("how", "state", "error"),
    [
        ("returns", "succeeded", None),
        ("fails", "failed", "RuntimeError: no such request"),
        ("dies", "lost", "its process died: killed (signal 9, likely memory)"),
    ],
)
def test_it_is_called_once_after_the_end_with_what_became_of_the_run(
    start_worker: StartWorker,
    send: Send,
    ledger: Ledger,
    file: Path,
    how: str,
    state: str,
    error: str | None,
) -> None:
    start_worker("-c", "1")
    kwargs = {"file": str(file), "how": how}
    run_id = send("tidy.work", on_end="tidy.told", kwargs=kwargs)
    wait_until(lambda: is_cleaned(ledger, run_id))
    [[*told, result]] = calls(file)
    assert told == [state, 1, error, [], kwargs]
    assert result == ledger.run(run_id)["result"]


def test_it_is_called_after_the_last_retry_only(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    start_worker("-c", "1")
    run_id = send(
        "tidy.work", on_end="tidy.told", kwargs={"file": str(file), "how": "fails"},
        retry={"max_retries": 1, "delay": "60s"},
    )  # fmt: skip
    wait_until(lambda: ledger.run(run_id)["attempt"] == 1 and ledger.state(run_id) == "queued")
    other = send("tidy.work", on_end="tidy.alone", kwargs={"file": str(file)})
    wait_until(lambda: is_cleaned(ledger, other))
    assert not file.exists()
    assert ledger.run(run_id)["on_end_tries"] == 0


def test_a_coroutine_is_awaited(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    start_worker("-c", "1")
    run_id = send("tidy.work", on_end="tidy.later", kwargs={"file": str(file)})
    wait_until(lambda: is_cleaned(ledger, run_id))
    assert calls(file)[0][0] == "succeeded"


def test_it_need_not_take_the_run_and_knows_it_all_the_same(
    start_worker: StartWorker, send: Send, ledger: Ledger, folder: Project, file: Path
) -> None:
    worker = start_worker("-c", "1")
    run_id = send("tidy.work", on_end="tidy.alone", kwargs={"file": str(file)})
    wait_until(lambda: is_cleaned(ledger, run_id))
    parent = (folder.path / f"{run_id}.cleaned").read_text(encoding="utf-8")
    assert int(parent) == worker.pid  # so it was no child of the pool's


def test_it_waits_behind_no_run(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    start_worker("-c", "1")
    busy = send("tidy.work", kwargs={"file": str(file), "how": "waits"})
    wait_until(lambda: ledger.state(busy) == "running")
    waiting = send("tidy.work", on_end="tidy.told", kwargs={"file": str(file)})
    with transaction(ledger.engine) as connection:
        cancel_run(connection, waiting, actor="a test")
    assert calls(file)[0][:3] == ["cancelled", 0, "cancelled by a test"]
    assert ledger.state(busy) == "running"


def test_what_it_prints_stands_after_the_output_of_the_run(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    start_worker("-c", "1")
    run_id = send("tidy.work", on_end="tidy.told", kwargs={"file": str(file)})
    wait_until(lambda: is_cleaned(ledger, run_id))
    assert ledger.output(run_id) == "on_end: tidy.told, try 1\ncleaning up succeeded\n"


@pytest.mark.parametrize(
    ("on_end", "error"),
    [
        ("tidy.fails", "ValueError: the disk is full"),
        ("tidy.dies", "its process died: signal 9"),
        ("tidy.gone", "tidy.gone cannot be found: module tidy has no 'gone'."),
        ("os.getcwd", "os.getcwd may not be loaded: modules of Python itself are no tasks."),
    ],
)
def test_one_that_fails_is_due_again_and_says_why(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path, on_end: str, error: str
) -> None:
    worker = start_worker("-c", "1")
    run_id = send("tidy.work", on_end=on_end, kwargs={"file": str(file)})
    wait_until(lambda: ledger.run(run_id)["on_end_error"])
    row = ledger.run(run_id)
    assert (row["state"], row["on_end_error"], row["on_end_tries"]) == ("succeeded", error, 1)
    with transaction(ledger.engine) as connection:
        wait = row["on_end_at"] - database_now(connection)
    assert timedelta(seconds=1) < wait <= timedelta(seconds=5)
    worker.wait_for_line("on_end_failed")


def test_a_worker_that_is_killed_leaves_it_to_another(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    worker = start_worker("-c", "1")
    run_id = send("tidy.work", on_end="tidy.told", kwargs={"file": str(file), "how": "waits"})
    wait_until(lambda: ledger.state(run_id) == "running")
    worker.kill()
    worker.wait()
    ledger.change_run(run_id, lease_until=NOON)
    end_lost_attempts(ledger.engine, settle_for=NOON - NOON)
    start_worker("-c", "1")
    wait_until(lambda: is_cleaned(ledger, run_id))
    assert calls(file)[0][:2] == ["lost", 1]


def test_it_is_called_for_a_run_that_has_expired(
    start_worker: StartWorker, ledger: Ledger, file: Path
) -> None:
    job_id = ledger.add_job("tidy.work", on_end="tidy.told", kwargs={"file": str(file)})
    ledger.add_run(job_id, expires_at=NOON)
    end_or_free_waiting_runs(ledger.engine)
    start_worker("-c", "1")
    assert calls(file)[0][:3] == ["expired", 0, "not started before its expiry"]


def test_a_worker_leaves_the_clean_ups_of_other_queues_alone(
    start_worker: StartWorker, ledger: Ledger, file: Path
) -> None:
    job_id = ledger.add_job("tidy.work", on_end="tidy.told", kwargs={"file": str(file)})
    other = ledger.add_run(job_id, queue="other", state="succeeded", finished_at=func.now())
    here = ledger.add_run(job_id, state="succeeded", finished_at=func.now())
    start_worker("-c", "1")
    wait_until(lambda: is_cleaned(ledger, here))
    assert ledger.run(other)["on_end_tries"] == 0


def test_a_stop_lets_it_end_within_the_grace_time(
    start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    worker = start_worker("-c", "1")
    run_id = send("tidy.work", on_end="tidy.slow", kwargs={"file": str(file)})
    wait_until(lambda: has_line(file))
    worker.terminate()
    assert worker.wait() == 0
    assert file.read_text(encoding="utf-8").endswith("cleaned\n")
    assert is_cleaned(ledger, run_id)


def test_what_outlasts_the_grace_time_is_killed_and_left_to_others(
    folder: Project, start_worker: StartWorker, send: Send, ledger: Ledger, file: Path
) -> None:
    folder.environment["JOBRUNNER_WORKER_GRACE_SECONDS"] = "0"
    worker = start_worker("-c", "1")
    run_id = send("tidy.work", on_end="tidy.slow", kwargs={"file": str(file)})
    wait_until(lambda: has_line(file))
    worker.terminate()
    worker.wait()
    assert is_gone(int(file.read_text(encoding="utf-8").splitlines()[0]))
    assert not is_cleaned(ledger, run_id)
