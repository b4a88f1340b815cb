"""A run from its claim to its end, in this process and on a real database."""

import logging
import os
import sys
import uuid

import celery.exceptions
import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import func

from jobrunner.call import SOFT_LIMIT_SIGNAL
from jobrunner.db.attempts import Claim
from jobrunner.db.engine import make_engine, transaction
from jobrunner.db.kept_connection import KeptConnection
from jobrunner.db.refused import read_refused
from jobrunner.errors import DatabaseUnavailable
from jobrunner.execute import Executed, Home, execute_run
from jobrunner.output import Capture
from jobrunner.run import RunState
from tests.execute.conftest import Execute
from tests.ledger import Ledger

TASKS = """
import asyncio
import json
import logging
import os
import signal
import sys
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from billiard.exceptions import SoftTimeLimitExceeded

from jobrunner.call import CANCEL_SIGNAL, SOFT_LIMIT_SIGNAL

loops = []
leftovers = []


def add(a, b=0):
    return a + b


def nothing():
    pass


def talk():
    print("printed")
    logging.getLogger("acme").warning("logged")


def read_no_json():
    json.loads("{")


def fail():
    raise ValueError("first line\\nsecond line")


def leave():
    sys.exit(3)


def bad_message(error=RuntimeError):
    class Silent(Exception):
        def __str__(self):
            raise error("mute")
    raise Silent


def bad_message_that_interrupts():
    bad_message(KeyboardInterrupt)


def bad_module():
    class Nowhere(Exception):
        __module__ = "a\\x00b\\ud800"
    raise Nowhere("told")


def nul():
    return "a\\x00b"


def unjson():
    return object()


def reads_nothing():
    yield 1


@dataclass
class Report:
    day: date
    rows: set[int]


def natural():
    return {"report": Report(date(2026, 11, 21), {1}), date(2026, 11, 22): [Decimal("1.10"), Path("a")]}


def large():
    return "x" * 300_000


def change(rows):
    rows.append(4)
    return rows


async def loop():
    loops.append(asyncio.get_running_loop())
    return len({id(loop) for loop in loops})


def soft():
    os.kill(os.getpid(), SOFT_LIMIT_SIGNAL)
    threading.Event().wait(10)


def soft_handled():
    try:
        soft()
    except SoftTimeLimitExceeded:
        return "tidied up"


async def soft_async():
    leftovers.append(asyncio.create_task(asyncio.sleep(60)))
    os.kill(os.getpid(), SOFT_LIMIT_SIGNAL)
    await asyncio.sleep(10)


def cancel():
    try:
        os.kill(os.getpid(), CANCEL_SIGNAL)
        threading.Event().wait(10)
    except Exception:
        return "a broad except does not hold it"


async def cancel_async():
    os.kill(os.getpid(), CANCEL_SIGNAL)
    await asyncio.sleep(10)


async def cancels_itself():
    raise asyncio.CancelledError
"""


@pytest.fixture
def tasks() -> str:
    """What the module `acme` holds."""
    return TASKS


