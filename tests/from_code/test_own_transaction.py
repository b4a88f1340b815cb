"""`trigger` without a session: the run exists when it returns, and what it refuses is a sentence."""

import asyncio
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

import jobrunner
from jobrunner.current import entered
from jobrunner.errors import Conflict, DatabaseUnavailable, NotFound, UsageError
from tests.from_code.conftest import Rows
from tests.ledger import Ledger


def test_the_run_exists_with_its_arguments(job: str, rows: Rows) -> None:
    triggered = jobrunner.trigger(job, {"n": 1})
    (row,) = rows()
    assert (row.id, row.state, row.kwargs) == (triggered.run_id, "queued", {"n": 1})
    assert (triggered.is_new, triggered.start) == (True, "send")


def test_async_code_waits_without_blocking_its_loop(job: str, rows: Rows) -> None:
    triggered = asyncio.run(jobrunner.trigger_async(job, {"n": 1}))
    assert [row.id for row in rows()] == [triggered.run_id]


def test_the_same_request_is_the_same_run(job: str, rows: Rows) -> None:
    first = jobrunner.trigger(job, {"n": 1}, request_id="order-7")
    second = jobrunner.trigger(job, {"n": 1}, request_id="order-7")
    assert (second.run_id, second.is_new) == (first.run_id, False)
    assert len(rows()) == 1


def test_the_same_request_with_other_arguments_is_refused(job: str, rows: Rows) -> None:
    jobrunner.trigger(job, {"n": 1}, request_id="order-7")
    with pytest.raises(Conflict, match="'order-7' was already used with other arguments"):
        jobrunner.trigger(job, {"n": 2}, request_id="order-7")
    assert len(rows()) == 1


def test_a_request_of_another_caller_is_the_same_request(job: str) -> None:
    outside = jobrunner.trigger(job, request_id="order-7")
    with entered(RUN):
        inside = jobrunner.trigger(job, request_id="order-7")
    assert inside.run_id == outside.run_id


def test_fifty_equal_requests_of_threads_at_once_are_one_run(job: str, rows: Rows) -> None:
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(jobrunner.trigger, job, {"n": 1}, request_id="7") for _ in range(50)]
        ids = {future.result().run_id for future in asked}
    assert ids == {row.id for row in rows()}
    assert len(ids) == 1


FORKS = """
import multiprocessing, os, jobrunner

def ask(number):
    return jobrunner.trigger("test/job", request_id="7").run_id

jobrunner.trigger("test/job")  # from here on there is a pooled connection, which no child may use
with multiprocessing.get_context("fork").Pool(5) as pool:
    ids = set(pool.map(ask, range(50)))
jobrunner.trigger("test/job")
print(len(ids))
"""


@pytest.mark.usefixtures("job")
def test_fifty_equal_requests_of_forked_processes_are_one_run(rows: Rows) -> None:
    told = subprocess.run([sys.executable, "-c", FORKS], check=True, capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("1\n", "")
    assert len(rows()) == 3


def test_a_connection_that_the_server_has_closed_is_replaced_unseen(
    job: str, engine: Engine, rows: Rows
) -> None:
    jobrunner.trigger(job)
    with engine.begin() as connection:
        connection.execute(
            text("""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'jobrunner code' AND datname = current_database()
            """)
        )
    jobrunner.trigger(job)
    assert len(rows()) == 2


RUN = jobrunner.CurrentRun(uuid.uuid4(), "ops/parent", 1, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_run_that_asks_is_named(job: str, rows: Rows) -> None:
    with entered(RUN):
        jobrunner.trigger(job)
    assert rows()[0].created_by == f"ops/parent (run {RUN.id})"


def test_a_run_that_asks_from_async_code_is_named(job: str, rows: Rows) -> None:
    with entered(RUN):
        asyncio.run(jobrunner.trigger_async(job))
    assert rows()[0].created_by == f"ops/parent (run {RUN.id})"


def test_whoever_is_named_has_the_run_as_his_own(job: str, rows: Rows) -> None:
    jobrunner.trigger(job, created_by="ada")
    asyncio.run(jobrunner.trigger_async(job, created_by="ada"))
    assert [row.created_by for row in rows()] == ["ada", "ada"]


def test_nobody_is_named_by_an_empty_name(job: str) -> None:
    with pytest.raises(UsageError, match="nobody's"):
        jobrunner.trigger(job, created_by="")


@pytest.mark.usefixtures("job")
def test_overlap_is_obeyed_and_force_starts_anyway(ledger: Ledger) -> None:
    ledger.add_job(name="alone", overlap="skip")
    started = [jobrunner.trigger("test/alone", force=force).start for force in (False, False, True)]
    assert started == ["send", "skip", "send"]


@pytest.mark.usefixtures("job")
def test_a_repeated_request_tells_that_it_was_skipped(ledger: Ledger) -> None:
    ledger.add_job(name="alone", overlap="skip")
    jobrunner.trigger("test/alone")
    answers = [jobrunner.trigger("test/alone", request_id="7") for _ in range(2)]
    assert [(one.start, one.is_new) for one in answers] == [("skip", True), ("skip", False)]


@pytest.mark.usefixtures("job")
def test_an_unknown_job_is_told_in_a_sentence() -> None:
    with pytest.raises(NotFound, match="test/nobody"):
        jobrunner.trigger("test/nobody")


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\x00"])
def test_arguments_that_json_cannot_hold_are_refused(job: str, rows: Rows, value: object) -> None:
    with pytest.raises(UsageError, match="These arguments cannot be stored"):
        jobrunner.trigger(job, {"n": value})
    assert rows() == []


def test_an_empty_request_id_is_refused(job: str, rows: Rows) -> None:
    with pytest.raises(UsageError, match="request id is empty"):
        jobrunner.trigger(job, request_id="")
    assert rows() == []


def test_without_a_database_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/x")
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1") as raised:
        jobrunner.trigger("test/job")
    assert "secret" not in str(raised.value)