class TestSuccess:
    def test_what_the_callable_returns_is_the_result(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.add", args=[1], kwargs={"b": 2}))
        assert (row["state"], row["result"], row["error"]) == ("succeeded", 3, None)

    def test_none_is_no_result(self, execute: Execute, ledger: Ledger) -> None:
        assert ledger.run(execute("acme.nothing"))["result"] is None

    def test_a_coroutine_runs_on_one_loop_that_lives_on(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        assert ledger.run(execute("acme.loop"))["result"] == 1
        assert ledger.run(execute("acme.loop"))["result"] == 1

    def test_what_is_printed_and_logged_is_kept(
        self, execute: Execute, capture: Capture, ledger: Ledger
    ) -> None:
        capture.install(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        assert ledger.output(execute("acme.talk")) == "printed\nWARNING acme logged\n"

    def test_fault_45_a_result_that_is_no_json_leaves_a_note(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.unjson"))
        assert (row["state"], row["result"]) == ("succeeded", None)
        assert "the result is no JSON" in row["error"]

    def test_what_has_one_usual_form_in_json_is_kept_in_it(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.natural"))
        assert (row["result"], row["error"]) == (
            {"report": {"day": "2026-11-21", "rows": [1]}, "2026-11-22": ["1.10", "a"]},
            None,
        )

    def test_a_generator_is_no_result_and_is_not_read(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.reads_nothing"))
        assert (row["state"], row["result"]) == ("succeeded", None)
        assert "generator" in row["error"]

    def test_fault_46_a_large_result_is_cut_with_a_note(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.large"))
        assert row["state"] == "succeeded"
        assert len(row["result"]) <= 256 * 1024
        assert "300,002 bytes of JSON" in row["error"]

    def test_a_result_that_the_database_cannot_hold_leaves_a_note(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.nul"))
        assert (row["state"], row["result"]) == ("succeeded", None)
        assert "cannot be stored" in row["error"]

    def test_a_callable_that_changes_its_arguments_changes_them_once(
        self, home: Home, ledger: Ledger
    ) -> None:
        job_id = ledger.add_job("acme.change", kwargs={"rows": [1]})
        first, second = ledger.add_run(job_id), ledger.add_run(job_id)
        execute_run(home, Claim(first, uuid.uuid4()))
        execute_run(home, Claim(second, uuid.uuid4()))
        assert ledger.run(second)["result"] == [1, 4]


class TestFailure:
    def test_an_exception_ends_the_run_with_its_first_line(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        row = ledger.run(execute("acme.fail"))
        assert (row["state"], row["error"]) == ("failed", "ValueError: first line")

    def test_the_traceback_begins_with_the_users_code(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        attempt = ledger.attempts(execute("acme.fail"))[0]
        assert attempt.error_type == "ValueError"
        assert attempt.traceback is not None
        assert attempt.traceback.splitlines()[1].endswith("in fail")

    def test_a_failed_attempt_with_retries_left_waits_for_its_next(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        retry = {"max_retries": 2, "delay": "1m", "jitter": False}
        run_id = execute("acme.fail", retry=retry)
        assert ledger.state(run_id) == "queued"
        assert ledger.seconds_until_available(run_id) == pytest.approx(60, abs=2)

    def test_only_listed_exceptions_are_retried(self, execute: Execute, ledger: Ledger) -> None:
        run_id = execute("acme.fail", retry={"max_retries": 2, "for": ["ConnectionError"]})
        assert ledger.state(run_id) == "failed"

    @pytest.mark.parametrize(
        "name", ["json.decoder.JSONDecodeError", "json.JSONDecodeError", "ValueError"]
    )
    def test_an_exception_is_listed_by_where_it_is_made_and_by_where_it_is_imported_from(
        self, execute: Execute, ledger: Ledger, name: str
    ) -> None:
        run_id = execute("acme.read_no_json", retry={"max_retries": 2, "for": [name]})
        assert ledger.state(run_id) == "queued"

    def test_sys_exit_is_a_failure_of_the_run_only(self, execute: Execute, ledger: Ledger) -> None:
        assert ledger.run(execute("acme.leave"))["error"] == "SystemExit: 3"

    @pytest.mark.parametrize("task", ["bad_message", "bad_message_that_interrupts"])
    def test_an_exception_without_a_text_is_told_all_the_same(
        self, execute: Execute, ledger: Ledger, task: str
    ) -> None:
        assert "its text cannot be made" in ledger.run(execute(f"acme.{task}"))["error"]

    def test_a_class_whose_name_cannot_be_stored_is_told_all_the_same(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        attempt = ledger.attempts(execute("acme.bad_module"))[0]
        assert attempt.error_type == "a\ufffdb\\ud800.bad_module.<locals>.Nowhere"

    def test_fault_41_a_missing_callable_is_named(self, execute: Execute, ledger: Ledger) -> None:
        attempt = ledger.attempts(execute("acme.absent"))[0]
        assert attempt.error_type == "callable_missing"

    def test_a_definition_that_cannot_be_read_ends_its_run(
        self, home: Home, ledger: Ledger
    ) -> None:
        job_id = ledger.add_job("acme.nothing")
        run_id = ledger.add_run(job_id)
        ledger.spoil_definition(job_id, timeout="sometimes")
        execute_run(home, Claim(run_id, uuid.uuid4()))
        assert ledger.state(run_id) == "failed"
        assert "cannot be read: timeout: " in ledger.run(run_id)["error"]

    @pytest.mark.parametrize(
        "keys", [{"from_the_future": True}, {"retry": {"from_the_future": True}}]
    )
    def test_fault_69_a_definition_with_keys_of_a_newer_version_is_left_to_newer_workers(
        self, home: Home, ledger: Ledger, keys: dict[str, object]
    ) -> None:
        job_id = ledger.add_job("acme.nothing")
        run_id = ledger.add_run(job_id)
        ledger.spoil_definition(job_id, **keys)

        assert execute_run(home, Claim(run_id, uuid.uuid4())) is None

        run = ledger.run(run_id)
        assert (run["state"], run["attempt"], run["sent_at"]) == ("queued", 0, None)
        assert ledger.attempts(run_id) == []
        assert 25 < ledger.seconds_until_available(run_id) <= 30
        with transaction(ledger.engine) as connection:
            [refused] = read_refused(connection)
        assert "from_the_future: Extra inputs are not permitted" in refused.reason
        assert refused.message == f"run {run_id}"

    def test_fault_69_a_newer_worker_does_what_an_older_one_has_left(
        self, home: Home, ledger: Ledger
    ) -> None:
        job_id = ledger.add_job("acme.nothing")
        run_id = ledger.add_run(job_id)
        ledger.spoil_definition(job_id, from_the_future=True)
        execute_run(home, Claim(run_id, uuid.uuid4()))
        ledger.learn(job_id, "from_the_future")
        ledger.make_available(run_id)

        execute_run(home, Claim(run_id, uuid.uuid4()))

        assert (ledger.state(run_id), ledger.run(run_id)["attempt"]) == ("succeeded", 1)

    def test_a_refused_callable_is_not_retried(self, execute: Execute, ledger: Ledger) -> None:
        run_id = execute("os.getcwd", retry={"max_retries": 3})
        assert (ledger.state(run_id), ledger.attempts(run_id)[0].error_type) == (
            "failed",
            "refused",
        )

    def test_wrong_arguments_are_told_with_the_signature(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        assert "It is add(a, b=0)." in ledger.run(execute("acme.add"))["error"]


class TestInterruption:
    def test_a_soft_limit_is_an_exception_in_plain_code(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        run_id = execute("acme.soft", soft_timeout="20s")
        assert (ledger.state(run_id), ledger.attempts(run_id)[0].error_type) == (
            "failed",
            "timeout",
        )
        assert ledger.run(run_id)["error"] == "not ended within its soft time limit of 20s"

    def test_a_callable_may_tidy_up_and_succeed(self, execute: Execute, ledger: Ledger) -> None:
        assert ledger.run(execute("acme.soft_handled"))["result"] == "tidied up"

    def test_a_soft_limit_cancels_a_coroutine_and_what_it_left(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        run_id = execute("acme.soft_async", soft_timeout="20s")
        assert ledger.attempts(run_id)[0].error_type == "timeout"
        assert sys.modules["acme"].leftovers[0].cancelled()

    @pytest.mark.parametrize("task", ["acme.cancel", "acme.cancel_async"])
    def test_a_cancel_ends_the_run_as_cancelled(
        self, execute: Execute, ledger: Ledger, task: str
    ) -> None:
        run_id = execute(task, retry={"max_retries": 3})
        assert (ledger.state(run_id), ledger.attempts(run_id)[0].state) == (
            "cancelled",
            "cancelled",
        )

    def test_a_coroutine_that_cancels_itself_has_failed(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        assert ledger.state(execute("acme.cancels_itself")) == "failed"

    def test_a_signal_between_two_runs_has_no_effect(
        self, execute: Execute, ledger: Ledger
    ) -> None:
        execute("acme.nothing")
        os.kill(os.getpid(), SOFT_LIMIT_SIGNAL)
        assert ledger.state(execute("acme.nothing")) == "succeeded"


class TestClaim:
    def test_a_run_that_is_over_is_not_made_again(self, home: Home, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job("acme.nothing"))
        wanted = Claim(run_id, uuid.uuid4())
        assert execute_run(home, wanted) == Executed(run_id, "test/job", 1, RunState.SUCCEEDED)
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is None
        assert len(ledger.attempts(run_id)) == 1

    def test_a_message_whose_first_child_died_after_its_claim_ends_that_attempt(
        self, home: Home, ledger: Ledger
    ) -> None:
        run_id = ledger.add_run(ledger.add_job("acme.nothing"))
        same_token = ledger.claim(run_id).claim
        assert execute_run(home, same_token) is None
        assert ledger.state(run_id) == "lost"
        assert len(ledger.attempts(run_id)) == 1

    def test_an_expired_run_ends_as_expired(self, home: Home, ledger: Ledger) -> None:
        run_id = ledger.add_run(ledger.add_job("acme.nothing"), expires_at=func.now())
        assert execute_run(home, Claim(run_id, uuid.uuid4())) is None
        assert ledger.state(run_id) == "expired"

    def test_fault_50_without_a_database_nothing_is_called(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobrunner.execute.CLAIM_PATIENCE_SECONDS", 0.2)
        url = "postgresql://nobody:secret@127.0.0.1:1/none"
        home.database = KeptConnection(make_engine(url, application_name="test"))
        with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1 \(database none\)"):
            execute_run(home, Claim(uuid.uuid4(), uuid.uuid4()))

    def test_a_lost_connection_between_claim_and_end_is_made_anew(
        self, home: Home, ledger: Ledger
    ) -> None:
        run_id = ledger.add_run(ledger.add_job("acme.nothing"))
        execute_run(home, Claim(run_id, uuid.uuid4()))
        second = ledger.add_run(ledger.add_job("acme.nothing", name="second"))
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'jobrunner run'"
            )
        assert execute_run(home, Claim(second, uuid.uuid4())) is not None
        assert ledger.state(second) == "succeeded"


def test_the_exception_of_a_soft_limit_is_the_one_that_celery_users_know() -> None:
    assert celery.exceptions.SoftTimeLimitExceeded is SoftTimeLimitExceeded
